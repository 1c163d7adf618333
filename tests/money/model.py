"""
The model itself: what may be done, what that costs, and what refuses it.

Every action says its names itself (`ref`), so that a history can be told again. It raises Refusal
before it changes anything.
"""

import copy
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from tests.money.accounts import Distributor, Link, Ourselves, Pipeline, amount_of, check_steps
from tests.money.days import Calendar, previous_month
from tests.money.ledger import NOTHING, Call, Item, Row
from tests.money.limits import check_amount, check_begin
from tests.money.prices import Match, Price
from tests.money.refusal import Refusal
from tests.money.statements import Statement, cut_total, statement

OVER = ("succeeded", "failed")
Items = Sequence[Item]
# So long after its end a month is closed by the worker.
GRACE = timedelta(days=3)
# In what calls of our own are charged.
OWN_CURRENCY = "CNY"


class Model:
    """Pipelines, distributors and calls at one time in one zone."""

    def __init__(self, zone: str, now: datetime) -> None:
        self.calendar = Calendar(zone)
        self.now = now
        self.pipelines: dict[str, Pipeline] = {}
        self.distributors: dict[str, Distributor] = {}
        self.own = Ourselves("", OWN_CURRENCY)
        self.calls: dict[str, Call] = {}
        self.statement_counts: dict[str, int] = {}

    # Prices and links.

    def add_price(self, pipeline: str, price: Price) -> None:
        """Enter a price; an own one is in the currency in which its distributor is charged."""
        if price.distributor and price.currency != self.distributors[price.distributor].currency:
            raise Refusal("invalid_fields")
        self.pipelines[pipeline].book.create(price)

    def set_link(self, distributor: str, pipeline: str, link: Link) -> None:
        """Make a link, or change its terms for calls to come."""
        self.distributors[distributor].links[pipeline] = link

    def delete_link(self, distributor: str, pipeline: str) -> None:
        """Delete a link; its own prices end with it."""
        self.distributors[distributor].link(pipeline)
        del self.distributors[distributor].links[pipeline]
        self.pipelines[pipeline].book.drop_own(distributor, self.now)

    def party(self, ref: str) -> Distributor:
        """Who is charged: a distributor, or for '' ourselves."""
        return self.distributors[ref] if ref else self.own

    # Calls.

    def begin(self, ref: str, distributor: str, pipeline: str, lease: timedelta,
              estimate: Decimal | Items | None = None) -> Call:  # fmt: skip
        """Let a call in: its quota is taken, its terms are captured. What it is estimated at is
        told, or what it will use."""
        party = self.distributors[distributor]
        link = self._let_in(party, pipeline)
        call = self._new_call(ref, party, pipeline, link, self.now, "reserved")
        items = estimate if isinstance(estimate, Sequence) else ()
        check_steps(self.pipelines[pipeline], items)
        self._check_currency(party, call)
        if isinstance(estimate, Sequence):
            rows = self._priced_rows(party, call, items)
            estimate = sum(self._tried_amounts(party, rows), NOTHING)
        check_begin(self.room(party), estimate)
        self._check_quota(party, self.now)
        call.lease_end, call.estimate = self.now + lease, estimate or NOTHING
        self._add(party, call)
        return call

    def book(self, ref: str, distributor: str, pipeline: str, status: str, items: Items) -> Call:
        """Book a finished call in one go."""
        party = self.distributors[distributor]
        link = self._let_in(party, pipeline)
        call = self._new_call(ref, party, pipeline, link, self.now, status)
        check_steps(self.pipelines[pipeline], items)
        self._check_currency(party, call)
        rows = self._priced_rows(party, call, items)
        check_amount(self.room(party), sum(self._tried_amounts(party, rows), NOTHING))
        self._check_quota(party, self.now)
        self._add(party, call)
        self._settle(party, call, rows)
        return call

    def book_by_hand(self, ref: str, distributor: str, pipeline: str, status: str, items: Items,
                     started_at: datetime) -> Call:  # fmt: skip
        """Book a call afterwards, by its own dates and what is known now."""
        party = self.party(distributor)
        link = party.find_link(pipeline)
        if link is None:
            raise Refusal("invalid_fields")
        call = self._new_call(ref, party, pipeline, link, started_at, status)
        check_steps(self.pipelines[pipeline], items)
        self._check_currency(party, call)
        rows = self._priced_rows(party, call, items)
        check_amount(self.room(party), sum(self._tried_amounts(party, rows), NOTHING))
        self._check_quota(party, started_at)
        self._add(party, call)
        self._settle(party, call, rows)
        return call

    def finish(self, ref: str, status: str, items: Items) -> Call:
        """End a call that was begun. A finish is always booked: the work has happened."""
        call = self.calls[ref]
        body = (status, tuple(items))
        if call.end_body is not None or call.status not in ("reserved", "expired"):
            if call.end_body == body:
                return call
            raise Refusal("already_finished")
        party = self.distributors[call.header.distributor]
        rows = self._priced_rows(party, call, items)
        if party.months.is_closed(call.header.month_key) and not rows:
            rows = [self._bare_row(party, call, is_back=status == "cancelled")]
        elif status == "cancelled":
            call.header.calls = 0
        call.status, call.end_body = status, body
        self._settle(party, call, rows)
        return call

    def sweep(self) -> None:
        """End calls whose lease has run out; their quota stays taken."""
        for call in self.calls.values():
            if call.status == "reserved" and call.lease_end and call.lease_end <= self.now:
                call.status = "expired"

    def void(self, ref: str, reason: str) -> Call:
        """Reverse a call, item by item."""
        call = self.calls[ref]
        if call.status == "reserved":
            raise Refusal("call_running")
        if call.status in ("cancelled", "voided"):
            raise Refusal("not_voidable")
        header = call.header
        party = self.party(header.distributor)
        number, line_no, rows = party.raise_entry(header.pipeline), call.next_line, []
        for place, source in enumerate(call.items or [header]):
            rows.append(
                Row(
                    entry_type="reversal", call=ref, line_no=line_no + place,
                    distributor=header.distributor, pipeline=header.pipeline, entry_no=number,
                    item=source.item, match=source.match, calls=0 if place else -header.calls,
                    amount=party.correct(source) if source.item else NOTHING,
                    day_key=header.day_key, started_at=header.started_at, settled_at=self.now,
                    month_key=party.months.open_month(source.month_key),
                    currency=header.currency, reverses=source, reason=reason,
                )
            )  # fmt: skip
        call.status = "voided"
        call.rows += rows
        party.rows += rows
        return call

    # Money without calls.

    def adjust(self, distributor: str, amount: Decimal, reason: str, reference: str = "") -> None:
        """Raise the bill, or lower it."""
        self._enter("adjustment", distributor, amount, reason, reference)

    def switch_billing(self, distributor: str, mode: str) -> None:
        """Let it be paid before, from now on, or afterwards again: with nothing left to pay out."""
        party = self.distributors[distributor]
        if mode == "prepaid":
            if party.limit.prepaid_since is None:
                party.limit.prepaid_since = party.entry_no
        elif party.limit.prepaid_since is not None:
            if cut_total(party.limit.balance(party.rows), party.currency):
                raise Refusal("balance_left")
            party.limit.prepaid_since = None

    def topup(self, distributor: str, amount: Decimal, reason: str, reference: str) -> None:
        """Take money in beforehand, from one who pays so."""
        self._enter("topup", distributor, amount, reason, reference)

    def close(self, distributor: str, month: str) -> str | None:
        """Close a month; the number of its statement, None where it has no row."""
        party = self.distributors[distributor]
        months = party.months
        if self.calendar.month_end(month) > self.now:
            raise Refusal("month_not_over")
        if months.is_closed(month):
            raise Refusal("month_closed")
        keys = {row.month_key for row in party.billed_rows}
        if any(not months.is_closed(key) and key < month for key in keys):
            raise Refusal("older_month_open")
        if any(
            call.status == "reserved" and call.header.month_key == month
            for call in self.calls.values() if call.header.distributor == distributor
        ):  # fmt: skip
            raise Refusal("calls_running")
        months.closed_month = month
        if month not in keys:
            return None
        count = self.statement_counts[month] = self.statement_counts.get(month, 0) + 1
        months.numbers[month] = f"{month}-{count:04}"
        return months.numbers[month]

    def close_due(self) -> None:
        """What the worker does: close months some days after their end, in order, as far as no
        call of them runs."""
        until = previous_month(self.calendar.month_key(self.now - GRACE))
        for party in self.distributors.values():
            if party.since > until:
                continue
            try:
                while not party.months.is_closed(until):
                    self.close(party.ref, min(self.oldest_open_month(party.ref), until))
            except Refusal:
                continue

    def oldest_open_month(self, distributor: str) -> str:
        """The month that is to be closed next: the oldest with a row, or what is now."""
        party = self.distributors[distributor]
        keys = {row.month_key for row in party.billed_rows}
        months = (key for key in keys if not party.months.is_closed(key))
        return min(months, default=self.calendar.month_key(self.now))

    # What it comes to.

    def check_active(self, distributor: str) -> None:
        """Refuse what a distributor asks that is suspended."""
        if self.distributors[distributor].status != "active":
            raise Refusal("distributor_suspended")

    def room(self, party: Distributor) -> Decimal | None:
        """What the distributor may still spend: None without a limit."""
        own_calls = (call for call in self.calls.values() if call.header.distributor == party.ref)
        return party.limit.room(party.rows, own_calls, self.calendar, self.now)

    def statement(self, distributor: str, month: str) -> Statement:
        """The statement of a month."""
        party = self.distributors[distributor]
        return statement(party.rows, self.calls, party.months, month, party.currency,
                         self.calendar, self.now)  # fmt: skip

    def quote(self, distributor: str, pipeline: str, items: Items) -> list[Decimal]:
        """What items would cost in a call that begins now."""
        party = self.distributors[distributor]
        link = party.link(pipeline)
        call = self._new_call("", party, pipeline, link, self.now, "succeeded")
        return self._tried_amounts(party, self._priced_rows(party, call, items))

    # The work.

    def _let_in(self, party: Distributor, pipeline: str) -> Link:
        self.check_active(party.ref)
        link = party.link(pipeline)
        if not link.enabled:
            raise Refusal("not_enabled")
        return link

    def _check_currency(self, party: Distributor, call: Call) -> None:
        self.pipelines[call.header.pipeline].book.check_currency(
            distributor=party.ref, currency=party.currency, moment=call.header.started_at,
            number=call.number, mode=call.mode,
        )  # fmt: skip

    def _check_quota(self, party: Distributor, moment: datetime) -> None:
        if party.quota_period == "none" or party.quota_calls is None:
            return
        if party.quota_use(self.calendar, moment) >= party.quota_calls:
            raise Refusal("quota_exceeded")

    def _new_call(self, ref: str, party: Distributor, pipeline: str, link: Link,
                  started_at: datetime, status: str) -> Call:  # fmt: skip
        header = Row(
            entry_type="charge", call=ref, distributor=party.ref, pipeline=pipeline, calls=1,
            day_key=self.calendar.day_key(started_at), started_at=started_at,
            month_key=party.months.open_month(self.calendar.month_key(started_at)),
            currency=party.currency,
        )  # fmt: skip
        number = self.pipelines[pipeline].book.number
        return Call(ref=ref, header=header, status=status, mode=link.mode, rate=link.rate,
                    number=number, rows=[header])  # fmt: skip

    def _add(self, party: Distributor, call: Call) -> None:
        self.calls[call.ref] = call
        party.rows.append(call.header)

    def _priced_rows(self, party: Distributor, call: Call, items: Items) -> list[Row]:
        """A row for each item with its price, not yet charged; the first may be the header."""
        pipeline = self.pipelines[call.header.pipeline]
        check_steps(pipeline, items)
        matches = [self._match(party, call, item) for item in items]
        month = party.months.open_month(call.header.month_key)
        header = call.header
        first_line = 0 if month == header.month_key else 1
        return [
            Row(
                entry_type="charge", call=call.ref, line_no=first_line + place,
                distributor=party.ref, pipeline=header.pipeline, item=item, match=match,
                day_key=header.day_key, month_key=month, started_at=header.started_at,
                currency=party.currency,
            )
            for place, (item, match) in enumerate(zip(items, matches, strict=True))
        ]  # fmt: skip

    def _match(self, party: Distributor, call: Call, item: Item) -> Match:
        return self.pipelines[call.header.pipeline].book.choose(
            distributor=party.ref, currency=party.currency, moment=call.header.started_at,
            number=call.number, step=item.step, model=item.model, unit=item.unit,
            mode=call.mode, rate=call.rate,
        )  # fmt: skip

    def _tried_amounts(self, party: Distributor, rows: Sequence[Row]) -> list[Decimal]:
        """What rows would cost, without charging them."""
        uses, party.uses = party.uses, copy.deepcopy(party.uses)
        amounts = self._amounts(party, rows)
        party.uses = uses
        return amounts

    def _bare_row(self, party: Distributor, call: Call, *, is_back: bool) -> Row:
        """The late end, without items, of a call whose header stands in a closed month: a row of
        the open month has its number, and takes the call back if it *is_back*."""
        header = call.header
        return Row(
            entry_type="charge", call=call.ref, line_no=1, distributor=party.ref,
            pipeline=header.pipeline, calls=-header.calls if is_back else 0,
            day_key=header.day_key, month_key=party.months.open_month(header.month_key),
            started_at=header.started_at, currency=party.currency,
        )  # fmt: skip

    def _amounts(self, party: Distributor, rows: Sequence[Row]) -> list[Decimal]:
        return [party.charge(row, row.match) if row.match else NOTHING for row in rows]

    def _settle(self, party: Distributor, call: Call, rows: list[Row]) -> None:
        """Charge *rows* and enter them under the next number; the first item goes into the header,
        unless that stands in a closed month."""
        header = call.header
        number = party.raise_entry(header.pipeline)
        for row, amount in zip(rows, self._amounts(party, rows), strict=True):
            row.amount, row.entry_no, row.settled_at = amount, number, self.now
        if rows and rows[0].line_no == 0:
            first, *rows = rows
            header.item, header.match, header.amount = first.item, first.match, first.amount
            header.package_key = first.package_key
        if not party.months.is_closed(header.month_key):
            header.entry_no, header.settled_at = number, self.now
        call.rows += rows
        party.rows += rows
        call.first_amount = amount_of(call.items)

    def _enter(self, kind: str, distributor: str, amount: Decimal, reason: str,
               reference: str) -> None:  # fmt: skip
        party = self.distributors[distributor]
        if reference:
            former = party.references.get((kind, reference))
            if former is not None:
                if former != amount:
                    raise Refusal("reference_reused")
                return
        if kind == "topup" and party.limit.prepaid_since is None:
            raise Refusal("not_prepaid")
        if reference:
            party.references[kind, reference] = amount
        month = self.calendar.month_key(self.now)
        row = Row(
            entry_type=kind, distributor=distributor, entry_no=party.raise_entry(), amount=amount,
            day_key=self.calendar.day_key(self.now), started_at=self.now, settled_at=self.now,
            month_key=party.months.open_month(month), currency=party.currency, reason=reason,
            reference=reference,
        )  # fmt: skip
        party.rows.append(row)
