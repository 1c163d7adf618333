"""app_package_use held against the ledger, and the amounts of its packages against the rule."""

from collections.abc import Iterable, Mapping
from dataclasses import astuple
from decimal import Decimal
from operator import itemgetter
from typing import Any

from app.global_func import SafeSqlor
from pipeline_ops.ledger.archived_events import archived_events
from pipeline_ops.ledger.counted import CountedTable, Difference, Sums
from pipeline_ops.ledger.package_replay import Replay
from pipeline_ops.ledger.package_rows import OldKeys, read_old_keys
from pipeline_ops.rules.package_use import KEY_COLUMNS, TABLE, PackageKey
from pipeline_ops.rules.packages import PackageUse, load_use

# A distributor ('' is our own calls) and a month.
Place = tuple[str, str]


async def _compare(sor: SafeSqlor, sums: Sums, month: str | None) -> list[Difference]:
    """Replay every distributor's months that have packages, one at a time."""
    old_keys = await read_old_keys(sor, month=month)
    names = dict(await sor.tuples("select id, code from pipelines", {}))
    rows = await _read_rows(sor, month)
    prices = await _package_prices(sor, month, old_keys)
    differences: list[Difference] = []
    for place in sorted(prices.keys() | rows.keys()):
        replay = await _replay(sor, *place, prices.get(place, []), old_keys)
        differences += _wrong_amounts(replay, place)
        differences += _wrong_uses(replay.uses, rows.get(place, {}), names)
    return differences


async def _package_prices(
    sor: SafeSqlor, month: str | None, old_keys: OldKeys
) -> dict[Place, list[str]]:
    """Return the prices that may be per package by where the ledger has rows of them. From the
    first columns of an index: its distinct values are jumped to, not counted."""
    unit_prices = set(
        await sor.firsts("select id from pipeline_pricing where pricing_type = 'unit'", {})
    )
    text = "select distinct distributor_id, month_key, pricing_id from pipeline_usage_log"
    if month is not None:
        text += " where month_key = ${month}$"
    prices: dict[Place, list[str]] = {}
    for distributor_id, month_key, pricing_id in await sor.tuples(text, {"month": month}):
        whose = distributor_id or ""
        is_old = (whose, month_key, pricing_id) in old_keys
        if pricing_id is not None and (is_old or pricing_id not in unit_prices):
            prices.setdefault((whose, month_key), []).append(pricing_id)
    return prices


async def _replay(
    sor: SafeSqlor,
    distributor_id: str,
    month: str,
    pricing_ids: Iterable[str],
    old_keys: OldKeys,
    pipeline_id: str | None = None,
) -> Replay:
    """Replay one distributor's charges of a month, and what reversed them, whenever that was."""
    replay = Replay(old_keys)
    ids = list(pricing_ids)
    events: list[Mapping[str, Any]] = []
    if ids:
        values = {"whose": distributor_id or None, "month": month, "ids": ids, "of": pipeline_id}
        text = EVENTS_OF_PIPELINE if pipeline_id is not None else _EVENTS
        rows = await sor.tuples(text, values)
        events = [dict(zip(EVENT, event, strict=True)) for event in rows]
    if distributor_id:
        files = await archived_events(sor, distributor_id, month, pipeline_id, EVENT)
        events = sorted([*events, *files], key=itemgetter("entry_no", "line_no"))
    for event in events:
        replay.add(event)
    return replay


async def _read_rows(
    sor: SafeSqlor, month: str | None
) -> dict[Place, dict[PackageKey, PackageUse]]:
    text = f"select {', '.join(KEY_COLUMNS)}, units_left, bought from app_package_use"  # noqa: S608
    if month is not None:
        text += " where month_key = ${month}$"
    rows: dict[Place, dict[PackageKey, PackageUse]] = {}
    for *columns, units_left, bought in await sor.tuples(text, {"month": month}):
        key = PackageKey(*columns)
        place = rows.setdefault((key.distributor_id, key.month_key), {})
        place[key] = load_use(units_left, bought)
    return rows


def _wrong_amounts(replay: Replay, place: Place) -> Iterable[Difference]:
    distributor_id, month = place
    for row, (says, should_be) in replay.wrong_amounts:
        key = f"{row['call_no']}/{row['line_no']}"
        yield Difference("amounts", key, "amount", says, should_be, row["id"])
    for pricing_id, price in replay.old_prices.items():
        due_packages = price.due_packages
        if due_packages is not None and price.packages != due_packages:
            key = " ".join(filter(None, (distributor_id, month, pricing_id)))
            yield Difference("amounts", key, "packages", price.packages, due_packages, pricing_id)


def _wrong_uses(
    uses: Mapping[PackageKey, PackageUse],
    rows: Mapping[PackageKey, PackageUse],
    names: Mapping[str, str],
) -> Iterable[Difference]:
    for key in sorted(uses.keys() | rows.keys(), key=astuple):
        should_be, says = uses.get(key, PackageUse()), rows.get(key)
        missing = None
        if says is None:
            says = PackageUse()
            columns = ("id", *KEY_COLUMNS, "units_left", "bought")
            values = (key.id, *astuple(key), says.units_left, says.dump())
            missing = dict(zip(columns, values, strict=True))
        pipeline = names.get(key.pipeline_id, key.pipeline_id)
        parts = (pipeline, key.step_key, key.model, key.unit, key.month_key, key.distributor_id)
        name = " ".join(filter(None, parts))
        if says.units_left != should_be.units_left:
            yield Difference(
                TABLE, name, "units_left", says.units_left, should_be.units_left, key.id, missing
            )
        if says.bought != should_be.bought:
            yield Difference(TABLE, name, "bought", says.dump(), should_be.dump(), key.id, missing)


async def _recount(sor: SafeSqlor, row: Mapping[str, Any]) -> PackageUse:
    """Return what a row of app_package_use, locked, should say."""
    key = PackageKey(*(row[name] for name in KEY_COLUMNS))
    place = (key.distributor_id, key.month_key)
    old_keys = await read_old_keys(sor, distributor_id=place[0], month=place[1])
    prices = await _package_prices(sor, place[1], old_keys)
    replay = await _replay(sor, *place, prices.get(place, []), old_keys, key.pipeline_id)
    return replay.uses.get(key, PackageUse())


async def _units_left(sor: SafeSqlor, row: Mapping[str, Any]) -> Decimal:
    return (await _recount(sor, row)).units_left


async def _bought(sor: SafeSqlor, row: Mapping[str, Any]) -> str:
    return (await _recount(sor, row)).dump()


PACKAGES = CountedTable(TABLE, _compare, {"units_left": _units_left, "bought": _bought})

_CHARGED = (
    "id", "call_no", "line_no", "entry_type", "distributor_id", "pipeline_id", "step_key", "model",
    "unit", "quantity", "pricing_id", "matched", "pricing_type", "package_size", "package_price",
    "amount",
)  # fmt: skip
EVENT = (*_CHARGED, "month_key", "entry_no")
_THOSE = (
    " from pipeline_usage_log u force index (pipeline_usage_log_distributor_month){join}"
    " where u.distributor_id <=> ${{whose}}$ and u.month_key = ${{month}}$"
    " and u.pricing_id in ${{ids}}$ and u.pricing_type = 'package' and u.entry_type = 'charge'"
    "{more}"
)


def _events(more: str = "") -> str:
    """Return the statement of charges and of what reversed them, each with the month of the
    charge: that is the packages' month, whichever the reversal is told in."""
    charges = f"select {', '.join(f'u.{name}' for name in _CHARGED)}, u.month_key, u.entry_no"
    reversals = f"select {', '.join(f'r.{name}' for name in _CHARGED)}, u.month_key, r.entry_no"
    join = " join pipeline_usage_log r on r.reverses = u.id"
    return (
        f"({charges}{_THOSE.format(join='', more=more)})"
        f" union all ({reversals}{_THOSE.format(join=join, more=more)})"
        " order by entry_no, line_no"
    )


_EVENTS = _events()
EVENTS_OF_PIPELINE = _events(" and u.pipeline_id = ${of}$")
