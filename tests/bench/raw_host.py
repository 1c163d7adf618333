"""
The peers of the host benchmark: plain aiohttp and aiomysql, no framework, no checks beyond the key.

`python tests/bench/raw_host.py PORT CONNECTION.json DISTRIBUTOR_SQL_FILE` serves
/hello (a constant), /row (the statements of an API read) and /list (the generated SQL as it comes
from stock xls2ui and sqlor).
"""

import asyncio
import hashlib
import json
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiomysql
import uvloop
from aiohttp import web

LIST = "select * from pipelines where 1=1"
COUNT = f"select count(*) rcnt from ({LIST}) rowcount_table"
PAGE = f"select *, row_number() over(order by name) as row_num_ from ({LIST}) A limit 0, 20"


def text_of(value: Any) -> str:
    if isinstance(value, Decimal | datetime):
        return str(value)
    raise TypeError(type(value))


def answer(value: Any) -> web.Response:
    return web.Response(
        body=json.dumps(value, ensure_ascii=False, default=text_of).encode(),
        content_type="application/json",
    )


async def hello(request: web.Request) -> web.Response:
    return answer({"ok": True})


async def row(request: web.Request) -> web.Response:
    digest = hashlib.sha256(request.headers["Authorization"][7:].encode()).hexdigest()
    async with (
        request.app["pool"].acquire() as connection,
        connection.cursor(aiomysql.DictCursor) as cursor,
    ):
        for statement in request.app["statements"]:
            await cursor.execute(statement, {"digest": digest})
            fetched_rows = await cursor.fetchall()
    return answer(fetched_rows[0])


async def rows(request: web.Request) -> web.Response:
    async with (
        request.app["pool"].acquire() as connection,
        connection.cursor(aiomysql.DictCursor) as cursor,
    ):
        await cursor.execute(COUNT)
        (total,) = await cursor.fetchall()
        await cursor.execute(PAGE)
        return answer({"total": total["rcnt"], "rows": await cursor.fetchall()})


async def serve(port: int, place: dict[str, Any], statements: list[str]) -> None:
    app = web.Application()
    app["statements"] = statements
    app["pool"] = await aiomysql.create_pool(
        unix_socket=place["unix_socket"], user=place["user"], password=place["password"],
        db=place["name"], charset="utf8mb4", autocommit=True, minsize=1, maxsize=16,
    )  # fmt: skip
    app.router.add_get("/hello", hello)
    app.router.add_get("/row", row)
    app.router.add_get("/list", rows)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    connection = json.loads(Path(sys.argv[2]).read_text())
    uvloop.install()
    asyncio.run(serve(int(sys.argv[1]), connection, json.loads(Path(sys.argv[3]).read_text())))
