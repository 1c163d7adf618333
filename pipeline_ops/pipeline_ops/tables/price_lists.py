"""
Prices as a list: what a request gives of them in one field.

Each is an object with `step_key` and `model` ('' = every one), `unit`, `pricing_type` with the
numbers that belong to it, and `currency`. It says nothing of times: those are the request's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.global_func import (
    UNKNOWN_FIELD,
    FieldProblem,
    FieldRule,
    InvalidFields,
    check_new,
    check_params,
)
from pipeline_ops.errors import (
    PRICE_NOT_AN_OBJECT,
    SAME_PRICE,
    TOO_MANY_PRICES,
    WRONG_CURRENCY,
)
from pipeline_ops.tables.prices import TABLE, complete

MAX_PRICES = 200
# What a price of a list says.
FIELDS = (
    "step_key", "model", "unit", "pricing_type", "unit_price", "unit_size", "package_size",
    "package_price", "currency",
)  # fmt: skip
# What one price of a list has for itself.
USE = ("step_key", "model", "unit")
_LEFT_OUT = (
    "pipeline_id", "distributor_id", "effective_from", "effective_to", "enabled", "remark",
)  # fmt: skip
# What an edit says of the price that it is of.
_OF_EDIT = {
    "id": FieldRule(kind="str", required=True, length=32),
    "lock_version": FieldRule(kind="int", required=True, minimum=1),
    "enabled": FieldRule(kind="bool", default=1),
}


@dataclass(frozen=True, slots=True)
class PriceEdit:
    """
    What a list says of one price, at `place` in its request: `price` are its terms, None ends it.

    Without an `id` it is a new one; else `lock_version` is what its editor read.
    """

    place: str
    id: str | None
    lock_version: int | None
    price: Mapping[str, Any] | None


def check_prices(field: str, prices: list[Any], currency: str) -> list[dict[str, Any]]:
    """
    Return *prices* with every value typed and every default filled in, in the order given.

    Prices that name no currency get *currency*; another one is refused. Raises InvalidFields with
    all problems, each pointing into the list (`<field>/0/unit`).
    """
    if len(prices) > MAX_PRICES:
        raise InvalidFields([TOO_MANY_PRICES(field, most=MAX_PRICES)])
    problems: list[FieldProblem] = []
    rows = [_price(f"{field}/{i}", price, currency, problems) for i, price in enumerate(prices)]
    problems += _duplicates(field, [_use(row) for row in rows])
    if problems:
        raise InvalidFields(problems)
    return rows


def check_price_edits(field: str, items: list[Any], currency: str) -> list[PriceEdit]:
    """
    Return what *items* say of single prices: a whole price, with `id` and `lock_version` unless it
    is new; with `enabled` 0 it ends, and nothing more is read of it. Raises as `check_prices`.
    """
    if len(items) > MAX_PRICES:
        raise InvalidFields([TOO_MANY_PRICES(field, most=MAX_PRICES)])
    problems: list[FieldProblem] = []
    edits = [_edit(f"{field}/{i}", item, currency, problems) for i, item in enumerate(items)]
    problems += _duplicates(
        field, [(edit.id,) if edit.id else _use(edit.price or {}) for edit in edits]
    )
    if problems:
        raise InvalidFields(problems)
    return edits


def _edit(where: str, item: Any, currency: str, problems: list[FieldProblem]) -> PriceEdit:
    head = {name: item[name] for name in _OF_EDIT if name in item} if isinstance(item, dict) else {}
    if not head:
        return PriceEdit(where, None, None, _price(where, item, currency, problems))
    try:
        of_edit = check_params(_OF_EDIT, head)
    except InvalidFields as exc:
        problems += problems_at(where, exc.problems)
        return PriceEdit(where, None, None, None)
    price = None
    if of_edit["enabled"]:
        terms = {name: value for name, value in item.items() if name not in head}
        price = _price(where, terms, currency, problems)
    return PriceEdit(where, of_edit["id"], of_edit["lock_version"], price)


def problems_at(where: str, problems: Iterable[FieldProblem]) -> list[FieldProblem]:
    """Return *problems* of an object as those of the request in which it stands at *where*."""
    return [FieldProblem(f"{where}/{item.field}", item.code, item.text) for item in problems]


def _price(where: str, price: Any, currency: str, problems: list[FieldProblem]) -> dict[str, Any]:
    if not isinstance(price, dict):
        problems.append(PRICE_NOT_AN_OBJECT(where))
        return {}
    unknown = price.keys() & set(_LEFT_OUT)
    problems_here = [UNKNOWN_FIELD(name[:64]) for name in sorted(unknown)]
    values: dict[str, Any] = {}
    try:
        # The rules of a pricing row; which line it is for is not the list's business.
        fields = {name: value for name, value in price.items() if name not in unknown}
        values = check_new(TABLE, {"currency": currency} | fields | {"pipeline_id": "-"})
        values = complete(values, values)
    except InvalidFields as exc:
        problems_here += exc.problems
    if values and values["currency"] != currency:
        problems_here.append(WRONG_CURRENCY("currency", currency=currency))
    problems += problems_at(where, problems_here)
    return {name: values.get(name) for name in FIELDS}


def _use(price: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Return what *price* is for; None where that is wrong."""
    return None if price.get("unit") is None else tuple(price[name] for name in USE)


def _duplicates(field: str, keys: Sequence[tuple[Any, ...] | None]) -> list[FieldProblem]:
    places: dict[tuple[Any, ...], int] = {}
    problems = []
    for index, key in enumerate(keys):
        if key is None:
            continue
        if key in places:
            problems.append(SAME_PRICE(f"{field}/{index}", first=places[key] + 1))
        places.setdefault(key, index)
    return problems
