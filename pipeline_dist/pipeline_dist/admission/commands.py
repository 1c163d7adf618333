"""What a program asks of admission, and what it is told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline_dist.accounts.authentication import Credentials
from pipeline_dist.admission.limits import Limit
from pipeline_ops.rules.usage_lines import UsageLine


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginCall:
    """A call to be let in; with `status` it is a finished call to be booked in one go.
    `credentials`: the key by which it is asked for, still to be checked."""

    distributor_id: str
    credentials: Credentials | None
    pipeline: str
    idempotency_key: str
    request_hash: str
    client_ref: str | None
    lease_seconds: int | None
    lines: list[UsageLine]
    status: str | None
    error: str | None
    started_at: datetime | None
    pipeline_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishCall:
    """The end of a call; `pipeline_id` is its line where that is known beforehand."""

    distributor_id: str
    credentials: Credentials | None
    call_no: str
    status: str
    lines: list[UsageLine]
    error: str | None
    body_hash: str
    pipeline_id: str | None = None


Command = BeginCall | FinishCall


@dataclass(frozen=True, slots=True)
class BeginResult:
    """A call that was let in: the answer, whether it is a repeated one, the limits it met, the
    call's line, and, for a repeated answer, what the call is now."""

    call: dict[str, Any]
    replayed: bool
    limits: list[Limit]
    pipeline_id: str
    current: dict[str, Any] | None = None

    @property
    def answer(self) -> dict[str, Any]:
        """What is told of the call; what comes again says beside it what the call is now."""
        return _with_current(self.call, self.current)


@dataclass(frozen=True, slots=True)
class FinishResult:
    """A call that has ended: the answer, whether it is a repeated one, the limits it met, and,
    for a repeated answer, what the call is now."""

    call: dict[str, Any]
    replayed: bool
    limits: list[Limit]
    current: dict[str, Any] | None = None

    @property
    def answer(self) -> dict[str, Any]:
        """What is told of the call; what comes again says beside it what the call is now."""
        return _with_current(self.call, self.current)


def _with_current(call: dict[str, Any], current: dict[str, Any] | None) -> dict[str, Any]:
    return call if current is None else call | {"current": current}
