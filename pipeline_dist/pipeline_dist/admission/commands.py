"""What a program asks of admission, and what it is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeGuard, TypeVar

from pipeline_dist.accounts.api_key import ApiKey
from pipeline_dist.accounts.authentication import Credentials
from pipeline_dist.admission.limits import Limit
from pipeline_ops.ledger.rows import CallLabels
from pipeline_ops.ledger.states import CallStatus
from pipeline_ops.rules.usage_lines import UsageLine

DEFAULT_LEASE_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginCall(CallLabels):
    """
    A call of the line *pipeline* (its code) to be let in, with a slot for `lease_seconds`. With
    `status` (succeeded, failed) it is a finished call to be booked in one go with its `lines`,
    which needs no slot. `started_at` is for calls booked afterwards; where a client tells it, or
    the version that was used, `is_told` says so, and both are looked at (event_time.py). For a call
    that begins, `estimate`, or what `estimate_lines` cost, is reserved of what may be spent.
    """

    pipeline: str
    idempotency_key: str
    request_hash: str
    lease_seconds: int = DEFAULT_LEASE_SECONDS
    lines: Sequence[UsageLine] = ()
    status: CallStatus | None = None
    error: str | None = None
    started_at: datetime | None = None
    version_no: int | None = None
    is_told: bool = False
    estimate: Decimal | None = None
    estimate_lines: Sequence[UsageLine] | None = None

    @property
    def all_lines(self) -> Sequence[UsageLine]:
        """What is to be priced: the lines of a call that is over, or those of an estimate."""
        return self.lines or self.estimate_lines or ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishCall:
    """The end of a call that was begun: succeeded, failed or cancelled, and what it used."""

    call_no: str
    status: CallStatus
    lines: Sequence[UsageLine] = ()
    error: str | None = None
    body_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendCall:
    """A call that was begun is to run for `lease_seconds` from now on, unless it may already."""

    call_no: str
    lease_seconds: int
    # It uses nothing.
    lines: Sequence[UsageLine] = ()


# Of a call that was begun.
CallCommand = FinishCall | ExtendCall
Command = BeginCall | FinishCall | ExtendCall
AnyCommand = TypeVar("AnyCommand", BeginCall, CallCommand, Command)


@dataclass(slots=True)
class Request(Generic[AnyCommand]):
    """
    Who asks for what. `credentials`: what it is asked for by, still to be checked. `key`: the key
    that they show, as far as it is known; with `credentials` to be proven on the locked row of its
    owner. `pipeline_id`: the call's line where that is known beforehand; a guess, to be proven.
    """

    command: AnyCommand
    distributor_id: str
    credentials: Credentials | None = None
    pipeline_id: str | None = None
    key: ApiKey | None = None


def is_begin(request: Request[Any]) -> TypeGuard[Request[BeginCall]]:
    """Return whether *request* is for a call to be let in."""
    return isinstance(request.command, BeginCall)


def is_of_call(request: Request[Any]) -> TypeGuard[Request[CallCommand]]:
    """Return whether *request* is for a call that was begun: to be ended, or to go on."""
    return not isinstance(request.command, BeginCall)


@dataclass(frozen=True, slots=True)
class BeginResult:
    """A call that was let in: the answer, whether it is a repeated one, the limits it met, the
    call's line, and, for a repeated answer, what the call is now."""

    call: dict[str, Any]
    replayed: bool
    limits: Sequence[Limit]
    pipeline_id: str
    current: dict[str, Any] | None = None

    @property
    def answer(self) -> dict[str, Any]:
        """What is told of the call; what comes again says beside it what the call is now."""
        return _with_current(self.call, self.current)

    @property
    def body(self) -> Any:
        """The answer, or the bytes of its JSON where these are there already."""
        return self.answer


@dataclass(frozen=True, slots=True)
class FinishResult:
    """A call that has ended, or goes on: the answer, whether it is a repeated one, the limits it
    met, and, for a repeated answer, what the call is now."""

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
