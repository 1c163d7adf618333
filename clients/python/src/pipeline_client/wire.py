"""
What goes over the wire, without a word about how: requests, answers, and plans of several.

A plan is a generator that yields what is to be done next (a request, a pause) and is sent what
came of it. So each rule (retrying, paging, renewing a lease, sending a spool) is written once; one
driver carries plans out with threads, another with asyncio (`clients.py`).
"""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """
    A request to the API; `path` begins behind `/pipeline_dist/v1/`.

    `is_repeatable`: that it arrives twice does no more than once. It has a key, or changes nothing.
    """

    method: str
    path: str
    params: Mapping[str, str | list[str]] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_repeatable: bool = True

    def content(self) -> bytes | None:
        """Return the body as it is sent."""
        return None if self.body is None else to_json(self.body)


@dataclass(frozen=True)
class Response:
    """An answer of the API; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """Return the body; numbers with a point are exact. Raises ValueError."""
        return json.loads(self.content, parse_float=Decimal)

    def retry_after(self) -> float | None:
        """Return in how many seconds it helps to try again; None where that is not said."""
        try:
            return max(0.0, float(self.headers["retry-after"]))
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True)
class Lost:
    """No answer came: whether the request was carried out is not known."""

    reason: str


@dataclass(frozen=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


class Stopped(Exception):
    """A plan was stopped while it paused."""


Plan = Generator[Request | Pause, Response | Lost | None, T]


def to_json(value: Any) -> bytes:
    """Return *value* as compact JSON; decimal numbers as texts, so that no digit is lost."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return text.encode("utf-8", "surrogatepass")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} cannot be sent")
