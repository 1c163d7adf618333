"""
A distributor's account: what it may call, at which prices, how much, and what it has spent.

Locked as two rows in the fixed order, distributor then distributor_pipeline; asked and changed
in memory; saved once. pipeline_ops meets it through `register_keeper` for bookings by hand and
for voided calls.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Any

from app.global_func import (
    Conflict,
    FieldProblem,
    Forbidden,
    InvalidFields,
    NotFound,
    NotSignedIn,
    PaymentRequired,
    Row,
    SafeSqlor,
    quota_day,
    quota_month,
)
from pipeline_dist.limits import (
    count_for_link,
    quota_key,
    quota_limits,
    rate_limits,
    spend_limits,
)
from pipeline_dist.rate_limit import RateWindow
from pipeline_ops import accounts as ops_accounts
from pipeline_ops import capacity as rules
from pipeline_ops import ledger
from pipeline_ops.limits import Limit, check_room
from pipeline_ops.pricing import Terms, choose, discounted

_SAVED = ("quota_key", "quota_used", "spend_used", "rate_window")


class DistributorAccount:
    """One distributor's account for calls of one line; `link` is None where it has no such line."""

    def __init__(self, distributor: Row, link: Row | None) -> None:
        self.distributor = distributor
        self.link = link
        self._link_counted: dict[str, int] = {}
        self._quota_counted = 0
        self._read = self._state()

    @property
    def distributor_id(self) -> str:
        """The distributor's id."""
        return str(self.distributor["id"])

    @property
    def currency(self) -> str:
        """The currency of the account; prices in another one do not apply."""
        return str(self.distributor["currency"])

    def adjust(self, terms: Sequence[Terms], step_key: str, model: str, unit: str) -> Terms | None:
        """The price that applies to this distributor among a line's prices in force."""
        return adjusted(self.link, self.currency, terms, step_key, model, unit)

    async def open(self, sor: SafeSqlor, moment: datetime) -> None:
        """Bring the counters to the day and month of *moment*."""
        day, month = quota_day(moment), quota_month(moment)
        if self.link is not None:
            self._link_counted = await count_for_link(sor, self.link, day, month)
            rules.turn(self.link, day, month, self._link_counted)
        row, key = self.distributor, quota_key(self.distributor, moment)
        if key == row["quota_key"]:
            return
        if key is None:
            row["quota_key"], row["quota_used"] = None, 0
            return
        self._quota_counted = await ledger.count_calls(sor, key, distributor_id=row["id"])
        stored = row["quota_key"]
        # A period of another kind has another length: it was changed by hand, and starts anew.
        if stored is None or len(stored) != len(key) or stored < key:
            row["quota_key"], row["quota_used"] = key, self._quota_counted

    def limits(self, moment: datetime) -> list[Limit]:
        """Quotas by calls at *moment*, after `open`, in the order of admission."""
        row, key = self.distributor, quota_key(self.distributor, moment)
        used = row["quota_used"] if key == row["quota_key"] else self._quota_counted
        found = quota_limits(row, used, moment)
        if self.link is not None:
            day, month = quota_day(moment), quota_month(moment)
            found += rules.period_limits(self.link, "link", day, month, moment, self._link_counted)
        return found

    async def check(self, sor: SafeSqlor, moment: datetime) -> None:
        """For bookings by hand: raise what refuses a call of *moment* on this account."""
        if self.link is None:
            raise InvalidFields(
                [
                    FieldProblem(
                        "distributor_id", "not_linked",
                        "This distributor does not have the line. Give it the line first.",
                    )
                ]
            )  # fmt: skip
        await self.open(sor, moment)
        check_spend(self.distributor)
        check_room(self.limits(moment), moment)

    def take(self, day: str, month: str) -> None:
        """Count one call of this day and month."""
        self._count(day, month, 1)

    def give_back(self, day: str, month: str) -> None:
        """Take back one call, where the counters are still those of its day and month."""
        self._count(day, month, -1)

    def count_rate(self, moment: datetime) -> None:
        """Count one call in the window of the rate limit, if there is one."""
        if self.distributor["rate_limit_per_minute"] is not None:
            window = RateWindow(self.distributor["rate_window"], moment)
            window.add()
            self.distributor["rate_window"] = window.dump()

    def settle(self, amount: Decimal) -> None:
        """Charge *amount*, or give it back where it is negative."""
        self.distributor["spend_used"] += amount

    async def save(self, sor: SafeSqlor) -> None:
        """Write the counters that have changed."""
        distributor, link = self._state()
        if distributor != self._read[0]:
            window = self.distributor["rate_window"]
            # As hex, because this pair of drivers (aiomysql 0.3.2, PyMySQL) cannot bind bytes.
            await sor.sqlExe(
                "update distributors set quota_key = ${quota_key}$, quota_used = ${quota_used}$,"
                " spend_used = ${spend_used}$, rate_window = unhex(${window}$) where id = ${id}$",
                {**self.distributor, "window": window.hex() if window is not None else None},
            )
        if self.link is not None and link != self._read[1]:
            await sor.sqlExe(
                "update distributor_pipeline set day_key = ${day_key}$, day_used = ${day_used}$,"
                " month_key = ${month_key}$, month_used = ${month_used}$ where id = ${id}$",
                self.link,
            )

    def _count(self, day: str, month: str, count: int) -> None:
        if self.distributor["quota_key"] in (day, month):
            self.distributor["quota_used"] += count
        if self.link is not None:
            (rules.take if count > 0 else rules.give_back)(self.link, day, month)

    def _state(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        link = self.link
        return (
            tuple(self.distributor[name] for name in _SAVED),
            tuple(link[name] for name in rules.SAVED) if link is not None else (),
        )


def adjusted(
    link: Mapping[str, Any] | None,
    currency: str,
    terms: Sequence[Terms],
    step_key: str,
    model: str,
    unit: str,
) -> Terms | None:
    """
    The price for one use: a fixed price of the link where one fits, else the line's price, at
    the link's discount where it has one.
    """
    mode = link["pricing_mode"] if link is not None else "inherit"
    if link is not None and mode == "fixed":
        own = fixed_terms(link["id"], link["fixed_prices"] or "[]", currency)
        found = choose(own, step_key, model, unit)
        if found is not None:
            return found
    found = choose(terms, step_key, model, unit)
    if found is not None and link is not None and mode == "discount":
        return discounted(found, link["discount_rate"])
    return found


def effective_terms(
    link: Mapping[str, Any] | None, currency: str, terms: Sequence[Terms]
) -> list[Terms]:
    """All prices that can apply to a distributor, out of a line's prices in force."""
    mode = link["pricing_mode"] if link is not None else "inherit"
    own: Sequence[Terms] = ()
    if link is not None and mode == "fixed":
        own = fixed_terms(link["id"], link["fixed_prices"] or "[]", currency)
    usable = [item for item in terms if item.currency == currency]
    if link is not None and mode == "discount":
        usable = [discounted(item, link["discount_rate"]) for item in usable]
    # A fixed price hides every price of the line that it covers.
    return [*own, *(t for t in usable if not choose(own, t.step_key, t.model, t.unit))]


@lru_cache(maxsize=1024)
def fixed_terms(link_id: str, text: str, currency: str) -> tuple[Terms, ...]:
    """
    The fixed prices of a link: a JSON list of {step_key?, model?, unit, pricing_type?,
    unit_price, unit_size?, package_size, package_price, currency?}.
    """
    return tuple(_fixed(link_id, item, currency) for item in json.loads(text, parse_float=Decimal))


def _fixed(link_id: str, item: Mapping[str, Any], currency: str) -> Terms:
    step_key, model = item.get("step_key") or "", item.get("model") or ""
    # The identity by which packages are counted: the same as long as link, step, model and unit
    # stay, also when the price is edited.
    identity = sha256("\0".join((link_id, step_key, model, item["unit"])).encode()).hexdigest()[:32]
    return Terms(
        pricing_id=identity,
        step_key=step_key,
        model=model,
        unit=item["unit"],
        pricing_type=item.get("pricing_type") or "unit",
        pricing_mode="fixed",
        unit_price=_decimal(item.get("unit_price")),
        unit_size=int(item.get("unit_size") or 1),
        package_size=int(item["package_size"]) if item.get("package_size") else None,
        package_price=_decimal(item.get("package_price")),
        currency=item.get("currency") or currency,
    )


def _decimal(value: Any) -> Decimal | None:
    return None if value is None or value == "" else Decimal(str(value))


def check_active(distributor: Mapping[str, Any]) -> None:
    """Raise Forbidden `distributor_suspended` unless the distributor is active."""
    if distributor["status"] != "active":
        raise Forbidden(
            "distributor_suspended",
            "This distributor is suspended or closed. Ask the operator to activate it.",
        )


def check_rate(distributor: Mapping[str, Any], moment: datetime) -> None:
    """Raise TooManyRequests `rate_limited` when the last minute is full."""
    check_room(rate_limits(distributor, moment), moment)


def check_line(
    line: Mapping[str, Any] | None, link: Mapping[str, Any] | None, moment: datetime
) -> None:
    """Raise what keeps a distributor from a line: pipeline_not_found, pipeline_offline,
    not_enabled (switched off, or outside its time)."""
    if line is None or link is None:
        raise line_not_found()
    if line["status"] != "published":
        raise Conflict("pipeline_offline", "The line is not on sale now. Try again later.")
    if not link["enabled"]:
        raise Forbidden("not_enabled", "The line is switched off for this account.")
    start, end = link["valid_from"], link["valid_to"]
    if (start is not None and moment < start) or (end is not None and moment >= end):
        raise Forbidden(
            "not_enabled", "The line is not open for this account at this time.",
            extra={"valid_from": start, "valid_to": end},
        )  # fmt: skip


def check_spend(distributor: Mapping[str, Any]) -> None:
    """Raise PaymentRequired `spend_limit_reached` when the spending limit is used up."""
    for limit in spend_limits(distributor):
        if limit.full:
            raise PaymentRequired(
                "spend_limit_reached",
                "The spending limit of {limit} {currency} is reached. The operator can raise it.",
                extra={
                    "scope": "spend", "limit": limit.limit, "used": limit.used, "resets_at": None,
                },
                limit=limit.limit,
                currency=distributor["currency"],
            )  # fmt: skip


def line_not_found() -> NotFound:
    """The refusal for a line that is not there, or not for this distributor."""
    return NotFound("pipeline_not_found", "There is no line of this code for this account.")


async def lock_distributor(sor: SafeSqlor, distributor_id: str) -> Row:
    """The distributor's row, locked; raises NotSignedIn where it is gone."""
    row: Row | None = await sor.one(
        "select * from distributors where id = ${id}$ for update", {"id": distributor_id}
    )
    if row is None:
        raise NotSignedIn("invalid_key", "The API key is missing or not valid.")
    return row


async def lock_link(sor: SafeSqlor, distributor_id: str, pipeline_id: str) -> Row | None:
    """The distributor's row for this line, locked; None where it has none."""
    row: Row | None = await sor.one(
        "select * from distributor_pipeline where distributor_id = ${distributor_id}$"
        " and pipeline_id = ${pipeline_id}$ for update",
        {"distributor_id": distributor_id, "pipeline_id": pipeline_id},
    )
    return row


async def lock_account(sor: SafeSqlor, distributor_id: str, pipeline_id: str) -> DistributorAccount:
    """The account of a distributor for calls of a line, locked in the fixed order."""
    distributor = await lock_distributor(sor, distributor_id)
    return DistributorAccount(distributor, await lock_link(sor, distributor_id, pipeline_id))


def register_keeper() -> None:
    """Let pipeline_ops book and void calls on distributors' accounts."""
    ops_accounts.register_keeper(lock_account)
