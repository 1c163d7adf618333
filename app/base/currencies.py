"""The currencies of ISO 4217, those of the past included, as Babel lists them."""

from datetime import date
from functools import cache

from app.base.catalogue.fields import PAST_CURRENCY
from app.base.clock import now
from app.base.refusals import InvalidFields


def is_currency(code: str) -> bool:
    """Return whether *code* is one of ISO 4217, in capitals: `CNY`."""
    return code in _codes()


def check_in_force(code: str, field: str = "currency") -> None:
    """Raise InvalidFields at *field* where the currency *code* is in force in no country any more;
    for who chooses one anew: what has such a currency keeps it."""
    if code not in _codes_in_force(now().date()):
        raise InvalidFields([PAST_CURRENCY(field, currency=code)])


@cache
def minor_units(code: str) -> int:
    """Return the decimals in which *code* is paid: 2 for CNY, 0 for JPY, 3 for KWD."""
    from babel.numbers import get_currency_precision

    return get_currency_precision(code)


@cache
def _codes() -> frozenset[str]:
    # Babel reads its tables for this; most workers are never asked.
    from babel.numbers import list_currencies

    return frozenset(list_currencies())


@cache
def _codes_in_force(day: date) -> frozenset[str]:
    from babel.core import get_global

    # Of each country the currencies that it had, each with its last day or None.
    countries = get_global("territory_currencies").values()
    return frozenset(
        code
        for currencies in countries
        for code, _, end, _ in currencies
        if end is None or date(*end) >= day
    )
