"""
Distributors: who may resell, on what conditions, and with which key.

Closing, suspending and revoking work on the next request, because every request reads the row.
Locks are taken in the order of the admission: the distributor's row first.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from app.global_func import (
    Actor,
    InUse,
    InvalidFields,
    Record,
    SafeSqlor,
    TableService,
    Values,
    any_case,
    check_in_force,
    check_lock_version,
    get_row,
    like_pattern,
    minor_units,
    now,
    quota_day,
)
from pipeline_dist.accounts import app_keys
from pipeline_dist.accounts.api_key import ALL_SCOPES, comma_list
from pipeline_dist.accounts.rows import BillingMode, distributor_of, spend_key
from pipeline_dist.accounts.thresholds import events_of_limits
from pipeline_dist.errors import (
    BALANCE_LEFT,
    CALLS_IN_CURRENCY,
    CURRENCY_IN_USE,
    CURRENCY_OF_OWN_PRICES,
    PRICES_IN_OTHER_CURRENCY,
    QUOTA_CALLS_REQUIRED,
    QUOTA_PERIOD_REQUIRED,
)
from pipeline_dist.events.store import add_events, delete_events
from pipeline_ops.ledger.past_counters import Owner, drop_past
from pipeline_ops.ledger.spend_sums import spend_sum
from pipeline_ops.tables.prices import with_currency

TABLE = "distributors"
MAX_SEARCH_ROWS = 50
MAX_REFERRERS = 20

_LIMITS = {"quota_calls", "quota_period", "spend_limit", "spend_period"}
_NO_TOPUP = {"balance_base": None, "balance_base_no": None}


class DistributorService(TableService):
    """
    Distributors; a new one has no key.

    Raises Conflict `currency_in_use`, and InUse for one that others refer to.
    """

    table = TABLE
    # Months that were closed stay so.
    unforgotten = ("closed_month", "statements_from")

    def defaults(self, params: Values) -> Values:
        return with_currency(params)

    async def before_create(self, sor: SafeSqlor, values: Values, actor: Actor) -> Values:
        _check_quota(values)
        if values.get("currency"):
            check_in_force(values["currency"])
        if values.get("billing_mode") == BillingMode.PREPAID:
            return {**values, "prepaid_since": now(), "prepaid_entry_no": 0}
        return values

    async def before_update(
        self, sor: SafeSqlor, current: Record, values: Values, actor: Actor
    ) -> Values:
        _check_quota({**current, **values})
        if values.get("currency", current["currency"]) != current["currency"]:
            check_in_force(values["currency"])
            await _refuse_second_currency(sor, current["id"], current["currency"])
            await _refuse_old_prices(sor, current["id"], values["currency"])
        return {
            **values,
            **await _turned_quota(sor, current, values),
            **await _turned_period(sor, current, values),
            **_turned_billing(current, values),
        }

    async def update(
        self, sor: SafeSqlor, record_id: str, lock_version: int | None, values: Values, actor: Actor
    ) -> Record:
        record = await super().update(sor, record_id, lock_version, values, actor)
        if _LIMITS & values.keys():
            await add_events(sor, events_of_limits(distributor_of(record)))
        return record

    async def before_delete(self, sor: SafeSqlor, current: Record, actor: Actor) -> None:
        referrers = await _referrers(sor, current["id"])
        if referrers:
            raise InUse(referrers)
        await app_keys.delete_keys(sor, current["id"])
        await delete_events(sor, current["id"])


SERVICE = DistributorService()


async def give_key(
    sor: SafeSqlor,
    distributor_id: str,
    lock_version: int | None,
    actor: Actor,
    *,
    grace_hours: int = 0,
    expires_at: datetime | None = None,
    end_previous: bool = False,
) -> tuple[dict[str, Any], str]:
    """
    Make the distributor's default key, or rotate it (`app_keys.rotate_key`): the distributor's
    record, and the key, which is told only here.
    """
    current = await get_row(sor, TABLE, distributor_id, lock=True)
    check_lock_version(TABLE, current, lock_version)
    default = await app_keys.default_key(sor, distributor_id)
    if default is None:
        values = {
            "name": app_keys.DEFAULT,
            "scopes": comma_list(ALL_SCOPES),
            "expires_at": expires_at,
        }
        _, key = await app_keys.create_key(sor, distributor_id, values, actor)
    else:
        _, key = await app_keys.rotate_key(
            sor, default["id"], actor,
            grace_hours=grace_hours, expires_at=expires_at, end_previous=end_previous,
        )  # fmt: skip
    assert key is not None
    return await get_row(sor, TABLE, distributor_id), key


async def revoke_keys(
    sor: SafeSqlor, distributor_id: str, lock_version: int | None, actor: Actor
) -> dict[str, Any]:
    """End the distributor's default key at once, the one before it too; without one nothing
    changes."""
    current = await get_row(sor, TABLE, distributor_id, lock=True)
    check_lock_version(TABLE, current, lock_version)
    default = await app_keys.default_key(sor, distributor_id)
    if default is None:
        return current
    await app_keys.revoke_key(sor, default["id"], actor)
    return await get_row(sor, TABLE, distributor_id)


async def search(sor: SafeSqlor, text: str) -> list[dict[str, Any]]:
    """Id, name and code of at most 50 distributors whose name or code contains *text*."""
    name, pattern = any_case("name", like_pattern(text))
    code, _ = any_case("code", pattern)
    rows: list[dict[str, Any]] = await sor.sqlExe(
        f"select id, name, code from distributors where {name} like ${{pattern}}$"  # noqa: S608
        f" or {code} like ${{pattern}}$ order by name limit ${{most}}$",
        {"pattern": pattern, "most": MAX_SEARCH_ROWS},
    )
    return rows


def _check_quota(values: Mapping[str, Any]) -> None:
    has_period = values["quota_period"] != "none"
    if has_period and values.get("quota_calls") is None:
        raise InvalidFields([QUOTA_CALLS_REQUIRED("quota_calls")])
    if not has_period and values.get("quota_calls") is not None:
        raise InvalidFields([QUOTA_PERIOD_REQUIRED("quota_period")])


async def _refuse_second_currency(sor: SafeSqlor, distributor_id: str, currency: str) -> None:
    # What was spent is one sum in one currency; a second one would make it meaningless.
    charge = await sor.one(
        "select id from pipeline_usage_log where distributor_id = ${id}$ limit 1",
        {"id": distributor_id},
    )
    if charge is not None:
        raise CURRENCY_IN_USE(problems=[CALLS_IN_CURRENCY("currency")], currency=currency)


async def _refuse_old_prices(sor: SafeSqlor, distributor_id: str, currency: str) -> None:
    """Raise Conflict `currency_in_use` where own prices, of now or later, are in another
    *currency*."""
    # Also prices that are not applied now: whoever turns them on does not look at them again.
    others = await sor.sqlExe(
        "select min(r.id) as id, p.name from pipeline_pricing r"
        " join pipelines p on p.id = r.pipeline_id"
        " where r.distributor_id = ${id}$ and r.currency <> ${currency}$"
        " and (r.effective_to is null or r.effective_to > ${moment}$)"
        " group by p.id, p.name order by p.name limit ${most}$",
        {"id": distributor_id, "currency": currency, "moment": now(), "most": MAX_REFERRERS},
    )
    if others:
        raise CURRENCY_OF_OWN_PRICES(
            problems=[PRICES_IN_OTHER_CURRENCY("currency")],
            extra={
                "referrers": [
                    {"table": "pipeline_pricing", "id": price["id"], "label": price["name"]}
                    for price in others
                ]
            },
            names=", ".join(price["name"] for price in others),
        )


async def _turned_quota(
    sor: SafeSqlor, current: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    if values.get("quota_period", current["quota_period"]) == current["quota_period"]:
        return {}
    await drop_past(sor, Owner(current["id"]))
    # Admission takes up what the ledger has of the new period.
    return {"quota_key": None, "quota_used": 0}


async def _turned_period(
    sor: SafeSqlor, current: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is spent in the period that a change of the limit's length makes the present
    one; settled in it until now."""
    period = values.get("spend_period", current["spend_period"])
    if period == current["spend_period"]:
        return {}
    key = spend_key(period, quota_day(now()))
    return {"spend_key": key, "spend_used": await spend_sum(sor, current["id"], key)}


def _turned_billing(current: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return with what a balance begins, or ends; raises Conflict `balance_left` where one that can
    be paid, in the currency's minor units, would be lost."""
    mode = values.get("billing_mode", current["billing_mode"])
    if mode == current["billing_mode"]:
        return {}
    if mode == BillingMode.PREPAID:
        entry_no = current["entry_no"]
        return {"prepaid_since": now(), "prepaid_entry_no": entry_no, "balance": 0, **_NO_TOPUP}
    # Less than a minor unit cannot be paid, neither way.
    decimals = minor_units(current["currency"])
    rest = current["balance"].quantize(Decimal(1).scaleb(-decimals), ROUND_DOWN)
    if rest:
        raise BALANCE_LEFT(
            balance=format(current["balance"], "f"),
            rest=format(-rest, "f"),
            currency=current["currency"],
        )
    return {"prepaid_since": None, "prepaid_entry_no": None, "balance": 0, **_NO_TOPUP}


async def _referrers(sor: SafeSqlor, distributor_id: str) -> list[dict[str, Any]]:
    referrers: list[dict[str, Any]] = await sor.sqlExe(
        "select 'distributor_pipeline' as `table`, l.id, p.name as label"
        " from distributor_pipeline l join pipelines p on p.id = l.pipeline_id"
        " where l.distributor_id = ${id}$ order by p.name limit ${most}$",
        {"id": distributor_id, "most": MAX_REFERRERS},
    )
    # Of many rows only how many there are, and one of them. A header's id is its call's number, and
    # stands in each index: no row has to be looked up.
    for name, only in (("pipeline_pricing", ""), ("pipeline_usage_log", " and line_no = 0")):
        group = await sor.one(
            f"select min(id) as id, count(*) as row_count from {name}"  # noqa: S608  constants
            f" where distributor_id = ${{id}}${only}",
            {"id": distributor_id},
        )
        if group is not None and group["row_count"]:
            count = group["row_count"]
            referrers.append({"table": name, "id": group["id"], "label": name, "count": count})
    return referrers
