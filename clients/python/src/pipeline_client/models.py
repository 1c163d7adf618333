"""The records of the distributor API; what a member means stands in its document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipeline_client.records import Record, Refusal


@dataclass(frozen=True, kw_only=True)
class Limit(Record):
    """One limit and what is left of it."""

    scope: str
    limit: int | Decimal
    used: int | Decimal
    remaining: int | Decimal
    resets_at: datetime | None
    reserved: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Me(Record):
    """The distributor that calls."""

    code: str
    name: str
    status: str
    currency: str
    quota_period: str
    quota_calls: int | None
    quota_used: int | None
    quota_remaining: int | None
    quota_resets_at: datetime | None
    time_zone: str
    rate_limit_per_minute: int | None
    billing_mode: str
    balance: Decimal | None
    spend_limit: Decimal | None
    spend_period: str
    spend_used: Decimal
    spend_reserved: Decimal
    spend_remaining: Decimal | None
    spend_resets_at: datetime | None
    allowed_ips: list[str]
    api_key_prefix: str
    api_key_expires_at: datetime | None
    api_key_name: str
    api_key_scopes: list[str]
    api_key_pipelines: list[str] | None
    limits: list[Limit]
    sandbox: bool = False


@dataclass(frozen=True, kw_only=True)
class Price(Record):
    """A price that applies now."""

    step_key: str
    model: str
    unit: str
    pricing_type: str
    unit_price: Decimal | None
    unit_size: int | None
    package_size: int | None
    package_price: Decimal | None
    currency: str
    price_scope: str
    units_left: Decimal | None


@dataclass(frozen=True, kw_only=True)
class Step(Record):
    """A step of a pipeline."""

    step_key: str
    name: str
    step_type: str
    model: str | None
    timeout_seconds: int


@dataclass(frozen=True, kw_only=True)
class Stage(Record):
    """Steps that run in parallel."""

    stage: int
    steps: list[Step]


@dataclass(frozen=True, kw_only=True)
class Version(Record):
    """The live version of a pipeline."""

    version_no: int
    checksum: str
    published_at: datetime | None
    stages: list[Stage]


@dataclass(frozen=True, kw_only=True)
class Pipeline(Record):
    """A pipeline that may be called; `version` only where one was asked for by its code."""

    code: str
    name: str
    description: str | None
    version_no: int
    pricing_mode: str
    valid_from: datetime | None
    valid_to: datetime | None
    prices: list[Price]
    limits: list[Limit]
    version: Version | None = None


@dataclass(frozen=True, kw_only=True)
class PricedLine(Record):
    """A metered item with the price applied to it; `units_left` in quotes only."""

    line_no: int
    step_key: str
    model: str
    unit: str
    quantity: Decimal
    pricing_type: str | None
    unit_price: Decimal | None
    unit_size: int | None
    package_size: int | None
    package_price: Decimal | None
    amount: Decimal
    price_scope: str | None
    matched: str | None
    units_left: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class CurrentCall(Record):
    """What a call is now, in an answer that comes again."""

    status: str
    lease_expires_at: datetime | None
    finished_at: datetime | None
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Call(Record):
    """A call, that runs or is over; `replayed`: the answer is that of an earlier request."""

    call_no: str
    pipeline: str
    version_no: int | None
    status: str
    started_at: datetime
    lease_expires_at: datetime | None
    client_ref: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    estimate: Decimal | None = None
    finished_at: datetime | None = None
    duration_ms: int | None = None
    currency: str | None = None
    amount: Decimal | None = None
    late: bool = False
    error: str | None = None
    lines: list[PricedLine] = field(default_factory=list)
    archived: bool = False
    current: CurrentCall | None = None
    sandbox: bool = False
    replayed: bool = False


@dataclass(frozen=True, kw_only=True)
class Quote(Record):
    """What a call would cost now."""

    pipeline: str
    version_no: int | None
    currency: str
    lines: list[PricedLine]
    total: Decimal
    admitted: bool
    refusal: Refusal | None


@dataclass(frozen=True, kw_only=True)
class BatchItemResult(Record):
    """What came of one call of a batch: `call`, or `error`."""

    status: int
    replayed: bool = False
    call: Call | None = None
    error: Refusal | None = None
    retry_after: int | None = None


@dataclass(frozen=True, kw_only=True)
class BatchResult(Record):
    """What came of a batch, one result for each item, in order."""

    accepted: int
    refused: int
    results: list[BatchItemResult]


@dataclass(frozen=True, kw_only=True)
class UsageLine(Record):
    """One settled line: of a call, of what takes one back, an adjustment, a top-up."""

    entry_no: int
    entry_type: str
    call_no: str
    line_no: int
    pipeline: str | None
    version_no: int | None
    step_key: str
    model: str
    unit: str
    quantity: Decimal
    pricing_type: str | None
    unit_price: Decimal | None
    unit_size: int | None
    package_size: int | None
    package_price: Decimal | None
    amount: Decimal
    price_scope: str | None
    matched: str | None
    currency: str
    calls: int
    status: str
    started_at: datetime
    finished_at: datetime | None
    reason: str | None
    reference: str | None
    client_ref: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    sandbox: bool = False
    archived: bool = False


@dataclass(frozen=True, kw_only=True)
class UsageSum(Record):
    """The sum of one group and unit; it has those of the first members that it is grouped by, and
    in `more` the tags (`tag:NAME`)."""

    day: str | None = None
    month: str | None = None
    hour: datetime | None = None
    pipeline: str | None = None
    model: str | None = None
    step: str | None = None
    client_ref: str | None = None
    unit: str
    calls: int
    quantity: Decimal
    amount: Decimal
    currency: str


@dataclass(frozen=True, kw_only=True)
class UsageTotal(Record):
    """Everything in a time."""

    calls: int
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class UsageSums(Record):
    """Sums of a time."""

    from_: datetime
    to: datetime
    time_zone: str
    currency: str
    group_by: Any
    rows: list[UsageSum]
    total: UsageTotal


@dataclass(frozen=True, kw_only=True)
class StatementLine(Record):
    """Everything used at one price in a month."""

    pipeline: str
    pipeline_name: str
    step_key: str
    model: str
    unit: str
    pricing_type: str
    unit_price: Decimal | None
    unit_size: int | None
    package_size: int | None
    package_price: Decimal | None
    currency: str
    calls: int
    quantity: Decimal
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Correction(Record):
    """What came too late for the statement of its own month, or takes back what stands in it."""

    call_no: str
    line_no: int
    entry_no: int | None
    entry_type: str
    month: str
    started_at: datetime
    pipeline: str
    pipeline_name: str
    step_key: str
    model: str
    unit: str
    pricing_type: str | None
    unit_price: Decimal | None
    unit_size: int | None
    package_size: int | None
    package_price: Decimal | None
    currency: str
    calls: int
    quantity: Decimal
    amount: Decimal
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class Adjustment(Record):
    """A change of the bill by hand."""

    entry_no: int
    booked_at: datetime
    amount: Decimal
    currency: str
    reason: str
    reference: str | None


@dataclass(frozen=True, kw_only=True)
class Party(Record):
    """Whose statement it is."""

    code: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Statement(Record):
    """The statement of a month."""

    number: str | None
    status: str
    sender: str
    distributor: Party
    month: str
    from_: datetime
    to: datetime
    time_zone: str
    currency: str
    calls: int
    running: int
    lines: list[StatementLine]
    corrections: list[Correction]
    adjustments: list[Adjustment]
    lines_amount: Decimal
    corrections_amount: Decimal
    adjustments_amount: Decimal
    amount: Decimal
    total: Decimal
    final: bool
    closed_at: datetime | None
    made_at: datetime
    checksum: str | None


@dataclass(frozen=True, kw_only=True)
class StatementSummary(Record):
    """The statement of a closed month, without its lines."""

    number: str
    month: str
    from_: datetime
    to: datetime
    time_zone: str
    currency: str
    calls: int
    amount: Decimal
    total: Decimal
    closed_at: datetime
    checksum: str


@dataclass(frozen=True, kw_only=True)
class Event(Record):
    """Something that happened; `data` is what its type says more."""

    event_no: int
    type: str
    created_at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ApiKey(Record):
    """A key of the distributor; `api_key`, the key itself, is told once, when it is made."""

    id: str
    name: str
    prefix: str
    scopes: list[str]
    rate_limit_per_minute: int | None = None
    pipelines: list[str] | None = None
    allowed_ips: list[str] = field(default_factory=list)
    expires_at: datetime | None = None
    previous_expires_at: datetime | None = None
    sandbox: bool = False
    last_used_at: datetime | None = None
    last_used_ip: str | None = None
    created_at: datetime
    revoked_at: datetime | None = None
    api_key: str | None = field(default=None, repr=False)
    shown_before: bool = False
