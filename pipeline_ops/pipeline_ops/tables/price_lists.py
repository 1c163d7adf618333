"""
Prices as a list: what a request gives of them in one field.

Each is an object with `step_key` and `model` ('' = every one), `unit`, `pricing_type` with the
numbers that belong to it, and `currency`. It says nothing of times: those are the request's.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from app.global_func import UNKNOWN_FIELD, FieldProblem, InvalidFields, check_new
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
    problems += _duplicates(field, rows)
    if problems:
        raise InvalidFields(problems)
    return rows


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
    problems += [FieldProblem(f"{where}/{item.field}", item.code, item.text)
                 for item in problems_here]  # fmt: skip
    return {name: values.get(name) for name in FIELDS}


def _duplicates(field: str, prices: Iterable[Mapping[str, Any]]) -> list[FieldProblem]:
    places: dict[tuple[Any, ...], int] = {}
    problems = []
    for index, price in enumerate(prices):
        if price.get("unit") is None:
            continue
        key = tuple(price[name] for name in USE)
        if key in places:
            problems.append(SAME_PRICE(f"{field}/{index}", first=places[key] + 1))
        places.setdefault(key, index)
    return problems
