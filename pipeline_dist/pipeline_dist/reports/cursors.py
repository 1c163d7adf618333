"""
Cursors of answers that come page by page: what was asked for, and where the page ended.

A program goes on with `next` alone and asks for the same, whatever the clock says by then. The
query is kept as its parameters, and their rules hold for it again: the checksum finds what was
cut off or mixed up on the way, and would keep nobody from writing a cursor of their own.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.global_func import FieldRule, InvalidFields, canonical_json, check_params
from pipeline_dist.errors import BAD_CURSOR, NOT_AS_BEFORE

MAX_CURSOR = 1500
# An address has room for it, and it for every query that an address has room for.
MAX_CALLS_CURSOR = 7500
_SHAPE = re.compile(r"[A-Za-z0-9_-]+")
_CHECKSUM_BYTES = 9
Rules = Mapping[str, FieldRule]


@dataclass(frozen=True, slots=True)
class Cursor:
    """A query by its parameters, and the key of the last row that was answered."""

    query: dict[str, Any]
    place: dict[str, Any]

    def check_same(self, query: Mapping[str, Any]) -> None:
        """Raise InvalidFields for what *query* asks otherwise than the cursor's query."""
        problems = [
            NOT_AS_BEFORE(name, name=name)
            for name, value in query.items()
            if value != self.query.get(name)
        ]  # fmt: skip
        if problems:
            raise InvalidFields(problems)


def write_cursor(owner: str, query: Mapping[str, Any], place: Mapping[str, Any]) -> str:
    """Return the text of a cursor: *owner* says whose it is and of which list."""
    content = canonical_json([query, place]).encode()
    return _encode(_checksum(owner, content) + content)


def read_cursor(owner: str, text: str, *, query: Rules, place: Rules) -> Cursor:
    """
    Read the cursor in *text*, its query and place typed by their rules.

    Raises InvalidFields unless `write_cursor` made it for *owner*.
    """
    try:
        content = _content(owner, text)
        if content is not None:
            parts = json.loads(content)
            if isinstance(parts, list) and [type(part) for part in parts] == [dict, dict]:
                return Cursor(check_params(query, parts[0]), check_params(place, parts[1]))
    except (ValueError, RecursionError, InvalidFields):
        pass
    raise InvalidFields([BAD_CURSOR("next")])


def _content(owner: str, text: str) -> bytes | None:
    """Return what stands in *text* behind its checksum; None where that is not right."""
    if not _SHAPE.fullmatch(text):
        return None
    try:
        content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))[_CHECKSUM_BYTES:]
    except binascii.Error:
        return None
    return content if _encode(_checksum(owner, content) + content) == text else None


def _encode(packed: bytes) -> str:
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def _checksum(owner: str, content: bytes) -> bytes:
    return hashlib.sha256(owner.encode() + b"\0" + content).digest()[:_CHECKSUM_BYTES]
