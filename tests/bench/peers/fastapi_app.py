"""
Peer (c): FastAPI and SQLAlchemy, one session and one transaction a call.

    BENCH_CONNECTION=FILE python -m uvicorn tests.bench.peers.fastapi_app:app

Runs in the benchmark's own environment, requirements-bench.lock.
"""

import asyncio
import hashlib
import json
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from pydantic import BaseModel
from sqlalchemy import URL, ForeignKey, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.bench.peers.answers import (
    begin_answer,
    body,
    finish_answer,
    keys,
    lease_end,
    limit_headers,
    now,
)

PLACE = json.loads(Path(os.environ["BENCH_CONNECTION"]).read_text())
engine = create_async_engine(
    URL.create(
        "mysql+aiomysql", PLACE["user"], PLACE["password"], "localhost", database=PLACE["name"],
        query={"unix_socket": PLACE["unix_socket"], "charset": "utf8mb4"},
    ),
    pool_size=16, max_overflow=0, isolation_level="READ COMMITTED",
)  # fmt: skip
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    """All tables."""


class Distributor(Base):
    __tablename__ = "distributors"
    id: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str]
    status: Mapped[str]
    currency: Mapped[str]
    api_key_hash: Mapped[str]
    quota_calls: Mapped[int]
    quota_key: Mapped[str | None]
    quota_used: Mapped[int]
    spend_limit: Mapped[Decimal]
    spend_used: Mapped[Decimal]
    entry_no: Mapped[int]


class Pipeline(Base):
    __tablename__ = "pipelines"
    id: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str]
    status: Mapped[str]
    terms_no: Mapped[int]


class Counters:
    daily_quota: Mapped[int]
    monthly_quota: Mapped[int]
    day_key: Mapped[str | None]
    day_used: Mapped[int]
    month_key: Mapped[str | None]
    month_used: Mapped[int]


class Link(Counters, Base):
    __tablename__ = "distributor_pipeline"
    id: Mapped[str] = mapped_column(primary_key=True)
    distributor_id: Mapped[str] = mapped_column(ForeignKey("distributors.id"))
    pipeline_id: Mapped[str] = mapped_column(ForeignKey("pipelines.id"))


class Capacity(Counters, Base):
    __tablename__ = "pipeline_capacity"
    id: Mapped[str] = mapped_column(primary_key=True)
    pipeline_id: Mapped[str] = mapped_column(ForeignKey("pipelines.id"))
    max_concurrency: Mapped[int]
    running: Mapped[int]


class Price(Base):
    __tablename__ = "pipeline_pricing"
    id: Mapped[str] = mapped_column(primary_key=True)
    pipeline_id: Mapped[str]
    step_key: Mapped[str]
    model: Mapped[str]
    unit: Mapped[str]
    unit_price: Mapped[Decimal]
    unit_size: Mapped[int]
    enabled: Mapped[int]
    effective_from: Mapped[datetime]
    effective_to: Mapped[datetime | None]


class Usage(Base):
    __tablename__ = "pipeline_usage_log"
    id: Mapped[str] = mapped_column(primary_key=True)
    call_no: Mapped[str]
    line_no: Mapped[int] = mapped_column(default=0)
    entry_no: Mapped[int | None]
    calls: Mapped[int] = mapped_column(default=1)
    distributor_id: Mapped[str]
    pipeline_id: Mapped[str]
    version_no: Mapped[int] = mapped_column(default=1)
    unit: Mapped[str] = mapped_column(default="")
    quantity: Mapped[Decimal] = mapped_column(default=Decimal(0))
    pricing_id: Mapped[str | None]
    matched: Mapped[str | None]
    pricing_type: Mapped[str | None]
    pricing_mode: Mapped[str | None]
    unit_price: Mapped[Decimal | None]
    unit_size: Mapped[int | None]
    amount: Mapped[Decimal] = mapped_column(default=Decimal(0))
    currency: Mapped[str]
    status: Mapped[str]
    idempotency_key: Mapped[str]
    request_hash: Mapped[str | None]
    end_hash: Mapped[str | None]
    source: Mapped[str] = mapped_column(default="api")
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    lease_seconds: Mapped[int | None]
    lease_expires_at: Mapped[datetime | None]
    duration_ms: Mapped[int | None]
    day_key: Mapped[str]
    month_key: Mapped[str]
    spend_day: Mapped[str | None]
    quota_key: Mapped[str | None]
    terms_no: Mapped[int | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str]


class UsageLine(BaseModel):
    unit: str
    quantity: Decimal
    step_key: str = ""
    model: str = ""


class NewCall(BaseModel):
    pipeline: str
    client_ref: str | None = None
    lease_seconds: int | None = None
    status: str | None = None
    lines: list[UsageLine] = []


class Ending(BaseModel):
    call_no: str
    status: str
    lines: list[UsageLine] = []


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def caller(authorization: Annotated[str, Header()]) -> str:
    digest = hashlib.sha256(authorization[7:].encode()).hexdigest()
    async with sessions() as session:
        distributor = await session.scalar(
            select(Distributor).where(Distributor.api_key_hash == digest)
        )
    if distributor is None or distributor.status != "active":
        raise HTTPException(401, "invalid_key")
    return distributor.id


async def in_transaction(work: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
    for attempt in range(5):
        try:
            async with sessions() as session, session.begin():
                return await work(session)
        except OperationalError as exc:
            if exc.orig is None or exc.orig.args[0] not in (1205, 1213) or attempt == 4:
                raise
        await asyncio.sleep(0.005 * 2**attempt)
    return None


def turn(row: Link | Capacity, day: str, month: str) -> None:
    if row.day_key != day:
        row.day_key, row.day_used = day, 0
    if row.month_key != month:
        row.month_key, row.month_used = month, 0
    if row.day_used >= row.daily_quota or row.month_used >= row.monthly_quota:
        raise HTTPException(429, "quota_exceeded")


async def locked(
    session: AsyncSession, distributor_id: str, pipeline_id: str
) -> tuple[Link, Capacity]:
    pair = (Link.distributor_id == distributor_id, Link.pipeline_id == pipeline_id)
    link = await session.scalar(select(Link).where(*pair).with_for_update())
    capacity = await session.scalar(
        select(Capacity).where(Capacity.pipeline_id == pipeline_id).with_for_update()
    )
    if link is None or capacity is None:
        raise HTTPException(404, "pipeline_not_found")
    return link, capacity


async def price_of(session: AsyncSession, header: Usage, unit: str) -> Price:
    at = header.started_at
    price = await session.scalar(
        select(Price)
        .where(
            Price.pipeline_id == header.pipeline_id,
            Price.unit == unit,
            Price.enabled == 1,
            Price.effective_from <= at,
            (Price.effective_to.is_(None)) | (Price.effective_to > at),
        )
        .order_by(Price.step_key.desc(), Price.model.desc())
        .limit(1)
    )
    if price is None:
        raise HTTPException(409, "price_missing")
    return price


async def settle(
    session: AsyncSession, distributor: Distributor, call: Usage, item: UsageLine, moment: datetime
) -> None:
    """Price the one item of a call that is over, and charge it."""
    price = await price_of(session, call, item.unit)
    call.unit, call.quantity = item.unit, item.quantity
    call.pricing_id, call.matched, call.pricing_type = price.id, "all", "unit"
    call.unit_price, call.unit_size = price.unit_price, price.unit_size
    call.amount = (item.quantity / price.unit_size * price.unit_price).quantize(Decimal("1e-10"))
    distributor.entry_no += 1
    distributor.spend_used += call.amount
    call.entry_no, call.spend_day = distributor.entry_no, keys(moment)[0]


def new_header(
    distributor: Distributor,
    pipeline: Pipeline,
    call: NewCall,
    key: str,
    request_hash: str,
    moment: datetime,
) -> Usage:
    day, month = keys(moment)
    call_no, slot = uuid.uuid4().hex, call.status is None
    return Usage(
        id=call_no, call_no=call_no, distributor_id=distributor.id, pipeline_id=pipeline.id,
        currency=distributor.currency, status=call.status or "reserved", pricing_mode="inherit",
        terms_no=pipeline.terms_no,
        idempotency_key=key, request_hash=request_hash, started_at=moment,
        finished_at=None if slot else moment, lease_seconds=300 if slot else None,
        lease_expires_at=lease_end(moment) if slot else None, duration_ms=None if slot else 0,
        day_key=day, month_key=month, quota_key=month, created_at=moment,
        created_by=distributor.code, updated_at=moment, updated_by=distributor.code,
    )  # fmt: skip


def take(distributor: Distributor, link: Link, capacity: Capacity, month: str, slot: bool) -> None:
    if distributor.quota_key != month:
        distributor.quota_key, distributor.quota_used = month, 0
    if distributor.quota_used >= distributor.quota_calls:
        raise HTTPException(429, "quota_exceeded")
    if distributor.spend_used >= distributor.spend_limit:
        raise HTTPException(402, "spend_limit_reached")
    if slot and capacity.running >= capacity.max_concurrency:
        raise HTTPException(429, "concurrency_exceeded")
    for row in (link, capacity):
        row.day_used += 1
        row.month_used += 1
    capacity.running += slot
    distributor.quota_used += 1


def line_of(item: Usage) -> dict[str, Any]:
    return {
        "unit": item.unit, "quantity": item.quantity, "unit_price": item.unit_price,
        "amount": item.amount,
    }  # fmt: skip


@app.post("/pipeline_dist/v1/calls", status_code=201)
async def begin(
    request: Request,
    call: NewCall,
    distributor_id: Annotated[str, Depends(caller)],
    idempotency_key: Annotated[str, Header()],
) -> Response:
    request_hash = hashlib.sha256(await request.body()).hexdigest()

    async def work(session: AsyncSession) -> tuple[dict[str, Any], Capacity]:
        moment = now()
        day, month = keys(moment)
        distributor = await session.get(Distributor, distributor_id, with_for_update=True)
        pipeline = await session.scalar(select(Pipeline).where(Pipeline.code == call.pipeline))
        if distributor is None or pipeline is None or pipeline.status != "published":
            raise HTTPException(404, "pipeline_not_found")
        link, capacity = await locked(session, distributor_id, pipeline.id)
        turn(link, day, month)
        turn(capacity, day, month)
        slot = call.status is None
        take(distributor, link, capacity, month, slot)
        header = new_header(distributor, pipeline, call, idempotency_key, request_hash, moment)
        call_no = header.call_no
        if slot:
            session.add(header)
            return begin_answer(call_no, pipeline.code, moment), capacity
        await settle(session, distributor, header, call.lines[0], moment)
        session.add(header)
        return finish_answer(call_no, pipeline.code, moment, moment, line_of(header)), capacity

    answer, capacity = await in_transaction(work)
    headers = limit_headers(capacity.daily_quota, capacity.day_used)
    return Response(body(answer), 201, headers, "application/json")


@app.post("/pipeline_dist/v1/calls/finish")
async def finish(
    request: Request, ending: Ending, distributor_id: Annotated[str, Depends(caller)]
) -> Response:
    request_hash = hashlib.sha256(await request.body()).hexdigest()

    async def work(session: AsyncSession) -> tuple[dict[str, Any], Capacity]:
        its = (Usage.call_no == ending.call_no, Usage.line_no == 0)
        pipeline_id = await session.scalar(
            select(Usage.pipeline_id).where(*its, Usage.distributor_id == distributor_id)
        )
        if pipeline_id is None:
            raise HTTPException(404, "call_not_found")
        distributor = await session.get(Distributor, distributor_id, with_for_update=True)
        _, capacity = await locked(session, distributor_id, pipeline_id)
        header = await session.scalar(select(Usage).where(*its).with_for_update())
        pipeline = await session.get(Pipeline, pipeline_id)
        if distributor is None or header is None or pipeline is None:
            raise HTTPException(404, "call_not_found")
        if header.status != "reserved":
            raise HTTPException(409, "already_finished")
        moment = now()
        await settle(session, distributor, header, ending.lines[0], moment)
        header.status, header.finished_at, header.end_hash = ending.status, moment, request_hash
        header.duration_ms = round((moment - header.started_at).total_seconds() * 1000)
        header.updated_at = moment
        capacity.running -= 1
        answer = finish_answer(
            header.call_no, pipeline.code, header.started_at, moment, line_of(header)
        )
        return answer, capacity

    answer, capacity = await in_transaction(work)
    headers = limit_headers(capacity.daily_quota, capacity.day_used)
    return Response(body(answer), 200, headers, "application/json")
