"""
Peers (b) and (d): raw aiohttp and aiomysql, with one plain transaction or one procedure a call.

    python -m tests.bench.peers.plain PORT CONNECTION.json plain|procedure

(b) does what any careful handler would: look the key up, lock distributor, link and capacity, read
the line and its price, check, insert, update, commit; again on a deadlock. (d) leaves all of it to
one stored procedure (procedure.sql).
"""

import asyncio
import json
import sys
import uuid
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiomysql
import uvloop
from aiohttp import web

from tests.bench.peers import statements as sql
from tests.bench.peers.answers import (
    Refused,
    begin_answer,
    body,
    finish_answer,
    keys,
    lease_end,
    limit_headers,
    now,
)
from tests.bench.peers.web import digest, hashed, listen, refusals

Row = dict[str, Any]
TRIES = 5


async def one(cursor: Any, text: str, values: Any) -> Row | None:
    await cursor.execute(text, values)
    row: Row | None = await cursor.fetchone()
    return row


def check_room(row: Row, day_limit: str, month_limit: str) -> None:
    if row["day_used"] >= row[day_limit] or row["month_used"] >= row[month_limit]:
        raise Refused(429, "quota_exceeded")


def turn(row: Row, day: str, month: str) -> None:
    if row["day_key"] != day:
        row["day_key"], row["day_used"] = day, 0
    if row["month_key"] != month:
        row["month_key"], row["month_used"] = month, 0


def check(distributor: Row, link: Row, capacity: Row, day: str, month: str, *, slot: bool) -> None:
    """Bring the counters to this day and month; raise Refused where there is no room."""
    for row in (link, capacity):
        turn(row, day, month)
        check_room(row, "daily_quota", "monthly_quota")
    if distributor["quota_key"] != month:
        distributor["quota_key"], distributor["quota_used"] = month, 0
    if distributor["quota_used"] >= distributor["quota_calls"]:
        raise Refused(429, "quota_exceeded")
    if distributor["spend_used"] >= distributor["spend_limit"]:
        raise Refused(402, "spend_limit_reached")
    if slot and capacity["running"] >= capacity["max_concurrency"]:
        raise Refused(429, "concurrency_exceeded")


class Plain:
    """(b): one plain transaction a call."""

    def __init__(self, pool: aiomysql.Pool) -> None:
        self.pool = pool

    async def caller(self, request: web.Request) -> str:
        async with self.pool.acquire() as connection, connection.cursor() as cursor:
            row = await one(cursor, sql.CALLER, (digest(request),))
        if row is None or row["status"] != "active":
            raise Refused(401, "invalid_key")
        return str(row["id"])

    async def transaction(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        for attempt in range(TRIES):
            async with self.pool.acquire() as connection, connection.cursor() as cursor:
                await connection.begin()
                try:
                    answer = await work(cursor)
                    await connection.commit()
                    return answer
                except aiomysql.OperationalError as exc:
                    await connection.rollback()
                    if exc.args[0] not in (1205, 1213) or attempt == TRIES - 1:
                        raise
                except BaseException:
                    await connection.rollback()
                    raise
            await asyncio.sleep(0.005 * 2**attempt)
        return None

    async def begin(self, request: web.Request) -> web.Response:
        distributor_id = await self.caller(request)
        raw = await request.read()
        value = json.loads(raw)
        key, request_hash = request.headers["Idempotency-Key"], hashed(raw)
        answer, headers = await self.transaction(
            lambda cursor: self._begin(cursor, distributor_id, value, key, request_hash)
        )
        return web.Response(
            body=body(answer), status=201, headers=headers, content_type="application/json"
        )

    async def _begin(
        self, cursor: Any, distributor_id: str, values: Row, key: str, request_hash: str
    ) -> tuple[Row, dict[str, str]]:
        distributor, pipeline, link, capacity = await self._locked(
            cursor, distributor_id, values["pipeline"]
        )
        moment, slot = now(), "status" not in values
        day, month = keys(moment)
        check(distributor, link, capacity, day, month, slot=slot)
        # Calls of the benchmarks have one item.
        item = (
            None if slot else await self._price(cursor, pipeline["id"], moment, values["lines"][0])
        )
        call_no = uuid.uuid4().hex
        row = sql.row_of(
            call_no, distributor, pipeline, key, request_hash, day, moment,
            lease_end(moment) if slot else None, item,
        )  # fmt: skip
        await cursor.execute(sql.INSERT, row)
        amount = item["amount"] if item else Decimal(0)
        await cursor.execute(
            sql.SAVE_DISTRIBUTOR,
            (month, distributor["quota_used"] + 1, distributor["spend_used"] + amount,
             distributor["entry_no"] + (not slot), distributor_id),
        )  # fmt: skip
        for counts, text in ((link, sql.SAVE_LINK), (capacity, sql.SAVE_CAPACITY)):
            more = (capacity["running"] + slot,) if counts is capacity else ()
            calls = counts["day_used"] + 1, month, counts["month_used"] + 1
            await cursor.execute(text, (day, *calls, *more, counts["id"]))
        headers = limit_headers(capacity["daily_quota"], capacity["day_used"] + 1)
        if slot:
            return begin_answer(call_no, pipeline["code"], moment), headers
        assert item is not None
        return finish_answer(call_no, pipeline["code"], moment, moment, item), headers

    async def _locked(
        self, cursor: Any, distributor_id: str, code: str
    ) -> tuple[Row, Row, Row, Row]:
        distributor = await one(cursor, sql.LOCK_DISTRIBUTOR, (distributor_id,))
        pipeline = await one(cursor, sql.PIPELINE, (code,))
        assert distributor is not None
        if pipeline is None or pipeline["status"] != "published":
            raise Refused(404, "pipeline_not_found")
        link = await one(cursor, sql.LOCK_LINK, (distributor_id, pipeline["id"]))
        capacity = await one(cursor, sql.LOCK_CAPACITY, (pipeline["id"],))
        assert link is not None
        assert capacity is not None
        return distributor, pipeline, link, capacity

    async def _price(self, cursor: Any, pipeline_id: str, at: Any, item: Row) -> Row:
        price = await one(cursor, sql.PRICE, (pipeline_id, item["unit"], at, at))
        if price is None:
            raise Refused(409, "price_missing")
        quantity = Decimal(item["quantity"])
        amount = (quantity / price["unit_size"] * price["unit_price"]).quantize(Decimal("1e-10"))
        return {**price, "quantity": quantity, "amount": amount}

    async def finish(self, request: web.Request) -> web.Response:
        distributor_id = await self.caller(request)
        raw = await request.read()
        value = json.loads(raw)
        answer, headers = await self.transaction(
            lambda cursor: self._finish(cursor, distributor_id, value, hashed(raw))
        )
        return web.Response(body=body(answer), headers=headers, content_type="application/json")

    async def _finish(
        self, cursor: Any, distributor_id: str, values: Row, request_hash: str
    ) -> tuple[Row, dict[str, str]]:
        row = await one(cursor, sql.HEADER, (values["call_no"],))
        if row is None or row["distributor_id"] != distributor_id:
            raise Refused(404, "call_not_found")
        distributor = await one(cursor, sql.LOCK_DISTRIBUTOR, (distributor_id,))
        link = await one(cursor, sql.LOCK_LINK, (distributor_id, row["pipeline_id"]))
        capacity = await one(cursor, sql.LOCK_CAPACITY, (row["pipeline_id"],))
        header = await one(cursor, sql.LOCK_HEADER, (values["call_no"],))
        assert distributor is not None
        assert link is not None
        assert capacity is not None
        assert header is not None
        if header["status"] != "reserved":
            raise Refused(409, "already_finished")
        code = await one(cursor, sql.CODE, (header["pipeline_id"],))
        assert code is not None
        moment = now()
        # Calls of the benchmarks have one item.
        item = await self._price(
            cursor, header["pipeline_id"], header["started_at"], values["lines"][0]
        )
        duration = round((moment - header["started_at"]).total_seconds() * 1000)
        entry_no = distributor["entry_no"] + 1
        await cursor.execute(
            sql.CLOSE,
            (values["status"], moment, duration, request_hash, moment, entry_no, keys(moment)[0],
             *sql.item_values(item), header["id"]),
        )  # fmt: skip
        spend = distributor["spend_used"] + item["amount"]
        await cursor.execute(sql.SAVE_SPEND, (spend, entry_no, distributor_id))
        await cursor.execute(sql.SAVE_RUNNING, (capacity["running"] - 1, capacity["id"]))
        headers = limit_headers(capacity["daily_quota"], capacity["day_used"])
        answer = finish_answer(header["call_no"], code["code"], header["started_at"], moment, item)
        return answer, headers


class Procedure:
    """(d): one procedure call a request."""

    def __init__(self, pool: aiomysql.Pool) -> None:
        self.pool = pool

    async def call(self, text: str, values: tuple[Any, ...]) -> Row:
        for attempt in range(TRIES):
            try:
                async with self.pool.acquire() as connection, connection.cursor() as cursor:
                    await cursor.execute(text, values)
                    row: Row = await cursor.fetchone()
                    while await cursor.nextset():
                        pass
                    break
            except aiomysql.OperationalError as exc:
                if exc.args[0] not in (1205, 1213) or attempt == TRIES - 1:
                    raise
                await asyncio.sleep(0.005 * 2**attempt)
        if row["refused"] is not None:
            raise Refused(int(row["refused"][:3]), row["refused"][4:])
        return row

    async def begin(self, request: web.Request) -> web.Response:
        raw = await request.read()
        value = json.loads(raw)
        moment = now()
        day, month = keys(moment)
        lines = value.get("lines") or [{"unit": None, "quantity": None}]
        row = await self.call(
            sql.CALL_BEGIN,
            (digest(request), value["pipeline"], request.headers["Idempotency-Key"], hashed(raw),
             value.get("status"), lines[0]["unit"], lines[0]["quantity"], uuid.uuid4().hex,
             moment, day, month),
        )  # fmt: skip
        if "status" in value:
            answer = finish_answer(row["call_no"], value["pipeline"], moment, moment, row)
        else:
            answer = begin_answer(row["call_no"], value["pipeline"], moment)
        headers = limit_headers(row["daily_quota"], row["day_used"])
        return web.Response(
            body=body(answer), status=201, headers=headers, content_type="application/json"
        )

    async def finish(self, request: web.Request) -> web.Response:
        raw = await request.read()
        value = json.loads(raw)
        moment, item = now(), value["lines"][0]
        row = await self.call(
            sql.CALL_FINISH,
            (digest(request), value["call_no"], value["status"], hashed(raw), item["unit"],
             item["quantity"], keys(moment)[0], moment),
        )  # fmt: skip
        answer = finish_answer(value["call_no"], row["code"], row["started_at"], moment, row)
        headers = limit_headers(row["daily_quota"], row["day_used"])
        return web.Response(body=body(answer), headers=headers, content_type="application/json")


async def make_pool(place: dict[str, Any]) -> aiomysql.Pool:
    """Connections to the database at *place*, as the application has them."""
    return await aiomysql.create_pool(
        unix_socket=place["unix_socket"], user=place["user"], password=place["password"],
        db=place["name"], charset="utf8mb4", autocommit=True, minsize=1, maxsize=16,
        cursorclass=aiomysql.DictCursor,
        init_command="set time_zone='+00:00', tx_isolation='READ-COMMITTED'",
    )  # fmt: skip


async def serve(port: int, place: dict[str, Any], way: str) -> None:
    pool = await make_pool(place)
    peer = Plain(pool) if way == "plain" else Procedure(pool)
    app = web.Application(middlewares=[refusals])
    app.router.add_post("/pipeline_dist/v1/calls", peer.begin)
    app.router.add_post("/pipeline_dist/v1/calls/finish", peer.finish)
    await listen(app, port)


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(serve(int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()), sys.argv[3]))
