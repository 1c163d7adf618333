"""What the API answers, as typed records: amounts are Decimal, times know their zone."""

import dataclasses
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

R = TypeVar("R", bound="Record")
_MEMBERS: dict[type["Record"], dict[str, tuple[str, Callable[[Any], Any]]]] = {}


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record of the API; `more` has the members that this version of the package has no name
    for."""

    more: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class FieldProblem(Record):
    """What is wrong with one field."""

    pointer: str
    code: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Refusal(Record):
    """Why something was refused."""

    code: str
    detail: str
    errors: list[FieldProblem] = field(default_factory=list)
    scope: str | None = None
    limit: int | Decimal | None = None
    used: int | Decimal | None = None
    reserved: Decimal | None = None
    amount: Decimal | None = None
    balance: Decimal | None = None
    resets_at: datetime | None = None
    first_event_no: int | None = None


def load(kind: type[R], value: Any) -> R:
    """Return the JSON object *value* as a record; raises ValueError for one that is none."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{kind.__name__}: an object was expected")
    names, rest = {}, dict(value)
    for name, (member, convert) in _members(kind).items():
        if member in rest:
            names[name] = convert(rest.pop(member))
    try:
        return kind(**names, more=rest)
    except TypeError as exc:  # a member is missing
        raise ValueError(f"{kind.__name__}: {exc}") from None


def plain(value: Any) -> Any:
    """Return a record, or what is made of records, as what JSON can say; the names are those of the
    API."""
    if isinstance(value, Record):
        names = {name: member for name, (member, _) in _members(type(value)).items()}
        members = {member: plain(getattr(value, name)) for name, member in names.items()}
        return members | dict(value.more)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return time_text(value)
    return value


def time_text(moment: datetime) -> str:
    """Return a time as the API takes and gives it; raises ValueError for one without a zone."""
    if moment.tzinfo is None:
        raise ValueError("give a time with its zone, such as datetime.now(timezone.utc)")
    text = moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def exact(value: "Decimal | int | str") -> Decimal:
    """Return a quantity or an amount; raises TypeError for a float, which is no decimal number."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise TypeError(
            f"give a Decimal, an int or a str, not {value!r}: round a float yourself, to at most"
            " 6 decimals"
        )
    return Decimal(value)


def _members(kind: type[Record]) -> dict[str, tuple[str, Callable[[Any], Any]]]:
    """Return, for each field, the API's name of it and what makes its value."""
    if kind not in _MEMBERS:
        hints = get_type_hints(kind)
        _MEMBERS[kind] = {
            item.name: (item.name.rstrip("_"), _converter(hints[item.name]))
            for item in dataclasses.fields(kind)
            if item.name != "more"
        }
    return _MEMBERS[kind]


def _converter(hint: Any) -> Callable[[Any], Any]:
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not type(None)]
        one = _count if kinds == [int, Decimal] else _converter(kinds[0])
        return lambda value: None if value is None else one(value)
    if get_origin(hint) is list:
        item = _converter(get_args(hint)[0])
        return lambda value: [item(one) for one in value or ()]
    if isinstance(hint, type) and issubclass(hint, Record):
        return lambda value: load(hint, value)
    return _SIMPLE.get(hint, lambda value: value)


def _count(value: Any) -> int | Decimal:
    return value if isinstance(value, int) else Decimal(value)


def _moment(value: Any) -> datetime:
    return datetime.fromisoformat(str(value).replace("Z", "+00:00"))


_SIMPLE: dict[Any, Callable[[Any], Any]] = {
    Decimal: lambda value: Decimal(str(value)),
    datetime: _moment,
}
