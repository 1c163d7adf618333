"""A distributor's figures for its own page: limits, lines with prices, what it used, by what."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app.global_func import (
    Row,
    SafeSqlor,
    day_bounds,
    get_row,
    month_bounds,
    now,
    public,
    quota_day,
    quota_month,
)
from pipeline_core.definition.states import PipelineStatus
from pipeline_dist.accounts.app_keys import live_keys
from pipeline_dist.accounts.distributors import TABLE
from pipeline_dist.accounts.rows import (
    BillingMode,
    Link,
    SpendPeriod,
    distributor_of,
    link_of,
)
from pipeline_dist.admission.account import link_terms
from pipeline_dist.admission.spending import resets_at, spending_of
from pipeline_dist.reports.usage import Span, whole_days
from pipeline_ops.rollup.kinds import LINES, MODELS, STEPS, TOTALS
from pipeline_ops.rollup.read import usage_source
from pipeline_ops.rules.terms import EVERYBODY, TERMS_COLUMNS, Terms, terms_of

DAYS_SHOWN = 30
MAX_PIPELINES = 1000
# What the sums go by, and the kinds of rows that they are of.
GROUPS = {
    "day": ("day_key", (TOTALS,)),
    "pipeline": ("pipeline_id", (TOTALS,)),
    "step": ("step_key", (LINES, STEPS)),
    "model": ("model", (LINES, MODELS)),
}
_SHOWN_OF_TERMS = (
    "step_key", "model", "unit", "pricing_type", "price_scope", "unit_price", "unit_size",
    "package_size", "package_price", "currency",
)  # fmt: skip


async def overview(sor: SafeSqlor, distributor_id: str) -> dict[str, Any]:
    """
    Return `{distributor, key_count, gauges: [{scope, used, limit, resets_at, currency}], lines,
    by_day}`.

    `scope` is day, month, none (no quota), spend, spend_day, spend_month or (prepaid) balance: what
    is reserved of it. Each line has its `prices` as they apply to
    this distributor now, and its own `gauges`. Raises NotFound.
    """
    record = await get_row(sor, TABLE, distributor_id)
    moment = now()
    first, last = quota_day(moment - timedelta(days=DAYS_SHOWN - 1)), quota_day(moment)
    return {
        "now": moment,
        "distributor": public(TABLE, record),
        "key_count": len(await live_keys(sor, distributor_id)),
        "gauges": [_quota(record, moment), _spend(record, moment)],
        "lines": await _pipelines(sor, record, moment),
        "days": {"first": first, "last": last},
        "by_day": await sums(sor, distributor_id, whole_days(first, last), "day", None),
    }


async def sums(
    sor: SafeSqlor, distributor_id: str, period: Span, group_by: str, pipeline: str | None
) -> list[dict[str, Any]]:
    """
    Return the calls by outcome and the amount, per group (one of GROUPS) and currency; *pipeline*
    is a code.

    A call counts where it began. By step and model `calls` are the calls that have an item there
    which was not reversed, so that they do not add up to the calls of the whole.
    """
    column, kinds = GROUPS[group_by]
    is_item = group_by in ("step", "model")
    pipeline_id = None
    if pipeline:
        row = await sor.one("select id from pipelines where code = ${code}$", {"code": pipeline})
        if row is None:
            return []
        pipeline_id = row["id"]
    columns = tuple(dict.fromkeys((column, *_SUMS_OF)))
    source = await usage_source(sor, period.use(distributor_id, pipeline_id), kinds, columns)
    by_pipeline = group_by == "pipeline"
    sql = _SUMS.format(
        shown="p.code" if by_pipeline else "g.place",
        column=column,
        rows=source.text,
        # Adjustments are of a day, and of nothing else.
        shown_rows=" and r.pipeline_id is not null" if by_pipeline else "",
    )
    return [_sum_row(row, is_item) for row in await sor.sqlExe(sql, source.values)]


def _sum_row(row: Row, is_item: bool) -> dict[str, Any]:
    """Return a row of sums as whole numbers; whether a call succeeded stands in none of its
    items."""
    counts = ("calls",) if is_item else ("calls", "succeeded", "failed")
    values = {name: row[name] for name in ("group", "name", "pipeline_id", "currency", "amount")}
    return values | {name: int(row[name]) for name in counts}


def _quota(record: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
    period = record["quota_period"]
    day, month = quota_day(moment), quota_month(moment)
    key, ends = {
        "day": (day, day_bounds(day)[1]),
        "month": (month, month_bounds(month)[1]),
    }.get(period, (None, None))
    counts = key is not None and record["quota_key"] == key
    return {
        "scope": period,
        "used": record["quota_used"] if counts else 0,
        "limit": record["quota_calls"] if key is not None else None,
        "resets_at": ends,
        "currency": None,
    }


def _spend(record: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
    row = distributor_of(record)
    money = {"reserved": row.spend_reserved, "currency": row.currency}
    if row.billing_mode == BillingMode.PREPAID:
        money |= {"used": row.spend_reserved, "limit": row.balance}
        return {"scope": "balance", "resets_at": None, **money}
    period = row.spend_period
    return {
        "scope": "spend" if period == SpendPeriod.NONE else f"spend_{period}",
        "used": spending_of(row, moment),
        "limit": row.spend_limit,
        "resets_at": resets_at(row, moment),
        **money,
    }


async def _pipelines(
    sor: SafeSqlor, record: Mapping[str, Any], moment: datetime
) -> list[dict[str, Any]]:
    rows = await sor.sqlExe(_LINKS, {"id": record["id"], "most": MAX_PIPELINES})
    prices: dict[str, list[Terms]] = defaultdict(list)
    if rows:
        query = {
            "ids": [row["pipeline_id"] for row in rows],
            "owners": [EVERYBODY, record["id"]],
            "currency": record["currency"],
            "at": moment,
        }
        for pipeline_id, *values in await sor.tuples(_PRICES, query):
            prices[pipeline_id].append(terms_of(values))
    return [_pipeline(row, link_of(row), prices[row["pipeline_id"]], moment) for row in rows]


def _pipeline(row: Row, link: Link, terms: list[Terms], moment: datetime) -> dict[str, Any]:
    day, month = quota_day(moment), quota_month(moment)
    has_ended = link.valid_to is not None and link.valid_to <= moment
    has_begun = link.valid_from is None or link.valid_from <= moment
    is_on_sale = link.enabled and row["status"] == PipelineStatus.PUBLISHED
    applied = link_terms(link.distributor_id, link).effective(terms)
    return {
        "id": link.id,
        "lock_version": row["lock_version"],
        "pipeline_id": link.pipeline_id,
        "code": row["code"],
        "name": row["name"],
        "status": row["status"],
        "callable": bool(is_on_sale and has_begun and not has_ended),
        "enabled": link.enabled,
        "pricing_mode": link.pricing_mode,
        "discount_rate": link.discount_rate,
        "valid_from": link.valid_from,
        "valid_to": link.valid_to,
        "prices": [
            {name: getattr(item, name) for name in _SHOWN_OF_TERMS}
            for item in sorted(applied, key=lambda item: (item.unit, item.step_key, item.model))
        ],
        "gauges": [
            {"scope": "day", "limit": link.daily_quota,
             "used": link.day_used if link.day_key == day else 0},
            {"scope": "month", "limit": link.monthly_quota,
             "used": link.month_used if link.month_key == month else 0},
        ],
    }  # fmt: skip


_SUMS_OF = (
    "kind", "pipeline_id", "entry_type", "currency", "calls", "succeeded", "failed", "amount",
)  # fmt: skip
# Adjustments, of no line, are part of the bill; what is paid in is not. Names after the sums, so
# that no plan begins with them.
_SUMS = (
    "select {shown} as `group`, min(p.name) as name, min(p.id) as pipeline_id, g.currency,"  # noqa: S608  constants
    " sum(g.calls) as calls, sum(g.succeeded) as succeeded, sum(g.failed) as failed,"
    " sum(g.amount) as amount from (select r.{column} as place, r.pipeline_id as pipe,"
    " r.currency, sum(r.calls) as calls,"
    " sum(r.succeeded) as succeeded, sum(r.failed) as failed, sum(r.amount) as amount from {rows}"
    f" where r.entry_type <> 'topup' and (r.kind <> '{LINES.name}'"
    " or r.entry_type <> 'adjustment'){shown_rows}"
    " group by r.{column}, r.pipeline_id, r.currency) g left join pipelines p on p.id = g.pipe"
    " group by {shown}, g.currency having calls <> 0 or amount <> 0 order by {shown}, g.currency"
)
_LINKS = (
    "select p.code, p.name, p.status, l.* from distributor_pipeline l"
    " join pipelines p on p.id = l.pipeline_id where l.distributor_id = ${id}$"
    " order by p.code limit ${most}$"
)
_PRICES = (
    f"select pipeline_id, {', '.join(TERMS_COLUMNS)} from pipeline_pricing"  # noqa: S608  constants
    " where pipeline_id in ${ids}$ and distributor_id in ${owners}$ and enabled = 1"
    " and currency = ${currency}$"
    " and effective_from <= ${at}$ and (effective_to is null or effective_to > ${at}$)"
)
