"""The currencies of ISO 4217, those of the past included, as Babel lists them."""

from babel.numbers import get_currency_precision, list_currencies

_CODES = frozenset(list_currencies())


def is_currency(code: str) -> bool:
    """Return whether *code* is one of ISO 4217, in capitals: `CNY`."""
    return code in _CODES


def minor_units(code: str) -> int:
    """Return the decimals in which *code* is paid: 2 for CNY, 0 for JPY, 3 for KWD."""
    return get_currency_precision(code)
