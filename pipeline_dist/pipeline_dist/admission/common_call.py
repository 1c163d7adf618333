"""
The fast way of the common call: one that is over, of one metered item, on an account of which
nothing unusual has to be looked at. It is decided by whole numbers on the locked rows themselves,
without an object for each limit, price and row, and its row and its answer are ready texts.

Only what is let in goes this way. Whatever is to be refused, and whatever is unusual, is None here
and left to the general code (`decide`), which alone knows the refusals and their order: a condition
that is too strict costs time, and nothing else. Where both could decide a call, they give the same
answer, the same headers and the same rows (tests/database/test_common_calls.py).
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.global_func import (
    AppError,
    next_day_start,
    next_month_start,
    quota_day,
    quota_month,
    quote_of,
    time_ordered_id,
)
from pipeline_dist.accounts.api_key import ApiKey
from pipeline_dist.accounts.authentication import Credentials, check_caller
from pipeline_dist.accounts.rows import BillingMode, Distributor, Link, spend_key
from pipeline_dist.accounts.status import check_active
from pipeline_dist.admission.account import check_pipeline, link_terms
from pipeline_dist.admission.call_view import call_answer
from pipeline_dist.admission.commands import BeginCall, BeginResult, Command, Request
from pipeline_dist.admission.common_item import Charge, CommonItem
from pipeline_dist.admission.limits import CountedLimits, quota_key, quota_limits
from pipeline_dist.admission.ready_answer import account_answer, ready_answer
from pipeline_dist.admission.rows import Pipeline
from pipeline_dist.admission.spending import settle_day, spend_limits
from pipeline_dist.admission.workset import WorkSet
from pipeline_ops.ledger.ready_rows import account_text, row_text
from pipeline_ops.ledger.rows import CallHeader, Entry
from pipeline_ops.ledger.states import CallSource
from pipeline_ops.rules.counters import CapacityRow, CountingRow
from pipeline_ops.rules.line_steps import is_known_step
from pipeline_ops.rules.months import open_month
from pipeline_ops.rules.terms import LinkTerms, PricingType
from pipeline_ops.rules.usage_lines import UsageLine


class CommonCalls:
    """The common calls of one batch."""

    def __init__(self, workset: WorkSet) -> None:
        self._workset = workset
        self._accounts: dict[tuple[str, str], CommonAccount | None] = {}

    def forget(self) -> None:
        """Look at the accounts anew: something else has changed their rows."""
        self._accounts.clear()

    def decide(self, request: Request[Command]) -> BeginResult | None:
        """Let the call of *request* in, if it is a common one on a common account and there is room
        for it; None: nothing has happened."""
        command = request.command
        if not isinstance(command, BeginCall) or not is_common(command):
            return None
        distributor_id = request.distributor_id
        # Who repeats a key gets what is in the ledger.
        if (distributor_id, command.idempotency_key) in self._workset.existing_calls:
            return None
        place = (distributor_id, command.pipeline)
        if place in self._accounts:
            account = self._accounts[place]
        else:
            account = self._accounts[place] = _account(self._workset, *place)
        if account is None or not account.lets_in(request.credentials, request.key):
            return None
        return account.book(command)


def is_common(command: BeginCall) -> bool:
    """
    Return whether *command* is common by itself:

    - it is over, of one item: a slot, an estimate and items that share packages are for the others;
    - it happened now: a past one may count on another day, of which the ledger must be asked;
    - it names no version, and none of the tags, which are rows of their own;
    - it says of no error: that is long, and rare.
    """
    return (
        command.status is not None
        and len(command.lines) == 1
        and command.started_at is None
        and command.version_no is None
        and command.tags is None
        and command.error is None
        and command.estimate is None
        and command.estimate_lines is None
    )


def _account(workset: WorkSet, distributor_id: str, code: str) -> "CommonAccount | None":
    """
    Return the account of a distributor on the pipeline *code*, if it is a common one:

    - nothing refuses its calls: the distributor is active, the pipeline live and switched on, the
      link there, switched on and in its time;
    - no sums are kept of this day, which would have to be marked (ledger/day_marks.py);
    - all its counters stand at this day and month: the first call of a period, and one after the
      clock was set back, need what the ledger counts.
    """
    distributor = workset.distributors.get(distributor_id)
    pipeline = workset.pipelines_by_code.get(code)
    if distributor is None or pipeline is None:
        return None
    link = workset.links.get((distributor_id, pipeline.id))
    capacity = workset.capacities.get(pipeline.id)
    moment = workset.moment
    if link is None or capacity is None:
        return None
    try:
        check_active(distributor.status)
        check_pipeline(pipeline.status, link, moment)
    except AppError:
        return None
    day, month = quota_day(moment), quota_month(moment)
    if distributor.usage_day is None or day <= distributor.usage_day:
        return None
    row = capacity.row
    rows = (link,) if row is None else (link, row)
    if any((one.day_key, one.month_key) != (day, month) for one in rows):
        return None
    if distributor.quota_key != quota_key(distributor, moment) or (row and not row.enabled):
        return None
    return CommonAccount(workset, distributor, link, pipeline, row)


class CommonAccount:
    """A distributor on a pipeline at the moment of a batch, on which common calls are booked."""

    def __init__(
        self,
        workset: WorkSet,
        distributor: Distributor,
        link: Link,
        pipeline: Pipeline,
        capacity_row: CapacityRow | None,
    ) -> None:
        self.pipeline = pipeline
        self.moment = workset.moment
        self._workset = workset
        self._distributor = distributor
        rows: list[tuple[str, CountingRow]] = [("link", link)]
        if capacity_row is not None:
            rows.append(("capacity", capacity_row))
        self._counting_rows = [row for _, row in rows]
        counters = [*_own_counters(distributor, self.moment), *_counters(rows, self.moment)]
        self._limits = [counter[:3] for counter in counters]
        self._counters = [counter[3:] for counter in counters]
        # One at most.
        self._spend_limit = next(iter(spend_limits(distributor, self.moment)), None)
        self._is_prepaid = distributor.billing_mode == BillingMode.PREPAID
        self._link = link_terms(distributor.id, link)
        self._askers: set[tuple[Credentials | None, str | None]] = {(None, None)}
        self._items: dict[tuple[str, str, str], CommonItem | None] = {}
        self.header = _header_values(distributor, self._link, pipeline, self.moment)
        self.quote = quote_of(workset.sor)
        self._row = account_text(self.quote, self.header)
        self.answer = account_answer(
            pipeline.code, pipeline.current_version, self.moment, distributor.currency
        )
        period = distributor.spend_period
        self._counts_spending = spend_key(period, self.header["spend_day"]) == distributor.spend_key

    def lets_in(self, credentials: Credentials | None, key: ApiKey | None) -> bool:
        """Return whether the bearer of *credentials* may act for the distributor, by a *key* of
        which no more has to be looked at: none of its keys was changed since it was read, and it
        has no rate of its own."""
        asker = (credentials, None if key is None else key.id)
        if asker in self._askers:
            return True
        if key is not None:
            if key.rate_limit_per_minute is not None or not key.may_call(self.pipeline.code):
                return False
            if credentials is not None and key.keys_no != self._distributor.keys_no:
                return False
        if credentials is not None:
            try:
                check_caller(self._distributor, key, credentials)
            except AppError:
                return False
        self._askers.add(asker)
        return True

    def book(self, command: BeginCall) -> BeginResult | None:
        """Book a common call, in memory, if there is room and a common price for it."""
        usage = command.lines[0]
        item = self._item(usage)
        charge = None if item is None else item.charge(usage.quantity)
        if item is None or charge is None:
            return None
        counts = []
        for row, name in self._counters:
            counts.append(getattr(row, name) + 1)
        if any(count > limit[1] for count, limit in zip(counts, self._limits, strict=True)):
            return None
        if self._spend_limit is not None and not self._leaves_money(charge.amount):
            return None
        distributor = self._distributor
        rate = None
        if distributor.rate_limit_per_minute is not None:
            rate = self._workset.count_rate(distributor)
            if rate is None:
                return None
        self._consume(charge.amount)
        call = CommonCall(self, item, charge, command, distributor.entry_no)
        own = call.own_values()
        self._workset.ready_rows.append(row_text(self.quote, own, charge.row, item.row, self._row))
        self._workset.existing_calls[distributor.id, command.idempotency_key] = call.entry
        spend = None if self._spend_limit is None else (self._spend_limit, self._spend_now())
        limits = CountedLimits(self._limits, counts, rate, spend, self.moment)
        return CommonResult(call, limits)

    def _leaves_money(self, amount: Decimal) -> bool:
        """Return whether something may still be spent beside *amount*. A limit of money that is
        reached is told in headers, and which calls it refuses is left to the general code."""
        row = self._distributor
        if self._is_prepaid:
            return row.spend_reserved + amount < row.balance
        assert row.spend_limit is not None
        return row.spend_used + row.spend_reserved + amount < row.spend_limit

    def _spend_now(self) -> Decimal:
        """Return what changes in the limit of money: the balance, or what is spent."""
        return self._distributor.balance if self._is_prepaid else self._distributor.spend_used

    def _consume(self, amount: Decimal) -> None:
        """Take what a call takes, as `consume`, `charge` and `settle` of the general code do."""
        distributor = self._distributor
        distributor.entry_no += 1
        if distributor.quota_key is not None:
            distributor.quota_used += 1
        for row in self._counting_rows:
            row.day_used += 1
            row.month_used += 1
        if self._counts_spending:
            distributor.spend_used += amount
        if self._is_prepaid:
            distributor.balance -= amount

    def _item(self, usage: UsageLine) -> CommonItem | None:
        place = (usage.step_key, usage.model, usage.unit)
        if place not in self._items:
            self._items[place] = self._new_item(*place)
        return self._items[place]

    def _new_item(self, step_key: str, model: str, unit: str) -> CommonItem | None:
        """Return items of this use with their price. None for a step that the version may not have,
        where no price applies, and for one per package, of which the account has some left."""
        pipeline, currency = self.pipeline, self._distributor.currency
        if not is_known_step(pipeline.id, pipeline.current_version, step_key):
            return None
        terms_in_force = self._workset.terms_at(pipeline.id, self.moment, pipeline.terms_no)
        usable = [terms for terms in terms_in_force if terms.currency == currency]
        terms = self._link.choose(usable, step_key, model, unit)
        if terms is None or terms.pricing_type == PricingType.PACKAGE:
            return None
        return CommonItem(self.quote, terms, step_key, model, unit)


class CommonCall:
    """A common call that was booked."""

    __slots__ = ("account", "call_no", "charge", "command", "entry_no", "item")

    def __init__(
        self,
        account: CommonAccount,
        item: CommonItem,
        charge: Charge,
        command: BeginCall,
        entry_no: int,
    ) -> None:
        self.account = account
        self.item = item
        self.charge = charge
        self.command = command
        self.entry_no = entry_no
        self.call_no = time_ordered_id()

    def own_values(self) -> tuple[Any, ...]:
        """Return what its row has for itself, as `row_text` takes it."""
        command, call_no = self.command, self.call_no
        return (
            call_no, call_no, command.status, command.idempotency_key, str(command.request_hash),
            *command.labels.values(), self.entry_no,
        )  # fmt: skip

    def entry(self) -> Entry:
        """Return its row as the general code makes it."""
        command = self.command
        assert command.status is not None
        header = CallHeader(
            id=self.call_no, call_no=self.call_no, status=command.status,
            idempotency_key=command.idempotency_key, request_hash=str(command.request_hash),
            entry_no=self.entry_no, **command.labels, **self.account.header,
        )  # fmt: skip
        return Entry(header, [self.item.line(command.lines[0], self.charge.amount)])

    def json(self) -> bytes:
        """Return the answer as JSON."""
        command, charge = self.command, self.charge
        return ready_answer(
            self.account.answer, self.item.answer, call_no=self.call_no, status=str(command.status),
            labels=command.told_labels, quantity=charge.quantity_text, amount=charge.amount_text,
        )  # fmt: skip


class CommonResult(BeginResult):
    """A common call that was let in; its answer is made for who asks for it, as bytes at once."""

    __slots__ = ("_call",)
    _call: CommonCall

    def __init__(self, call: CommonCall, limits: CountedLimits) -> None:
        values = {"limits": limits, "_call": call}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    replayed = False
    current = None

    @property
    def pipeline_id(self) -> str:
        return self._call.account.pipeline.id

    @property
    def call(self) -> dict[str, Any]:
        entry = self._call.entry()
        return call_answer(entry.header, self._call.account.pipeline.code, entry.lines)

    @property
    def body(self) -> bytes:
        return self._call.json()


# Scope, maximum and end of a limit, and the row and column in which it is counted.
Counter = tuple[str, int, datetime, Any, str]


def _own_counters(row: Distributor, moment: datetime) -> list[Counter]:
    """Return the distributor's own quota, as `quota_limits` does."""
    limits = quota_limits(row, 0, moment)
    return [(x.scope, int(x.limit), x.resets_at or moment, row, "quota_used") for x in limits]


def _counters(rows: Iterable[tuple[str, CountingRow]], moment: datetime) -> list[Counter]:
    """Return the quotas by day and month of *rows*, as `period_limits` does."""
    counters: list[Counter] = []
    for kind, row in rows:
        if row.daily_quota is not None:
            ends = next_day_start(moment)
            counters.append((f"{kind}_day", row.daily_quota, ends, row, "day_used"))
        if row.monthly_quota is not None:
            ends = next_month_start(moment)
            counters.append((f"{kind}_month", row.monthly_quota, ends, row, "month_used"))
    return counters


def _header_values(
    distributor: Distributor, link: LinkTerms, pipeline: Pipeline, moment: datetime
) -> dict[str, Any]:
    """Return what the headers of common calls have of their account and moment."""
    month = quota_month(moment)
    return {
        "distributor_id": distributor.id,
        "pipeline_id": pipeline.id,
        "version_no": pipeline.current_version,
        "currency": distributor.currency,
        "source": CallSource.API,
        "started_at": moment,
        "finished_at": moment,
        "duration_ms": 0,
        "day_key": quota_day(moment),
        "month_key": open_month(month, distributor.closed_month),
        "quota_key": distributor.quota_key,
        "terms_no": pipeline.terms_no,
        "pricing_mode": link.pricing_mode,
        "discount_rate": link.discount_rate,
        "spend_day": settle_day(distributor, moment),
        "created_at": moment,
        "created_by": distributor.code,
        "updated_at": moment,
        "updated_by": distributor.code,
    }
