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
from pipeline_ops.rules.repricing import Trial, use_of
from pipeline_ops.rules.terms import PRICE_COLUMNS, DatedTerms, dated_terms_of
from pipeline_ops.tables.price_lists import MAX_PRICES, problems_at
from pipeline_ops.tables.prices import TABLE, complete, with_currency

_EVER = datetime.min.replace(tzinfo=UTC)
# It is known to every call.
_KNOWN = {"id": "", "terms_no": 0, "end_terms_no": 0}


async def check_trial(sor: SafeSqlor, prices: Sequence[Any], changes: Sequence[Any]) -> Trial:
    """
    Return the trial that a request is for.

    *prices* are new ones, *changes* are prices of the list: `id`, and what shall differ. Without a
    start a new one holds from ever; one of the list that is switched off is removed. Raises
    InvalidFields with all problems by their places, NotFound.
    """
    problems: list[FieldProblem] = []
    trial = Trial()
    for name, items in (("prices", prices), ("changes", changes)):
        if len(items) > MAX_PRICES:
            raise InvalidFields([TOO_MANY_PRICES(name, most=MAX_PRICES)])
        for number, item in enumerate(items):
            place = f"{name}/{number}"
            if not isinstance(item, Mapping):
                problems.append(PRICE_NOT_AN_OBJECT(place))
                continue
            current: Record = {}
            if name == "changes":
                current = await get_row(sor, TABLE, str(item.get("id") or "")[:32])
            price = _price(place, item, current, problems)
            if price:
                same_pipeline = trial.prices.setdefault(price["pipeline_id"], [])
                if price["enabled"]:
                    trial.ids.update(filter(None, [current.get("id")]))
                    terms = _terms(price)
                    if any(_overlap(terms, other) for other in same_pipeline):
                        problems.append(TIMES_OVERLAP(f"{place}/effective_from"))
                    same_pipeline.append(terms)
                elif current and current["enabled"]:
                    trial.gone.setdefault(price["pipeline_id"], []).append(_terms(price))
    if problems:
        raise InvalidFields(problems)
    for pipeline_id in trial.prices:
        await get_row(sor, "pipelines", pipeline_id)
    return trial


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
        problems += problems_at(place, exc.problems)
    return None


def _overlap(one: DatedTerms, other: DatedTerms) -> bool:
    """Return whether two prices of one use hold at the same time: which one should it be?"""
    first, second = sorted((one, other), key=lambda item: item.start)
    is_before = first.end is not None and first.end <= second.start
    return use_of(one.terms) == use_of(other.terms) and not is_before


def _terms(price: Mapping[str, Any]) -> DatedTerms:
    values = {**price, **_KNOWN}
    return dated_terms_of([values[name] for name in PRICE_COLUMNS])
