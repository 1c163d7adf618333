"""
JSON as this application writes it: money as text, times as ISO 8601 with Z, no NaN; and the one
reader of JSON that comes in, as strict.
"""

import json
import re
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import orjson

from app.base.catalogue.requests import (
    BAD_JSON,
    JSON_HALF_CHARACTER,
    JSON_NAME_TWICE,
    JSON_NOT_UTF_8,
    JSON_NUMBER_OUT_OF_RANGE,
    JSON_NUMBER_TOO_LONG,
    JSON_TOO_MANY_LEVELS,
    JSON_WITH_MARK,
    JSON_WORD_NOT_ALLOWED,
)
from app.base.clock import iso
from app.base.errors import ErrorCode
from app.base.json_numbers import MAX_NUMBER_CHARACTERS, JsonNumber, encoder, is_bounded


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        if isinstance(value, JsonNumber):  # from the quick encoder; the others write it themselves
            return orjson.Fragment(value.spelling)
        # What no column can be is written as it came: in full it may be as long as its exponent.
        return format(value, "f") if -60 <= value.adjusted() <= 60 else str(value)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


_encode = encoder(_plain)
_encode_canonical = encoder(_plain, sort_keys=True)


def to_json(value: Any) -> str:
    """Compact JSON text; Decimal as a string, times as ISO 8601 with Z; ValueError for NaN."""
    return _encode(value)


def json_bytes(value: Any) -> bytes:
    """Do as `to_json`, in UTF-8, by a quicker encoder; for answers."""
    try:
        return orjson.dumps(value, _plain, orjson.OPT_PASSTHROUGH_DATETIME)
    except orjson.JSONEncodeError:
        # Whole numbers of more than 64 bits are rare here, and JSON has them. Halves of surrogate
        # pairs, repeated from a request, have a spelling there too.
        return to_json(value).encode("utf-8", "backslashreplace")


def canonical_json(value: Any) -> str:
    """Return the one spelling of *value*, for checksums: keys sorted, no blanks."""
    return _encode_canonical(value)


def canonical_bytes(value: Any) -> bytes:
    """As `canonical_json`, in UTF-8, by a quicker encoder; raises TypeError for whole numbers of
    more than 64 bits."""
    return orjson.dumps(value, _plain, orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_SORT_KEYS)


MAX_DEPTH = 100


class JsonError(ValueError):
    """
    A text is no JSON, or none that is taken here: `message` says why and at which line and column,
    both counted from 1.
    """

    def __init__(self, entry: ErrorCode, text: str, position: int, **params: Any) -> None:
        self.message = entry.message(
            line=text.count("\n", 0, position) + 1,
            column=position - text.rfind("\n", 0, position),
            **params,
        )
        super().__init__(str(self.message))


def parse_json(
    source: str | bytes, *, max_depth: int = MAX_DEPTH, keep_numbers: bool = False
) -> Any:
    """
    Parse the value that *source* (bytes in UTF-8) spells; fractions as Decimal, with *keep_numbers*
    as JsonNumber, which keeps their letters.

    Raises JsonError for what is no JSON, and for what readers take differently: names that stand
    twice in one object, NaN and its like, halves of surrogate pairs, a byte order mark, numbers
    beyond all use (json_numbers.is_bounded), more than *max_depth* levels.
    """
    text = _decode(source) if isinstance(source, bytes) else source
    try:
        value = _DECODERS[keep_numbers].decode(text)
        if "\\" in text and _HALF_LETTER.search(text):
            # One half of a surrogate pair, which no answer, log or column can hold.
            _encode(value).encode("utf-8")
        if text.count("[") + text.count("{") > max_depth and _is_deeper(value, max_depth):
            raise _NotTaken
    except json.JSONDecodeError as exc:
        # What stands before it may be the reason, as a byte order mark is.
        raise _first_fault(text, max_depth, exc.pos) or _no_json(text, exc.pos) from None
    except (_NotTaken, UnicodeEncodeError, RecursionError):
        raise _first_fault(text, max_depth) or _no_json(text, 0) from None
    return value


class _NotTaken(Exception):
    """Raised while reading; where it is and what to say is looked for afterwards."""


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        before = raw[: exc.start].decode("utf-8")
        raise JsonError(JSON_NOT_UTF_8, before, len(before)) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _NotTaken
    return members


def _whole(text: str) -> int:
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise _NotTaken
    return int(text)


def _kept_whole(text: str) -> int | JsonNumber:
    return JsonNumber(text) if text == "-0" else _whole(text)


def _fraction(text: str, kind: type[Decimal] = Decimal) -> Decimal:
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise _NotTaken
    try:
        number = kind(text)
    except (ArithmeticError, ValueError):  # an exponent that even Decimal has no room for
        raise _NotTaken from None
    if not is_bounded(number):
        raise _NotTaken
    return number


def _constant(name: str) -> Any:
    raise _NotTaken


# Made once: json.loads would make one for each text, which costs more than to read a short one.
_DECODERS = {
    keep: json.JSONDecoder(
        object_pairs_hook=_object,
        parse_int=_kept_whole if keep else _whole,
        parse_float=partial(_fraction, kind=JsonNumber) if keep else _fraction,
        parse_constant=_constant,
    )
    for keep in (False, True)
}
_HALF_LETTER = re.compile(r"\\u[dD][89a-fA-F]")
_TOKEN = re.compile(
    r'[ \t\n\r]*+(?:(?P<text>"(?:[^"\\\x00-\x1f]++|\\.)*+")|(?P<word>-?[A-Za-z]++)'
    r"|(?P<number>[-0-9][-+.0-9eE]*+)|(?P<mark>[\[\]{}:,]))"
)


def _is_deeper(value: Any, max_depth: int) -> bool:
    level = [value]
    for _ in range(max_depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def _first_fault(text: str, max_depth: int, end: int | None = None) -> JsonError | None:
    """
    Return what is wrong first in *text*, with its place; None where only its grammar is, which is
    looked at up to *end*.
    """
    if text.startswith("\ufeff"):
        return JsonError(JSON_WITH_MARK, text, 0)
    names: list[set[str] | None] = []  # of each object that is open; None for a list
    previous: re.Match[str] | None = None
    position = 0
    while token := _TOKEN.match(text, position):
        if end is not None and position > end:
            return None
        position = token.end()
        kind, word = token.lastgroup, token[token.lastgroup or 0]
        fault = None
        if kind != "mark":
            fault = _token_fault(text, token)
        elif word in "[{":
            names.append(set() if word == "{" else None)
            if len(names) > max_depth:
                fault = _too_deep(text, position - 1, max_depth)
        elif word in "]}":
            if not names:
                return None
            names.pop()
        elif word == ":" and names and names[-1] is not None and previous is not None:
            fault = _double_fault(text, previous, names[-1])
        if fault is not None:
            return fault
        previous = token if kind == "text" else None
    return None


def _token_fault(text: str, token: re.Match[str]) -> JsonError | None:
    kind = str(token.lastgroup)
    word, place = token[kind], token.start(kind)
    try:
        if kind == "text" and _HALF_LETTER.search(word):
            str(json.loads(word)).encode("utf-8")
        elif kind == "word" and word.lstrip("-") in ("NaN", "Infinity"):
            return JsonError(JSON_WORD_NOT_ALLOWED, text, place, name=word)
        elif kind == "number" and (len(word) > MAX_NUMBER_CHARACTERS or "e" in word.lower()):
            _fraction(word)
    except _NotTaken:
        return _number_fault(text, place, word)
    except UnicodeEncodeError:
        return JsonError(JSON_HALF_CHARACTER, text, place)
    except ValueError:
        pass  # a matter of grammar
    return None


def _number_fault(text: str, place: int, word: str) -> JsonError | None:
    if not re.fullmatch(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", word):
        return None
    if len(word) > MAX_NUMBER_CHARACTERS:
        return JsonError(JSON_NUMBER_TOO_LONG, text, place, most=MAX_NUMBER_CHARACTERS)
    return JsonError(JSON_NUMBER_OUT_OF_RANGE, text, place, number=word)


def _double_fault(text: str, token: re.Match[str], names: set[str]) -> JsonError | None:
    try:
        name = json.loads(token["text"])
    except ValueError:
        return None
    if name in names:
        return JsonError(JSON_NAME_TWICE, text, token.start("text"), name=name[:64])
    names.add(name)
    return None


def _too_deep(text: str, place: int, max_depth: int) -> JsonError:
    return JsonError(JSON_TOO_MANY_LEVELS, text, place, depth=max_depth)


def _no_json(text: str, place: int) -> JsonError:
    return JsonError(BAD_JSON, text, place)
