"""
Which price each charge of the ledger should have, chosen anew (money.md, section 1): by the time
when its call began, by the number that it began under and by its link's terms of then, all of which
its header keeps; and whether the terms on the row are those of that price.

Calls whose header does not keep them are older than prices that cannot change: their amounts are
worked out from the terms on their rows (amounts.py), and that is all that is known of them.

Rows that a price is chosen by in the same way are a group, for which it is chosen once, by the rule
of booking. Where some price began or ended while the calls of a group began, each row is looked at.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from app.global_func import SafeSqlor
from pipeline_ops.ledger.counted import Difference
from pipeline_ops.ledger.slices import HEADERS, ROWS, Slice
from pipeline_ops.rules.terms import (
    EVERYBODY,
    PRICE_COLUMNS,
    TERMS_COLUMNS,
    DatedTerms,
    LinkTerms,
    PricingMode,
    Terms,
    dated_terms_of,
    terms_of,
)

_APPLIED = ("pricing_type", "unit_price", "unit_size", "package_size", "package_price")


class _Terms(NamedTuple):
    """What charges were charged by; of distinct ones there are few, however many rows."""

    pricing_id: str | None
    pricing_mode: str | None
    discount_rate: Decimal | None
    pricing_type: str | None
    unit_price: Decimal | None
    unit_size: int | None
    package_size: int | None
    package_price: Decimal | None


class _Group(NamedTuple):
    """Charges `u` of one slice that a price is chosen for by the same, but for the moment when
    their calls (headers `h`) began. `owner`: whose they are, where that one has own prices."""

    pipeline_id: str
    owner: str | None
    step_key: str
    model: str
    unit: str
    currency: str
    terms_no: int | None
    # Whether it has a price, and is not the stub of what is archived.
    is_priced: int
    # Whether it says how its price was chosen: it is no older than what headers keep.
    is_matched: int
    terms: _Terms


_KEYS = (
    "u.pipeline_id",
    "if(u.distributor_id in ${owners}$, u.distributor_id, null)",
    "u.step_key", "u.model", "u.unit", "u.currency", "h.terms_no",
    "u.pricing_id is not null and u.archive_batch is null",
    "u.matched is not null",
    "u.pricing_id", "h.pricing_mode", "h.discount_rate", *(f"u.{name}" for name in _APPLIED),
)  # fmt: skip
_CHARGES = (
    f"{ROWS}{HEADERS} where {{slice}} and u.entry_type = 'charge'"
    " and (u.pricing_id is not null and u.archive_batch is null or u.matched is not null)"
)
_NAMED_KEYS = ", ".join(f"{key} as key_{number}" for number, key in enumerate(_KEYS))
_GROUPS = (
    f"select {_NAMED_KEYS}, count(*), min(concat(u.call_no, '/', u.line_no)), min(u.id),"
    f" min(h.started_at), max(h.started_at){_CHARGES}"
    f" group by {', '.join(f'key_{number}' for number in range(len(_KEYS)))}"
)
_OF_GROUP = (
    f"select u.id, concat(u.call_no, '/', u.line_no), h.started_at{_CHARGES} and "
    + " and ".join(f"{key} <=> ${{key_{number}}}$" for number, key in enumerate(_KEYS))
    + " order by u.call_no, u.line_no"
)
_ENABLED = f"select {', '.join(PRICE_COLUMNS)}, pipeline_id from pipeline_pricing where enabled = 1"  # noqa: S608  constants
_PRICES = f"select {', '.join(TERMS_COLUMNS)} from pipeline_pricing where id in ${{ids}}$"  # noqa: S608  constants


@dataclass(slots=True)
class _TermUse:
    """How many rows have some terms, and the first of them."""

    rows: int
    first: str
    row_id: str


@dataclass(slots=True)
class PriceCheck:
    """Holds the prices of charges against the rule, slice by slice, and then their terms against
    those of the prices."""

    # Enabled ones by pipeline, unit and currency, and the distributors who have own ones.
    prices: dict[tuple[str, str, str], list[DatedTerms]]
    owners: list[str]
    terms: dict[_Terms, _TermUse] = field(default_factory=dict)

    async def faults(self, sor: SafeSqlor, part: Slice) -> list[Difference]:
        """Return the charges of *part* that have another price than they should, and those whose
        headers have lost what says which; take in their terms."""
        values = part.values | {"owners": self.owners}
        differences: list[Difference] = []
        for row in await sor.tuples(part.narrowed(_GROUPS), values):
            keys = row[: len(_KEYS)]
            terms = _Terms._make(keys[-len(_Terms._fields) :])
            group = _Group._make((*keys[: -len(_Terms._fields)], terms))
            calls, first, row_id, earliest, latest = row[len(_KEYS) :]
            if (lost := _lost(group)) is not None:
                if group.is_matched:
                    differences += [
                        Difference("terms", key, lost, None, 1, one_id)
                        for one_id, key, _ in await _rows(sor, part, values, keys)
                    ]
                continue
            if not group.is_priced:
                continue
            self._add(group.terms, _TermUse(int(calls), first, row_id))
            fitting = self._fitting(group)
            is_one = _holds_throughout(fitting, earliest, latest)
            if is_one and _choice(fitting, group, earliest) == group.terms.pricing_id:
                continue
            differences += [
                Difference("terms", key, "pricing_id", group.terms.pricing_id, due or "-", one_id)
                for one_id, key, moment in await _rows(sor, part, values, keys)
                if (due := _choice(fitting, group, moment)) != group.terms.pricing_id
            ]
        return differences

    async def term_faults(self, sor: SafeSqlor) -> list[Difference]:
        """Return what of all terms taken in is not as their price and their link say."""
        ids = sorted({terms.pricing_id for terms in self.terms if terms.pricing_id is not None})
        rows = await sor.tuples(_PRICES, {"ids": ids}) if ids else []
        prices = {row[0]: terms_of(row) for row in rows}
        return [
            fault for terms, use in self.terms.items() for fault in _term_faults(terms, use, prices)
        ]

    def _add(self, terms: _Terms, use: _TermUse) -> None:
        before = self.terms.setdefault(terms, use)
        if before is not use:
            before.rows += use.rows
            before.first = min(before.first, use.first)
            before.row_id = min(before.row_id, use.row_id)

    def _fitting(self, group: _Group) -> list[DatedTerms]:
        key = (group.pipeline_id, group.unit, group.currency)
        return [
            price
            for price in self.prices.get(key, ())
            if price.terms.step_key in ("", group.step_key)
            and price.terms.model in ("", group.model)
            and price.terms.distributor_id in (EVERYBODY, group.owner)
        ]


async def price_check(sor: SafeSqlor) -> PriceCheck:
    """Return a check by the prices that *sor* sees."""
    check = PriceCheck({}, [])
    owners = {""}  # for a list that is never empty
    for *row, pipeline_id in await sor.tuples(_ENABLED + " order by id", {}):
        price = dated_terms_of(row)
        owners.add(price.terms.distributor_id)
        key = (pipeline_id, price.terms.unit, price.terms.currency)
        check.prices.setdefault(key, []).append(price)
    check.owners = sorted(owners)
    return check


async def _rows(sor: SafeSqlor, part: Slice, values: dict[str, Any], keys: Iterable[Any]) -> Any:
    """Return the rows of a group: id, name, and when their calls began."""
    of_group = {f"key_{number}": key for number, key in enumerate(keys)}
    return await sor.tuples(part.narrowed(_OF_GROUP), values | of_group)


def _lost(group: _Group) -> str | None:
    if group.terms_no is None:
        return "terms_no"
    return "pricing_mode" if group.terms.pricing_mode is None else None


def _holds_throughout(prices: Iterable[DatedTerms], first: datetime, last: datetime) -> bool:
    """Return whether none of *prices* begins or ends between *first* and *last*."""
    return not any(
        moment is not None and first < moment <= last
        for price in prices
        for moment in (price.start, price.end)
    )


def _choice(prices: Iterable[DatedTerms], group: _Group, moment: datetime) -> str | None:
    assert group.terms_no is not None
    assert group.terms.pricing_mode is not None
    in_force = [one.terms for one in prices if one.holds_at(moment, group.terms_no)]
    # The rate decides what is charged, not which price it is; that it is lost is another fault.
    link = LinkTerms(group.owner, group.terms.pricing_mode, Decimal(1))
    price = link.choose(in_force, group.step_key, group.model, group.unit)
    return price.pricing_id if price is not None else None


def _term_faults(terms: _Terms, use: _TermUse, prices: dict[str, Terms]) -> list[Difference]:
    """Return what differs between the terms on rows and those of their price; nothing of a price
    that is not there, which is another fault."""
    price = prices.get(terms.pricing_id or "")
    if price is None:
        return []
    key = f"{use.first} (×{use.rows})"
    mode, rate = terms.pricing_mode, terms.discount_rate
    if mode == PricingMode.DISCOUNT and rate is None:
        return [Difference("terms", key, "discount_rate", None, 1, use.row_id)]
    assert mode is not None  # those without one are not taken in
    applied = LinkTerms(price.distributor_id or None, mode, rate).applied(price)
    return [
        Difference(
            "terms", key, name, getattr(terms, name), getattr(applied, name), use.row_id
        )
        for name in _APPLIED
        if _says(getattr(terms, name), name) != _says(getattr(applied, name), name)
    ]  # fmt: skip


def _says(value: object, name: str) -> object:
    # Packages have no unit, and the ledger says so by a 1 or by nothing.
    return (value or 1) if name == "unit_size" else value
