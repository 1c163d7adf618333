"""
Peer of the reads: raw aiohttp and aiomysql, each request one joined statement, the same answers.

    python -m tests.bench.peers.reads PORT CONNECTION.json

`GET /me` (the key checked, one row), `GET /pipelines`, with `?code=` too, and `POST /quote` of a
distributor that is postpaid, without prices of its own or packages; nothing else is looked at.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import web

from tests.bench.peers.answers import ZONE, Refused, body, keys, limit_headers, now
from tests.bench.peers.plain import Row, digest, make_pool, refusals

_DISTRIBUTOR = (
    "d.id as distributor_id, d.code as distributor_code, d.name as distributor_name,"
    " d.status as distributor_status, d.currency, d.quota_period, d.quota_calls, d.quota_key,"
    " d.quota_used, d.rate_limit_per_minute, d.billing_mode, d.spend_limit, d.spend_period,"
    " d.spend_used, d.spend_reserved, d.allowed_ips, d.api_key_expires_at"
)
_ME = f"select {_DISTRIBUTOR} from distributors d where d.api_key_hash = %(digest)s"
_LINK = (
    "l.pricing_mode, l.valid_from, l.valid_to, l.daily_quota as link_daily,"
    " l.monthly_quota as link_monthly, l.day_key as link_day, l.day_used as link_day_used,"
    " l.month_key as link_month, l.month_used as link_month_used"
)
_CAPACITY = (
    "c.daily_quota as capacity_daily, c.monthly_quota as capacity_monthly,"
    " c.day_key as capacity_day, c.day_used as capacity_day_used, c.month_key as capacity_month,"
    " c.month_used as capacity_month_used, c.max_concurrency, c.running"
)
_PRICE = (
    "r.step_key, r.model, r.unit, r.pricing_type, r.unit_price, r.unit_size, r.package_size,"
    " r.package_price, r.currency as price_currency"
)
_CALLABLE = (
    " from distributors d join distributor_pipeline l on l.distributor_id = d.id and l.enabled = 1"
    " and (l.valid_from is null or l.valid_from <= %(moment)s)"
    " and (l.valid_to is null or l.valid_to > %(moment)s)"
    " join pipelines p on p.id = l.pipeline_id and p.status = 'published'"
    " left join pipeline_capacity c on c.pipeline_id = p.id"
    " where d.api_key_hash = %(digest)s"
)
_PIPELINE = "p.id as pipeline_id, p.code, p.name, p.description, p.current_version"
_PRICES = (
    " left join pipeline_pricing r on r.pipeline_id = x.pipeline_id and r.distributor_id = ''"
    " and r.enabled = 1 and r.currency = x.currency and r.effective_from <= %(moment)s"
    " and (r.effective_to is null or r.effective_to > %(moment)s)"
)
_OF_PIPELINES = (
    f"select x.*, {_PRICE} from (select count(*) over () as total, {_DISTRIBUTOR}, {_PIPELINE},"
    f" {_LINK}, {_CAPACITY}{_CALLABLE}{{which}} order by p.code limit 21) x{_PRICES}"
    " order by x.code, r.step_key, r.model, r.unit"
)
_PAGE = _OF_PIPELINES.format(which="")
_ONE = _OF_PIPELINES.format(which=" and p.code = %(code)s")
_SHOWN_OF_PRICE = (
    "step_key", "model", "unit", "pricing_type", "unit_price", "unit_size", "package_size",
    "package_price",
)  # fmt: skip


def starts(moment: datetime) -> tuple[datetime, datetime]:
    """When the next quota day and month begin."""
    day = moment.replace(tzinfo=ZoneUtc).astimezone(ZONE).replace(hour=0, minute=0, second=0)
    day = day.replace(microsecond=0)
    month = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    tomorrow = day + timedelta(days=1)
    return tuple(x.astimezone(ZoneUtc).replace(tzinfo=None) for x in (tomorrow, month))  # type: ignore[return-value]


ZoneUtc = now().astimezone().tzinfo


def spend_limit(row: Row) -> Row:
    return {
        "scope": "spend", "limit": row["spend_limit"], "used": row["spend_used"],
        "reserved": row["spend_reserved"],
        "remaining": row["spend_limit"] - row["spend_used"] - row["spend_reserved"],
        "resets_at": None,
    }  # fmt: skip
