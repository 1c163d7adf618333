"""The currencies of ISO 4217, those of the past included, as Babel lists them."""

from functools import cache


def is_currency(code: str) -> bool:
    """Return whether *code* is one of ISO 4217, in capitals: `CNY`."""
    return code in _codes()


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
