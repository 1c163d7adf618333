"""
The own prices of a distributor for a line: a JSON list in the shape of pricing rows.

Each entry has `step_key` and `model` ('' = every one), `unit`, `pricing_type` with the numbers
that belong to it, and `currency`. It holds as long as it stands there, so it has no times.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from app.global_func import REQUIRED, UNKNOWN_FIELD, FieldProblem, InvalidFields, check_new
from pipeline_dist.errors import (
    PRICE_LIST_REQUIRED,
    PRICE_NOT_AN_OBJECT,
    SAME_PRICE,
    TOO_MANY_PRICES,
    WRONG_CURRENCY,
)

FIELD = "fixed_prices"
MAX_PRICES = 200
_LEFT_OUT = ("pipeline_id", "effective_from", "effective_to", "enabled", "remark")
_OF_TYPE = {"unit": ("unit_price",), "package": ("package_size", "package_price")}


def check_prices(prices: Any, currency: str) -> list[dict[str, Any]]:
    """
    Return *prices* with every value typed and every default filled in, in the order given.

    Prices that name no currency get *currency*, the distributor's; another one is refused.
    Raises InvalidFields with all problems, each pointing into the list (`fixed_prices/0/unit`).
    """
    if not isinstance(prices, list) or not prices:
        raise InvalidFields([PRICE_LIST_REQUIRED(FIELD)])
    if len(prices) > MAX_PRICES:
        raise InvalidFields([TOO_MANY_PRICES(FIELD, most=MAX_PRICES)])
    problems: list[FieldProblem] = []
    rows = [_price(i, price, currency, problems) for i, price in enumerate(prices)]
    problems += _duplicates(rows)
    if problems:
        raise InvalidFields(problems)
    return rows


def all_in(text: str, currency: str) -> bool:
    """Return whether all prices of a link, as it keeps them, are in *currency*."""
    return all(price.get("currency") == currency for price in json.loads(text or "[]"))


def _price(index: int, price: Any, currency: str, problems: list[FieldProblem]) -> dict[str, Any]:
    where = f"{FIELD}/{index}"
    if not isinstance(price, dict):
        problems.append(PRICE_NOT_AN_OBJECT(where))
        return {}
    price_values = {"currency": currency} | price
    problems_here = [
        UNKNOWN_FIELD(f"{where}/{name}"[:128]) for name in price_values.keys() & set(_LEFT_OUT)
    ]
    values: dict[str, Any] = {}
    try:
        # The rules of a pricing row; which line it is for is the link's own business.
        values = check_new("pipeline_pricing", price_values | {"pipeline_id": "-"})
    except InvalidFields as exc:
        problems_here += [_at_index(problem, where) for problem in exc.problems]
    problems_here += _type_problems(values, where)
    if values and values["currency"] != currency:
        problems_here.append(WRONG_CURRENCY(f"{where}/currency", currency=currency))
    problems += problems_here
    return {name: value for name, value in values.items() if name not in _LEFT_OUT}


def _type_problems(values: Mapping[str, Any], where: str) -> list[FieldProblem]:
    needed = _OF_TYPE.get(values.get("pricing_type", ""), ())
    return [REQUIRED(f"{where}/{name}") for name in needed if values.get(name) is None]


def _duplicates(prices: Iterable[Mapping[str, Any]]) -> list[FieldProblem]:
    places: dict[tuple[Any, ...], int] = {}
    problems = []
    for index, price in enumerate(prices):
        if not price:
            continue
        key = (price["step_key"], price["model"], price["unit"])
        if key in places:
            problems.append(SAME_PRICE(f"{FIELD}/{index}", first=places[key] + 1))
        places.setdefault(key, index)
    return problems


def _at_index(problem: FieldProblem, where: str) -> FieldProblem:
    return FieldProblem(f"{where}/{problem.field}", problem.code, problem.text)
