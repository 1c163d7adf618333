"""What a field may be, what it becomes, and how it is refused."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.base.catalogue.fields import BAD_PATTERN
from app.base.errors import FieldCode, Message


class CoercionError(Exception):
    """A value does not fit its field: what is wrong by the catalogue, and the sentence."""

    def __init__(self, entry: FieldCode, message: Message | None = None, /, **params: Any) -> None:
        self.entry = entry
        self.message = message or entry.message(**params)
        super().__init__(str(self.message))


class JsonText(str):
    """JSON as it is stored: canonical text, with the parsed value beside it."""

    __slots__ = ("value",)
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """
    What one parameter may be.

    `kind`: str, text, int, bigint, decimal, datetime, date, bool, json. `length` counts
    characters, `minimum` and `maximum` include themselves, `json` is True, "object" or "list",
    `default` is a typed value used when the parameter is not sent, `blank` says whether an empty
    text stays a text (else it counts as not given), `problem` is what is wrong with a text that the
    pattern does not fit, and `hint` the sentence in place of its own.
    Blanks at the ends are refused but in kind text and json: the database ignores them at the end
    when it compares, so that two spellings would be one name in one place and two in another.
    """

    kind: str
    required: bool = False
    nullable: bool = True
    length: int | None = None
    minimum: Decimal | int | None = None
    maximum: Decimal | int | None = None
    precision: int = 38
    scale: int = 10
    choices: Mapping[str, str] | tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    problem: FieldCode = BAD_PATTERN
    hint: str | None = None
    format: str | None = None
    json: bool | str = True
    default: Any = None
    blank: bool = False
    identifier: bool = False
