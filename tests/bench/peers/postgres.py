"""
Peer (e): raw aiohttp and asyncpg; all requests that wait are one call of a PostgreSQL function.

    python -m tests.bench.peers.postgres PORT FOLDER

FOLDER is where `postgres_server.py` has PostgreSQL's socket. One connection: while it is busy,
requests gather, and the next transaction has them all. Only calls in one go.
"""

import asyncio
import json
import sys
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg
import uvloop
from aiohttp import web

from tests.bench.peers.answers import (
    Refused,
    body,
    finish_answer,
    keys,
    limit_headers,
    now,
)
from tests.bench.peers.web import digest, hashed, listen, refusals

MAX_BATCH = 1000
ADMIT = "select * from bench_admit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request, as the function takes it, and who waits for its answer."""

    values: tuple[Any, ...]
    answer: "asyncio.Future[tuple[Any, Any]]"


class Batches:
    """Requests that wait, and the one connection that takes them."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self.queue: list[Waiting] = []
        self.more = asyncio.Event()

    async def run(self) -> None:
        while True:
            await self.more.wait()
            batch, self.queue = self.queue[:MAX_BATCH], self.queue[MAX_BATCH:]
            if not self.queue:
                self.more.clear()
            try:
                await self.admit(batch)
            except asyncpg.PostgresError:
                for one in batch:  # one of them is wrong: a key that was used before
                    try:
                        await self.admit([one])
                    except asyncpg.PostgresError as exc:
                        one.answer.set_exception(Refused(409, type(exc).__name__))

    async def admit(self, batch: list[Waiting]) -> None:
        moment = now()
        columns = [list(column) for column in zip(*(one.values for one in batch), strict=True)]
        rows = await self.connection.fetch(ADMIT, *columns, moment, *keys(moment))
        for row in rows:
            answer = batch[row["place"] - 1].answer
            if not answer.done():
                answer.set_result((moment, row))

    async def begin(self, request: web.Request) -> web.Response:
        raw = await request.read()
        value = json.loads(raw)
        item, call_no = value["lines"][0], uuid.uuid4().hex
        waiting = Waiting(
            (digest(request), value["pipeline"], request.headers["Idempotency-Key"],
             hashed(raw), item["unit"], Decimal(item["quantity"]), call_no),
            asyncio.get_running_loop().create_future(),
        )  # fmt: skip
        self.queue.append(waiting)
        self.more.set()
        moment, row = await waiting.answer
        if row["refused"] is not None:
            raise Refused(int(row["refused"][:3]), row["refused"][4:])
        line = {
            "unit": item["unit"], "quantity": Decimal(item["quantity"]),
            "unit_price": row["unit_price"], "amount": row["amount"],
        }  # fmt: skip
        answer = finish_answer(call_no, value["pipeline"], moment, moment, line)
        headers = limit_headers(row["daily_quota"], row["day_used"])
        return web.Response(
            body=body(answer), status=201, headers=headers, content_type="application/json"
        )


async def serve(port: int, folder: str) -> None:
    batches = Batches(await asyncpg.connect(host=folder, user="bench", database="bench"))
    app = web.Application(middlewares=[refusals])
    app.router.add_post("/pipeline_dist/v1/calls", batches.begin)
    await asyncio.gather(listen(app, port), batches.run())


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
