"""What a month would have cost under other prices: its lines priced again, and nothing booked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.global_func import SafeSqlor
from pipeline_ops.archive.batches import has_archive
from pipeline_ops.errors import ARCHIVED_MONTH, PREVIEW_TOO_LARGE
from pipeline_ops.reports.distributors import distributor_statements
from pipeline_ops.rollup.kinds import LINES
from pipeline_ops.rollup.read import of_month, usage_source
from pipeline_ops.rules.repricing import BookedLine, Repricer, Trial
from pipeline_ops.rules.terms import (
    EVERYBODY,
    PRICE_COLUMNS,
    LinkTerms,
    PricingMode,
    dated_terms_of,
)

# What is priced again in one request: some seconds of a worker.
MAX_LINES = 200_000
PORTION = 2000
_NOTHING = Decimal("0.0000000000")
# What is summed up together: pipeline_id, model, distributor_id, currency.
Key = tuple[str, str, str | None, str]
_OF_PIPELINE = ("pipeline_id", "pipeline", "pipeline_name")
_OF_DISTRIBUTOR = ("distributor_id", "distributor")

_SUMS_OF = (
    "distributor_id", "pipeline_id", "model", "unit", "currency", "amount", "items", "first_entry",
    "last_entry",
)  # fmt: skip
_SUMS = (
    "select nullif(r.distributor_id, '') as distributor_id, r.pipeline_id, r.model, r.currency,"
    " sum(r.amount) as booked, sum(r.items) as line_count, min(r.first_entry) as first_entry,"
    " max(r.last_entry) as last_entry from {rows} where r.unit <> ''"
    " group by r.distributor_id, r.pipeline_id, r.model, r.currency"
)
_LINES = (
    "select u.entry_no, u.line_no, u.step_key, u.model, u.unit, u.quantity, u.currency,"
    " u.started_at, u.amount, h.terms_no, h.pricing_mode, h.discount_rate"
    " from pipeline_usage_log u force index (pipeline_usage_log_entry)"
    " straight_join pipeline_usage_log h on h.call_no = u.call_no and h.line_no = 0"
    " where u.distributor_id <=> ${distributor_id}$ and u.pipeline_id = ${pipeline_id}$"
    " and u.month_key = ${month}$ and u.entry_type = 'charge' and u.status <> 'voided'"
    " and u.unit <> '' and u.entry_no >= ${entry_no}$ and u.entry_no <= ${last}$"
    " and (u.entry_no > ${entry_no}$ or u.line_no > ${line_no}$)"
    # One call has a number: its number is in the order only because it is in the index.
    " order by u.entry_no, u.call_no, u.line_no limit ${most}$"
)
_PRICES = (
    f"select {', '.join(PRICE_COLUMNS)} from pipeline_pricing"  # noqa: S608  constants
    " where pipeline_id = ${pipeline_id}$ and distributor_id in ${owners}$ and enabled = 1"
)
_PIPELINES = "select id, code, name from pipelines where id in ${ids}$"


@dataclass(slots=True)
class _Sum:
    ledger_amount: Decimal = _NOTHING
    amount: Decimal = _NOTHING


@dataclass(slots=True)
class _Affected(_Sum):
    """The lines of a distributor that a price on trial is for, and the calls that they are of."""

    lines: int = 0
    # Lines beside these that have no price without what is removed: calls would be refused.
    missing: int = 0
    entries: set[tuple[str, int]] = field(default_factory=set)


@dataclass(slots=True)
class _Preview:
    """What is summed up."""

    sums: dict[Key, _Sum] = field(default_factory=dict)
    missing: dict[tuple[str, str, str, str], list[Any]] = field(default_factory=dict)
    # By distributor and currency.
    affected: dict[tuple[str | None, str], _Affected] = field(default_factory=dict)
    lines: int = 0

    def at(self, key: Key) -> _Sum:
        """Return the sum of *key*, which begins at nothing."""
        return self.sums.setdefault(key, _Sum())


async def price_preview(
    sor: SafeSqlor, month: str, distributor_id: str | None, trial: Trial
) -> dict[str, Any]:
    """
    Return what the quota month *month* would have cost, of one distributor or (None) of all and of
    calls of our own.

    `booked` is what stands in the ledger, `amount` what it would be, by currency in `totals` and
    for each value in `by_pipeline`, `by_model`, `by_distributor`, and for all of them in `rows`.
    Lines of pipelines in *trial* are priced again, how many is `lines`; those without a price cost
    nothing, and stand in `missing`. `affected` has for each distributor and currency the lines that
    a price on trial, or the removal of one, is for: how many, of how many calls, and the amounts of
    these alone; `missing` is how many more have no price then. Voided
    calls, adjustments and top-ups are left out. Raises
    BadRequest `too_many_rows`, Conflict `archived`.
    """
    if await has_archive(sor, month, distributor_id):
        raise ARCHIVED_MONTH(month=month)
    source = await usage_source(sor, of_month(distributor_id, month), (LINES,), _SUMS_OF)
    groups = await sor.sqlExe(_SUMS.format(rows=source.text), source.values)
    groups_of_trial = [
        row for row in groups if row["pipeline_id"] in trial.prices and row["line_count"]
    ]
    if sum(int(row["line_count"]) for row in groups_of_trial) > MAX_LINES:
        raise PREVIEW_TOO_LARGE(most=f"{MAX_LINES:,}")
    preview = _Preview()
    for row in groups:
        key = (row["pipeline_id"], row["model"], row["distributor_id"], row["currency"])
        one = preview.at(key)
        one.ledger_amount += row["booked"]
        if row["pipeline_id"] not in trial.prices:
            one.amount += row["booked"]
    bounds: dict[tuple[str | None, str], tuple[int, int]] = {}
    for row in groups_of_trial:
        pair = (row["distributor_id"], row["pipeline_id"])
        first, last = bounds.get(pair, (row["first_entry"], row["last_entry"]))
        bounds[pair] = min(first, row["first_entry"]), max(last, row["last_entry"])
    for (owner, pipeline_id), numbers in bounds.items():
        await _price_again(sor, month, owner, pipeline_id, numbers, trial, preview)
    return await _answer(sor, month, preview)


async def _price_again(
    sor: SafeSqlor,
    month: str,
    owner: str | None,
    pipeline_id: str,
    numbers: tuple[int, int],
    trial: Trial,
    preview: _Preview,
) -> None:
    owners = sorted({EVERYBODY, owner or EVERYBODY})
    rows = await sor.tuples(_PRICES, {"pipeline_id": pipeline_id, "owners": owners})
    present = [dated_terms_of(row) for row in rows if row[0] not in trial.ids]
    repricer = Repricer(present, trial.prices[pipeline_id], trial.gone.get(pipeline_id, ()))
    query = {"distributor_id": owner, "pipeline_id": pipeline_id, "month": month, "most": PORTION}
    query |= {"last": numbers[1]}
    place = (numbers[0], -1)
    while True:
        values = query | {"entry_no": place[0], "line_no": place[1]}
        lines = await sor.tuples(_LINES, values)
        for entry_no, line_no, *item in lines:
            place = (entry_no, line_no)
            _add(preview, repricer, owner, pipeline_id, entry_no, item)
        if len(lines) < PORTION:
            return


def _add(
    preview: _Preview,
    repricer: Repricer,
    owner: str | None,
    pipeline_id: str,
    entry_no: int,
    item: Sequence[Any],
) -> None:
    step_key, model, unit, quantity, currency, started_at, ledger_amount, number, mode, rate = item
    preview.lines += 1
    one = preview.at((pipeline_id, model, owner, currency))
    if mode == PricingMode.DISCOUNT and rate is None:
        # Booked before the rate was kept: nobody knows it any more, so the line stays.
        one.amount += ledger_amount
        return
    line = BookedLine(
        step_key=step_key,
        model=model,
        unit=unit,
        quantity=quantity,
        currency=currency,
        started_at=started_at,
        terms_no=number or 0,
        link=LinkTerms(owner, mode or PricingMode.INHERIT, rate),
    )
    amount, is_affected = repricer.cost(line)
    if is_affected:
        affected = preview.affected.setdefault((owner, currency), _Affected())
        if amount is None:
            affected.missing += 1
    if is_affected and amount is not None:
        affected.lines += 1
        affected.entries.add((pipeline_id, entry_no))
        affected.ledger_amount += ledger_amount
        affected.amount += amount
    if amount is None:
        counts = preview.missing.setdefault((pipeline_id, step_key, model, unit), [0, Decimal(0)])
        counts[0] += 1
        counts[1] += quantity
    else:
        one.amount += amount


async def _answer(sor: SafeSqlor, month: str, preview: _Preview) -> dict[str, Any]:
    heads = await _heads(sor, preview)
    names = {key[2]: head["distributor"] for key, head in heads.items()}

    def group(*names: str) -> list[dict[str, Any]]:
        return _group(preview, heads, (*names, "currency"))

    return {
        "month": month,
        "lines": preview.lines,
        "totals": group(),
        "by_pipeline": group(*_OF_PIPELINE),
        "by_model": group("model"),
        "by_distributor": group(*_OF_DISTRIBUTOR),
        "rows": group(*_OF_PIPELINE, "model", *_OF_DISTRIBUTOR),
        "affected": [
            {"distributor_id": owner, "distributor": names.get(owner), "currency": currency,
             "lines": one.lines, "calls": len(one.entries), "missing": one.missing,
             "booked": one.ledger_amount, "amount": one.amount,
             "difference": one.amount - one.ledger_amount}
            for (owner, currency), one in sorted(
                preview.affected.items(), key=lambda item: tuple(map(str, item[0])))
        ],
        "missing": [
            {"pipeline_id": key[0], "step_key": key[1], "model": key[2], "unit": key[3],
             "lines": counts[0], "quantity": counts[1]}
            for key, counts in sorted(preview.missing.items())
        ],
    }  # fmt: skip


async def _heads(sor: SafeSqlor, preview: _Preview) -> dict[Key, dict[str, Any]]:
    """Return what each of the sums is of, in words too."""
    ids = sorted({key[0] for key in preview.sums})
    owners = sorted({key[2] for key in preview.sums if key[2] is not None})
    rows = await sor.sqlExe(_PIPELINES, {"ids": ids}) if ids else []
    names = await sor.sqlExe(distributor_statements().names, {"ids": owners}) if owners else []
    pipelines = {row["id"]: row for row in rows}
    distributors = {row["id"]: row["name"] for row in names}
    return {
        key: {
            "pipeline_id": key[0],
            "pipeline": pipelines[key[0]]["code"],
            "pipeline_name": pipelines[key[0]]["name"],
            "model": key[1],
            "distributor_id": key[2],
            "distributor": distributors.get(key[2]),
            "currency": key[3],
        }
        for key in preview.sums
    }


def _group(
    preview: _Preview, heads: Mapping[Key, dict[str, Any]], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the sums by the columns *names* of their heads."""
    groups: dict[tuple[Any, ...], _Sum] = {}
    for key, one in preview.sums.items():
        total = groups.setdefault(tuple(heads[key][name] for name in names), _Sum())
        total.ledger_amount += one.ledger_amount
        total.amount += one.amount
    return [
        {
            **dict(zip(names, values, strict=True)),
            "booked": total.ledger_amount,
            "amount": total.amount,
            "difference": total.amount - total.ledger_amount,
        }
        for values, total in sorted(groups.items(), key=lambda item: tuple(map(str, item[0])))
    ]
