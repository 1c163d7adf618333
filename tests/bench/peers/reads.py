"""
Peer of the reads: raw aiohttp and aiomysql, each request one joined statement, the same answers.

    python -m tests.bench.peers.reads PORT CONNECTION.json

`GET /me` (the key checked, one row), `GET /pipelines`, with `?code=` too, and `POST /quote` of a
distributor that is postpaid, without prices of its own or packages; nothing else is looked at.
"""

import asyncio
import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import aiomysql
import uvloop
from aiohttp import web

from tests.bench.peers.answers import ZONE, Refused, body, keys, limit_headers, now
from tests.bench.peers.plain import Row, make_pool
from tests.bench.peers.web import digest, listen, refusals

DISTRIBUTOR = (
    "d.id as distributor_id, d.code as distributor_code, d.name as distributor_name,"
    " d.status as distributor_status, d.currency, d.quota_period, d.quota_calls, d.quota_key,"
    " d.quota_used, d.rate_limit_per_minute, d.billing_mode, d.spend_limit, d.spend_period,"
    " d.spend_used, d.spend_reserved, d.allowed_ips"
)
KEY = "k.name as key_name, k.scopes, k.pipelines, k.sandbox, k.expires_at"
ME = (
    f"select {DISTRIBUTOR}, {KEY} from app_key k join distributors d on d.id = k.distributor_id"
    " where k.hash = %(digest)s and k.revoked_at is null"
)
LINK = (
    "l.pricing_mode, l.discount_rate, l.valid_from, l.valid_to, l.daily_quota as link_daily,"
    " l.monthly_quota as link_monthly, l.day_key as link_day, l.day_used as link_day_used,"
    " l.month_key as link_month, l.month_used as link_month_used"
)
CAPACITY = (
    "c.daily_quota as capacity_daily, c.monthly_quota as capacity_monthly,"
    " c.day_key as capacity_day, c.day_used as capacity_day_used, c.month_key as capacity_month,"
    " c.month_used as capacity_month_used, c.max_concurrency, c.running"
)
PRICE = (
    "r.step_key, r.model, r.unit, r.pricing_type, r.unit_price, r.unit_size, r.package_size,"
    " r.package_price, r.currency as price_currency"
)
CALLABLE = (
    " from distributors d join distributor_pipeline l on l.distributor_id = d.id and l.enabled = 1"
    " and (l.valid_from is null or l.valid_from <= %(moment)s)"
    " and (l.valid_to is null or l.valid_to > %(moment)s)"
    " join pipelines p on p.id = l.pipeline_id and p.status = 'published'"
    " left join pipeline_capacity c on c.pipeline_id = p.id"
    " where d.api_key_hash = %(digest)s"
)
PIPELINE = "p.id as pipeline_id, p.code, p.name, p.description, p.current_version"
PRICES = (
    " left join pipeline_pricing r on r.pipeline_id = x.pipeline_id and r.distributor_id = ''"
    " and r.enabled = 1 and r.currency = x.currency and r.effective_from <= %(moment)s"
    " and (r.effective_to is null or r.effective_to > %(moment)s)"
)
OF_PIPELINES = (
    f"select x.*, {PRICE} from (select count(*) over () as total, {DISTRIBUTOR}, {PIPELINE},"
    f" {LINK}, {CAPACITY}{CALLABLE}{{which}} order by p.code limit 21) x{PRICES}"
    " order by x.code, r.step_key, r.model, r.unit"
)
PAGE = OF_PIPELINES.format(which="")
ONE = OF_PIPELINES.format(which=" and p.code = %(code)s")
SHOWN_OF_PRICE = (
    "step_key", "model", "unit", "pricing_type", "unit_price", "unit_size", "package_size",
    "package_price",
)  # fmt: skip


@lru_cache(maxsize=4)
def starts(hour: datetime) -> tuple[datetime, datetime]:
    """When the quota day and the month after *hour* begin."""
    local = hour.replace(tzinfo=UTC).astimezone(ZONE).replace(hour=0)
    month = (local.replace(day=28) + timedelta(days=4)).replace(day=1)
    day, month = (
        moment.astimezone(UTC).replace(tzinfo=None) for moment in (local + DAY, month)
    )  # fmt: skip
    return day, month


DAY = timedelta(days=1)


def limit(scope: str, most: Any, usage: Any, resets_at: datetime | None, **more: Any) -> Row:
    total = usage + more.get("reserved", 0)
    row = {"scope": scope, "limit": most, "used": usage, **more, "remaining": most - total}
    return row | {"resets_at": resets_at}


def limits_of(row: Row, moment: datetime) -> list[Row]:
    """The limits of the distributor and, where *row* is of one, of a pipeline."""
    day, month = keys(moment)
    next_day, next_month = starts(moment.replace(minute=0, second=0, microsecond=0))
    usage = row["quota_used"] if row["quota_key"] == month else 0
    limits = [
        limit("spend", row["spend_limit"], row["spend_used"], None,
              reserved=row["spend_reserved"]),
        limit("distributor_month", row["quota_calls"], usage, next_month),
    ]  # fmt: skip
    if "link_day" not in row:
        return limits
    for kind in ("link", "capacity"):
        day_usage = row[f"{kind}_day_used"] if row[f"{kind}_day"] == day else 0
        month_usage = row[f"{kind}_month_used"] if row[f"{kind}_month"] == month else 0
        limits.append(limit(f"{kind}_day", row[f"{kind}_daily"], day_usage, next_day))
        limits.append(limit(f"{kind}_month", row[f"{kind}_monthly"], month_usage, next_month))
    limits.append(limit("concurrency", row["max_concurrency"], row["running"], None))
    return limits


def me_of(row: Row, prefix: str, moment: datetime) -> Row:
    limits = limits_of(row, moment)
    spend, quota = limits
    return {
        "code": row["distributor_code"], "name": row["distributor_name"],
        "status": row["distributor_status"], "currency": row["currency"],
        "quota_period": row["quota_period"], "quota_calls": row["quota_calls"],
        "quota_used": quota["used"], "quota_remaining": quota["remaining"],
        "quota_resets_at": quota["resets_at"], "time_zone": ZONE.key,
        "rate_limit_per_minute": row["rate_limit_per_minute"],
        "billing_mode": row["billing_mode"], "balance": None, "spend_limit": row["spend_limit"],
        "spend_period": row["spend_period"], "spend_used": row["spend_used"],
        "spend_reserved": row["spend_reserved"], "spend_remaining": spend["remaining"],
        "spend_resets_at": None, "allowed_ips": [], "api_key_prefix": prefix,
        "api_key_expires_at": row["expires_at"], "sandbox": bool(row["sandbox"]),
        "api_key_name": row["key_name"], "api_key_scopes": sorted(row["scopes"].split(",")),
        "api_key_pipelines": row["pipelines"] and row["pipelines"].split(","), "limits": limits,
    }  # fmt: skip


def pipeline_of(rows: list[Row], moment: datetime) -> Row:
    """A pipeline, of the rows that have its prices."""
    row = rows[0]
    percent = row["discount_rate"] if row["pricing_mode"] == "discount" else None
    return {
        "code": row["code"], "name": row["name"], "description": row["description"],
        "version_no": row["current_version"], "pricing_mode": row["pricing_mode"],
        "valid_from": row["valid_from"], "valid_to": row["valid_to"],
        "prices": [
            {name: price[name] for name in SHOWN_OF_PRICE}
            | {
                "unit_price": price["unit_price"] * percent if percent else price["unit_price"],
                "currency": price["price_currency"], "price_scope": "general", "units_left": None,
            }
            for price in rows
            if price["unit"] is not None
        ],
        "limits": limits_of(row, moment),
    }  # fmt: skip


def quote_of(rows: list[Row], lines: Iterable[Row]) -> Row:
    """What *lines* cost at the general prices of the pipeline."""
    row, items = rows[0], []
    for number, line in enumerate(lines):
        price = next((x for x in rows if x["unit"] == line["unit"]), None)
        if price is None:
            raise Refused(409, "price_missing")
        quantity = Decimal(line["quantity"]).quantize(Decimal("1e-6"))
        cost = (quantity / price["unit_size"] * price["unit_price"]).quantize(Decimal("1e-10"))
        items.append({
            "line_no": number, "step_key": line.get("step_key", ""),
            "model": line.get("model", ""), "unit": line["unit"], "quantity": quantity,
            **{name: price[name] for name in SHOWN_OF_PRICE[3:]}, "amount": cost,
            "price_scope": "general", "matched": "all", "units_left": None,
        })  # fmt: skip
    return {
        "pipeline": row["code"], "version_no": row["current_version"], "currency": row["currency"],
        "lines": items, "total": sum((item["amount"] for item in items), Decimal(0)),
        "admitted": all(item["remaining"] > 0 for item in limits_of(row, now())), "refusal": None,
    }  # fmt: skip


class Reads:
    """The reads, each one statement."""

    def __init__(self, pool: aiomysql.Pool) -> None:
        self.pool = pool

    async def rows(self, request: web.Request, text: str, **values: Any) -> list[Row]:
        values |= {"digest": digest(request), "moment": now()}
        async with self.pool.acquire() as connection, connection.cursor() as cursor:
            await cursor.execute(text, values)
            rows: list[Row] = await cursor.fetchall()
        if not rows or rows[0]["distributor_status"] != "active":
            raise Refused(401, "invalid_key")
        return rows

    async def me(self, request: web.Request) -> web.Response:
        (row,) = await self.rows(request, ME)
        return answer(me_of(row, request.headers["Authorization"][7:19], now()), row)

    async def pipelines(self, request: web.Request) -> web.Response:
        code = request.query.get("code")
        moment = now()
        if code:
            rows = await self.rows(request, ONE, code=code)
            return answer(pipeline_of(rows, moment) | {"version": None}, rows[0])
        rows = await self.rows(request, PAGE)
        items = [
            pipeline_of(list(group), moment) for _, group in groupby(rows, lambda row: row["code"])
        ]
        page = {"total": rows[0]["total"], "page": 1, "rows": items[:20], "next": None}
        return answer(page, rows[0])

    async def quote(self, request: web.Request) -> web.Response:
        value = json.loads(await request.read())
        rows = await self.rows(request, ONE, code=value["pipeline"])
        return answer(quote_of(rows, value["lines"]), rows[0])


def answer(value: Row, row: Row) -> web.Response:
    headers = limit_headers(row["quota_calls"], row["quota_used"])
    return web.Response(body=body(value), headers=headers, content_type="application/json")


async def serve(port: int, place: dict[str, Any]) -> None:
    reads = Reads(await make_pool(place))
    app = web.Application(middlewares=[refusals])
    app.router.add_get("/pipeline_dist/v1/me", reads.me)
    app.router.add_get("/pipeline_dist/v1/pipelines", reads.pipelines)
    app.router.add_post("/pipeline_dist/v1/quote", reads.quote)
    await listen(app, port)


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(serve(int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())))
