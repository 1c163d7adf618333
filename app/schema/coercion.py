"""
From what a request sends to a typed value, by the rule of the field.

Forms send text, scripts send JSON; both end here, once. A value is taken whole or refused with
a code and a sentence saying what would be right; nothing is cut, rounded or guessed.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from app.base.addresses import read_network
from app.base.catalogue.fields import (
    BAD_ADDRESS,
    BAD_BOOLEAN,
    BAD_CHARACTERS,
    BAD_CHOICE,
    BAD_DATE,
    BAD_DATETIME,
    BAD_JSON_VALUE,
    BAD_TIME,
    BLANK_ENDS,
    EMPTY,
    JSON_TOO_DEEP,
    MUCH_TOO_LONG,
    NO_JSON_LIST,
    NO_JSON_OBJECT,
    NO_ZONE,
    NOT_A_NUMBER,
    NOT_ALLOWED_IN_JSON,
    NOT_AN_INTEGER,
    NOT_SCALAR,
    NOT_SETTABLE,
    NOT_TEXT,
    NOT_UNICODE,
    NUL_CHARACTER,
    NUMBER_IN_JSON,
    NUMBER_OUT_OF_RANGE,
    NUMBER_TOO_LARGE,
    OUT_OF_RANGE,
    OVER_PRECISION,
    TIME_WITHOUT_ZONE,
    TOO_HIGH,
    TOO_LONG,
    TOO_LOW,
    TOO_MANY_DECIMALS,
    UNKNOWN_CURRENCY,
)
from app.base.clock import day_bounds
from app.base.currencies import is_currency
from app.base.errors import FieldCode, Message
from app.base.json_codec import JsonError, canonical_json, parse_json
from app.base.json_numbers import JsonNumber, is_bounded
from app.schema.field_rules import CoercionError, FieldRule, JsonText
from app.schema.tables import WHOLE_RANGES

MAX_JSON_DEPTH = 20
MAX_JSON_CHARACTERS = 65_536
MAX_TEXT_CHARACTERS = 65_536

_WHOLE = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER = re.compile(
    r"[+-]?(?:[0-9]{1,60}(?:\.[0-9]{0,60})?|\.[0-9]{1,60})(?:[eE][+-]?[0-9]{1,3})?"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_SEVERAL = (list, tuple, dict, set)
# Where blanks at the ends may mean something.
_FREE_TEXTS = ("text", "json")
_WIDE = Context(prec=200)  # wide enough that no digit a request sends is ever rounded away
_BOOLEANS = {"1": 1, "0": 0, "true": 1, "false": 0}


def coerce(rule: FieldRule, value: Any, *, strict: bool = False) -> Any:
    """
    Return *value* as the rule's kind, or None where it means "nothing".

    Text columns give str, whole numbers int, money Decimal with the column's scale, times aware
    UTC datetimes cut to milliseconds (a date is where that quota day begins, and refused where the
    time must be exact), booleans 1 or 0,
    JSON a JsonText. Forms say nothing with an empty text or the word null; where *strict*, from
    programs, only None is nothing, and an empty text is refused unless the rule lets it be one.
    Raises CoercionError.
    """
    if rule.kind != "json" and isinstance(value, _SEVERAL):
        if not (rule.format == "cidr_list" and isinstance(value, list)):
            raise CoercionError(NOT_SCALAR)
    if value is None or (not strict and _means_nothing(rule, value)):
        return None
    if isinstance(value, str) and rule.kind not in _FREE_TEXTS and rule.format != "cidr_list":
        check_ends(value)
    if value == "" and not rule.blank:
        raise CoercionError(EMPTY)
    return _KINDS[rule.kind](rule, value)


def _means_nothing(rule: FieldRule, value: Any) -> bool:
    if rule.format == "cidr_list":
        parts = value if isinstance(value, list) else [value]
        return all(isinstance(part, str) and not part.strip(' ,[]"\t\r\n') for part in parts)
    if not isinstance(value, str):
        return False
    if rule.kind in ("str", "text"):
        if value == "":
            return not rule.blank
        # A drop-down with nothing chosen sends the word null.
        return value == "null" and bool(rule.identifier or rule.choices)
    return (value.strip() if rule.kind == "json" else value) in ("", "null")


def check_ends(value: str) -> None:
    """Refuse blanks at the ends of *value*; raises CoercionError."""
    if value != value.strip():
        raise CoercionError(BLANK_ENDS)


def _text(rule: FieldRule, value: Any) -> str:
    if rule.format == "cidr_list":
        value = _cidr_list(value)
    if not isinstance(value, str):
        raise _not_text(value)
    limit = rule.length or MAX_TEXT_CHARACTERS
    if len(value) > limit:
        raise _too_long(limit, len(value))
    check_characters(value, one_line=rule.kind == "str")
    if rule.choices and value not in rule.choices:
        raise CoercionError(BAD_CHOICE, choices=", ".join(rule.choices))
    if rule.pattern and not rule.pattern.fullmatch(value):
        hint = Message(rule.hint) if rule.hint else None
        raise CoercionError(rule.problem, hint, pattern=rule.pattern.pattern)
    if rule.format == "currency" and not is_currency(value):
        raise CoercionError(UNKNOWN_CURRENCY, currency=value)
    return value


# Unicode's categories Cc, Zl and Zp.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def check_characters(value: str, *, one_line: bool) -> None:
    """Refuse what no database column or terminal should get: NUL, halves of surrogate pairs,
    and, where *one_line*, other control characters."""
    if "\0" in value:
        raise CoercionError(NUL_CHARACTER)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise CoercionError(NOT_UNICODE) from None
    if one_line and _CONTROL.search(value):
        raise CoercionError(BAD_CHARACTERS)


def _cidr_list(value: Any) -> str:
    # A list written as JSON text, as some forms and tools send it, is understood as well.
    parts = re.split(r"[,\s\[\]\"]+", value) if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise _not_text(value)
    networks = []
    for part in filter(None, (part.strip() for part in parts)):
        try:
            networks.append(str(read_network(part)))
        except ValueError:
            raise CoercionError(BAD_ADDRESS, part=part[:60]) from None
    return ",".join(dict.fromkeys(networks))


def _whole(rule: FieldRule, value: Any) -> int:
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        number = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and _WHOLE.fullmatch(value):
        number = int(value)
    else:
        raise CoercionError(NOT_AN_INTEGER)
    low, high = whole_range(rule)
    if not low <= number <= high:
        raise CoercionError(OUT_OF_RANGE, low=low, high=high)
    return number


def whole_range(rule: FieldRule) -> tuple[int, int]:
    """Return the least and the greatest whole number that *rule*, of kind int or bigint, lets
    through."""
    low, high = WHOLE_RANGES[rule.kind]
    low = max(low, math.ceil(rule.minimum)) if rule.minimum is not None else low
    high = min(high, math.floor(rule.maximum)) if rule.maximum is not None else high
    return low, high


def _decimal(rule: FieldRule, value: Any) -> Decimal:
    number = to_decimal(value)
    largest = Decimal(10) ** (rule.precision - rule.scale)
    if rule.minimum is not None and number < rule.minimum:
        raise CoercionError(TOO_LOW, low=rule.minimum)
    if rule.maximum is not None and number > rule.maximum:
        raise CoercionError(TOO_HIGH, high=rule.maximum)
    if abs(number) >= largest:
        raise CoercionError(OVER_PRECISION, high=format(largest, "f"))
    if _decimals(number) > rule.scale:
        raise CoercionError(TOO_MANY_DECIMALS, allowed=rule.scale, count=_decimals(number))
    return number.quantize(Decimal(1).scaleb(-rule.scale), context=_WIDE)


def to_decimal(value: Any) -> Decimal:
    """
    Return a number or its text as Decimal; a float through its shortest decimal text.

    Raises CoercionError for anything else, NaN and infinity included.
    """
    if isinstance(value, bool):
        raise CoercionError(NOT_A_NUMBER)
    if isinstance(value, float):
        value = repr(value)
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise CoercionError(NOT_A_NUMBER)
    elif not isinstance(value, int | Decimal):
        raise CoercionError(NOT_A_NUMBER)
    elif isinstance(value, int) and value.bit_length() > 400:
        raise CoercionError(NUMBER_TOO_LARGE)
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise CoercionError(NOT_A_NUMBER) from None
    if not number.is_finite():
        raise CoercionError(NOT_A_NUMBER)
    is_whole = isinstance(value, int)  # and then of few digits, see above
    if not (is_whole or is_bounded(number)) or (number and not -60 <= number.adjusted() <= 60):
        raise CoercionError(NUMBER_OUT_OF_RANGE)
    return number or Decimal(0)


def _decimals(number: Decimal) -> int:
    exponent = _WIDE.normalize(number).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _moment(rule: FieldRule, value: Any) -> datetime:
    day_will_do = rule.format != "exact"
    bad, no_zone = (BAD_DATETIME, NO_ZONE) if day_will_do else (BAD_TIME, TIME_WITHOUT_ZONE)
    try:
        if isinstance(value, datetime):
            moment = value
        elif day_will_do and isinstance(value, str) and _DATE.fullmatch(value):
            moment = day_bounds(value)[0]
        elif isinstance(value, str) and _MOMENT.fullmatch(value):
            moment = datetime.fromisoformat(value.upper().replace("T", " "))
        else:
            raise _bad_moment(bad)
        if moment.tzinfo is None:
            raise _bad_moment(no_zone)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _bad_moment(bad) from None
    if moment.year < 1000:
        raise _bad_moment(bad)
    return moment - timedelta(microseconds=moment.microsecond % 1000)


def _bad_moment(entry: FieldCode) -> CoercionError:
    return CoercionError(entry, example="2026-11-24T06:00:00Z", local="2026-11-24T14:00:00+08:00")


def _date(rule: FieldRule, value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise CoercionError(BAD_DATE, example="2026-11-24")


def _boolean(rule: FieldRule, value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
        return int(value)
    result = _BOOLEANS.get(value.lower()) if isinstance(value, str) else None
    if result is None:
        raise CoercionError(BAD_BOOLEAN)
    return result


def _json(rule: FieldRule, value: Any) -> JsonText:
    if isinstance(value, str):
        value = _parse(value)
    if rule.json == "object" and not isinstance(value, dict):
        raise CoercionError(NO_JSON_OBJECT)
    if rule.json == "list" and not isinstance(value, list):
        raise CoercionError(NO_JSON_LIST)
    value = _PlainJson().of(value, MAX_JSON_DEPTH)
    try:
        text = JsonText(canonical_json(value))
    except (TypeError, ValueError):
        raise CoercionError(BAD_JSON_VALUE) from None
    if len(text) > MAX_JSON_CHARACTERS:
        raise _too_long(MAX_JSON_CHARACTERS, len(text))
    text.value = value
    return text


def _parse(text: str) -> Any:
    if len(text) > MAX_JSON_CHARACTERS:
        raise _too_long(MAX_JSON_CHARACTERS, len(text))

    try:
        return parse_json(text, keep_numbers=True)
    except JsonError as exc:
        raise CoercionError(BAD_JSON_VALUE, exc.message) from None


class _PlainJson:
    """Values with their fractions as they were written. What no column can hold is refused, and
    what is too long as soon as that shows: nobody waits for the rest to be looked at."""

    def __init__(self) -> None:
        self._characters = 0

    def of(self, value: Any, depth: int) -> Any:
        """Return *value* so, of at most *depth* levels."""
        if depth < 0:
            raise CoercionError(JSON_TOO_DEEP, depth=MAX_JSON_DEPTH)
        self._count(2 if isinstance(value, str | dict | list) else 1)
        if isinstance(value, str):
            check_characters(value, one_line=False)
            self._count(len(value))
        elif isinstance(value, int | float | Decimal):
            return _json_number(value)
        elif isinstance(value, dict):
            self._count(max(2 * len(value) - 1, 0))
            return {self.of(k, depth - 1): self.of(v, depth - 1) for k, v in value.items()}
        elif isinstance(value, list):
            self._count(max(len(value) - 1, 0))
            return [self.of(item, depth - 1) for item in value]
        return value

    def _count(self, characters: int) -> None:
        # At least; how long the text is in full, `_json` looks at.
        self._characters += characters
        if self._characters > MAX_JSON_CHARACTERS:
            raise CoercionError(MUCH_TOO_LONG, limit=MAX_JSON_CHARACTERS)


def _json_number(value: int | float | Decimal) -> int | JsonNumber:
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal) and not value.is_finite():
        raise CoercionError(NOT_ALLOWED_IN_JSON, name=str(value))
    if not is_bounded(value):
        raise CoercionError(NUMBER_IN_JSON)
    return value if isinstance(value, int) else JsonNumber(value)


def _not_text(value: Any) -> CoercionError:
    return CoercionError(NOT_TEXT, type=_type_name(value))


def _too_long(limit: int, count: int) -> CoercionError:
    return CoercionError(TOO_LONG, limit=limit, count=count)


def _bytes(rule: FieldRule, value: Any) -> bytes:
    raise CoercionError(NOT_SETTABLE)


def _type_name(value: Any) -> str:
    return {bool: "boolean", int: "number", float: "number", dict: "object", list: "list"}.get(
        type(value), type(value).__name__
    )


_KINDS: dict[str, Callable[[FieldRule, Any], Any]] = {
    "str": _text,
    "text": _text,
    "int": _whole,
    "bigint": _whole,
    "decimal": _decimal,
    "datetime": _moment,
    "date": _date,
    "bool": _boolean,
    "json": _json,
    "bytes": _bytes,
}
