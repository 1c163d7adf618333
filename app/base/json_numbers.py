"""
Numbers in JSON that stay as they were written: `1.0`, `1e3`, 9007199254740993.

A float would lose digits, and a plain Decimal is money, which this application writes as a text.
So a fraction in JSON of a person's own (the configuration of a step, a file) is a JsonNumber: it
reckons as the Decimal it is and is written with the letters it was read with.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from decimal import Context, Decimal, InvalidOperation
from typing import Any

# What a number of a request or a file may be: wider than any column, and far from what costs time
# or memory to write out. `0e-100000000` is zero, and a hundred million characters long.
MAX_NUMBER_CHARACTERS = 1000
MAX_EXPONENT = 400

_TOO_LARGE: int = 10**MAX_NUMBER_CHARACTERS
_EXACT = Context(prec=MAX_NUMBER_CHARACTERS + MAX_EXPONENT)
_SPELLING = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class JsonNumber(Decimal):
    """A number that is no plain whole one; `spelling` is how JSON had it."""

    __slots__ = ("spelling",)
    spelling: str

    def __new__(cls, value: str | Decimal) -> "JsonNumber":
        """Take JSON's text of a number, or a Decimal; raises ValueError for anything else."""
        spelling = getattr(value, "spelling", None) or str(value)
        if not _SPELLING.fullmatch(spelling):
            raise ValueError("no number of JSON")
        try:
            number = super().__new__(cls, spelling)
        except InvalidOperation:  # an exponent beyond all that a Decimal can hold
            raise ValueError("no number of JSON") from None
        number.spelling = spelling
        return number

    def __reduce__(self) -> tuple[type["JsonNumber"], tuple[str]]:
        return JsonNumber, (self.spelling,)

    def __copy__(self) -> "JsonNumber":
        return self

    def __deepcopy__(self, memo: Any) -> "JsonNumber":
        return self


def is_bounded(number: Decimal | int) -> bool:
    """Return whether *number* is small enough to be reckoned and written out without a thought."""
    if isinstance(number, int):
        return abs(number) < _TOO_LARGE
    _, digits, exponent = number.as_tuple()
    return (
        isinstance(exponent, int)
        and abs(exponent) <= MAX_EXPONENT + len(digits)
        and abs(number.adjusted()) <= MAX_EXPONENT
        and len(digits) <= MAX_NUMBER_CHARACTERS
    )


def kept_json(text: str) -> Any:
    """Return the value of JSON that is stored here, every fraction in it a JsonNumber."""
    return json.loads(text, parse_float=JsonNumber, parse_int=_whole)


def _whole(text: str) -> Any:
    return JsonNumber(text) if text == "-0" else int(text)


def plain_spelling(number: Decimal) -> str:
    """
    One spelling for equal fractions, for sums over files: `1.0` for `1.00`, `1000.0` for `1e3`.

    It is that of a float wherever a float holds the number, as in the files written before.
    """
    nearest = float(number)
    if math.isfinite(nearest) and Decimal(repr(nearest)) == number:
        return repr(nearest)
    return str(number.normalize(_EXACT))


def _spelling(number: Decimal) -> str:
    return number.spelling if isinstance(number, JsonNumber) else str(number)


def encoder(
    default: Callable[[Any], Any],
    *,
    indent: int | None = None,
    sort_keys: bool = False,
    kind: type[Decimal] = JsonNumber,
    number: Callable[[Any], str] = _spelling,
) -> Callable[[Any], str]:
    """
    Make a function that writes JSON, every number of *kind* as *number* spells it.

    All else is written as json.JSONEncoder does it.
    It raises ValueError for NaN, TypeError for what *default* does not know.
    """
    return _Encoder(default, indent, sort_keys, kind, number).encode


class _Encoder:
    """What `encoder` makes; its arguments in their order."""

    def __init__(
        self,
        default: Callable[[Any], Any],
        indent: int | None,
        sort_keys: bool,
        kind: type[Decimal],
        number: Callable[[Any], str],
    ) -> None:
        self._default = default
        self._indent = indent
        self._sort_keys = sort_keys
        self._kind = kind
        self._number = number
        separators = (",", ":") if indent is None else (",", ": ")
        self._colon = separators[1]
        self._quick = json.JSONEncoder(
            ensure_ascii=False, allow_nan=False, separators=separators, sort_keys=sort_keys,
            indent=indent, default=self._or_number,
        ).encode  # fmt: skip

    def encode(self, value: Any) -> str:
        """Return *value* as JSON; by the standard library's quick way unless a number of ours is in
        it."""
        try:
            return self._quick(value)
        except _Number:
            return "".join(self._parts(value, "\n"))

    def _or_number(self, value: Any) -> Any:
        if isinstance(value, self._kind):
            raise _Number
        return self._default(value)

    def _parts(self, value: Any, margin: str) -> Iterator[str]:
        if isinstance(value, self._kind):
            yield self._number(value)
        elif isinstance(value, dict) and value:
            items = sorted(value.items()) if self._sort_keys else value.items()
            inner = ((f"{self._quick(str(name))}{self._colon}", one) for name, one in items)
            yield from self._items("{}", inner, margin)
        elif isinstance(value, list | tuple) and value:
            yield from self._items("[]", (("", one) for one in value), margin)
        else:
            yield self._quick(value)

    def _items(self, brackets: str, items: Iterator[tuple[str, Any]], margin: str) -> Iterator[str]:
        step = "" if self._indent is None else margin + " " * self._indent
        before = brackets[0]
        for head, value in items:
            yield before + step + head
            yield from self._parts(value, step)
            before = ","
        yield ("" if self._indent is None else margin) + brackets[1]


class _Number(Exception):
    """The encoder of the standard library, which knows no numbers but its own, met one of ours."""
