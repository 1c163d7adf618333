"""Prices that are only tried: checked like those of the list, and never written."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from app.global_func import (
    FieldProblem,
    InvalidFields,
    Record,
    SafeSqlor,
    check_new,
    get_row,
    iso,
    table,
)
from pipeline_ops.errors import PRICE_NOT_AN_OBJECT, TIMES_OVERLAP, TOO_MANY_PRICES
from pipeline_ops.rules.repricing import use_of
from pipeline_ops.rules.terms import PRICE_COLUMNS, DatedTerms, dated_terms_of
from pipeline_ops.tables.price_lists import MAX_PRICES
from pipeline_ops.tables.prices import TABLE, complete, with_currency

_EVER = datetime.min.replace(tzinfo=UTC)
# It is known to every call.
_KNOWN = {"id": "", "terms_no": 0, "end_terms_no": 0}


async def check_trial(
    sor: SafeSqlor, prices: Sequence[Any], changes: Sequence[Any]
) -> tuple[dict[str, list[DatedTerms]], frozenset[str]]:
    """
    Return prices to be tried by their pipeline's id, and the ids of those that they replace.

    *prices* are new ones, *changes* are prices of the list: `id`, and what shall differ. Without a
    start a new one holds from ever; what is switched off is left out. Raises InvalidFields with all
    problems by their places, NotFound.
    """
    problems: list[FieldProblem] = []
    trial: dict[str, list[DatedTerms]] = {}
    ids = set()
    for field, items in (("prices", prices), ("changes", changes)):
        if len(items) > MAX_PRICES:
            raise InvalidFields([TOO_MANY_PRICES(field, most=MAX_PRICES)])
        for number, item in enumerate(items):
            place = f"{field}/{number}"
            if not isinstance(item, Mapping):
                problems.append(PRICE_NOT_AN_OBJECT(place))
                continue
            current: Record = {}
            if field == "changes":
                current = await get_row(sor, TABLE, str(item.get("id") or "")[:32])
                ids.add(current["id"])
            price = _price(place, item, current, problems)
            if price:
                same_pipeline = trial.setdefault(price["pipeline_id"], [])
                if price["enabled"]:
                    terms = _terms(price)
                    if any(_overlap(terms, other) for other in same_pipeline):
                        problems.append(TIMES_OVERLAP(f"{place}/effective_from"))
                    same_pipeline.append(terms)
    if problems:
        raise InvalidFields(problems)
    for pipeline_id in trial:
        await get_row(sor, "pipelines", pipeline_id)
    return trial, frozenset(ids)


def _price(
    place: str, item: Mapping[str, Any], current: Record, problems: list[FieldProblem]
) -> dict[str, Any] | None:
    """Return the price that *item* gives, or makes of *current*; None where it is none."""
    columns = table(TABLE).columns
    before = {
        name: iso(value) if isinstance(value, datetime) else value
        for name, value in current.items()
        if name in columns and not columns[name].server_set
    }
    new = {name: value for name, value in item.items() if name != "id" or not current}
    try:
        values = check_new(TABLE, with_currency(before | new))
        start = values["effective_from"] or _EVER
        return complete({**values, "effective_from": start}, new)
    except InvalidFields as exc:
        problems += [FieldProblem(f"{place}/{x.field}", x.code, x.text) for x in exc.problems]
    return None


def _overlap(one: DatedTerms, other: DatedTerms) -> bool:
    """Return whether two prices of one use hold at the same time: which one should it be?"""
    first, second = sorted((one, other), key=lambda item: item.start)
    is_before = first.end is not None and first.end <= second.start
    return use_of(one.terms) == use_of(other.terms) and not is_before


def _terms(price: Mapping[str, Any]) -> DatedTerms:
    values = {**price, **_KNOWN}
    return dated_terms_of([values[name] for name in PRICE_COLUMNS])
