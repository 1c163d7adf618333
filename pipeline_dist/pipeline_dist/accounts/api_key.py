"""A key as requests are held against it: what it may do, from where, how often, until when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.global_func import column_names


class Scope(StrEnum):
    """What a key may be used for."""

    CALLS = "calls"
    READ = "read"
    FINANCE = "finance"
    ADMIN = "admin"


ALL_SCOPES = frozenset(Scope)


@dataclass(slots=True)
class ApiKey:
    """
    A row of app_key, with the number of changes of its owner's keys under which it was read.

    `scopes` and `pipelines` (codes; None: all that the distributor has) are lists with commas.
    """

    id: str
    distributor_id: str
    name: str
    hash: str | None
    expires_at: datetime | None
    previous_hash: str | None
    previous_expires_at: datetime | None
    scopes: str
    rate_limit_per_minute: int | None
    rate_window: bytes | None
    pipelines: str | None
    allowed_ips: str | None
    sandbox: int
    keys_no: int

    @property
    def all_scopes(self) -> frozenset[str]:
        """What the key may be used for."""
        return frozenset(words(self.scopes))

    @property
    def codes(self) -> list[str] | None:
        """The codes of the pipelines that the key is limited to; None: it is to none."""
        return None if self.pipelines is None else words(self.pipelines)

    def may_call(self, code: str) -> bool:
        """Return whether the key may be used for the pipeline *code*, as far as it goes."""
        return self.pipelines is None or code in words(self.pipelines)


KEY_COLUMNS = column_names(ApiKey)


def words(text: str | None) -> list[str]:
    """Return the entries of a list with commas."""
    return [word for word in (text or "").split(",") if word]


def comma_list(entries: Iterable[Any]) -> str:
    """Return *entries* as a list with commas, each once, in the order of their letters."""
    return ",".join(sorted({str(entry) for entry in entries}))
