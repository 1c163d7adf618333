"""
A program on a client that was generated from the OpenAPI document, which it names `made`: it books,
begins, finishes, lists, pages and reads a statement. Run by test_generated.py in an environment of
its own.
"""

import os
import uuid

from made import AuthenticatedClient
from made.api.account import me
from made.api.calls import begin_call, book_batch, finish_call, read_call
from made.api.pipelines import pipelines, quote
from made.api.reports import statement, statement_csv, statements, usage
from made.models import (
    Batch,
    BatchItem,
    BatchItemStatus,
    CallList,
    Ending,
    EndingStatus,
    Line,
    NewCall,
    PipelineList,
    Problem,
    QuoteRequest,
    UsageLines,
    UsageSums,
)

LINE = os.environ["LINE"]
client = AuthenticatedClient(
    os.environ["PIPELINE_URL"], os.environ["PIPELINE_KEY"], httpx_args={"trust_env": False}
)
lines = [Line(unit="second", quantity="2")]

answer = me.sync(client=client)
assert answer.status == "active", answer
listing = pipelines.sync(client=client)
assert isinstance(listing, PipelineList), listing
assert listing.rows[0].code == LINE
price = quote.sync(client=client, body=QuoteRequest(pipeline=LINE, lines=lines))
assert price.total == "0.0200000000", price

one_go = NewCall(pipeline=LINE, status="succeeded", lines=lines)
booking = begin_call.sync(client=client, body=one_go, idempotency_key=uuid.uuid4().hex)
assert booking.amount == "0.0200000000", booking
begin = begin_call.sync(
    client=client, body=NewCall(pipeline=LINE), idempotency_key=uuid.uuid4().hex
)
assert begin.status == "reserved", begin
ending = Ending(call_no=begin.call_no, status=EndingStatus.SUCCEEDED, lines=lines)
end = finish_call.sync(client=client, body=ending)
assert (end.status, end.lines[0].amount) == ("succeeded", "0.0200000000"), end
assert read_call.sync(client=client, call_no=begin.call_no).to_dict() == end.to_dict()
items = [
    BatchItem(idempotency_key=f"k{n}", pipeline=LINE, status=BatchItemStatus.SUCCEEDED, lines=lines)
    for n in range(3)
]
batch = book_batch.sync(client=client, body=Batch(calls=items))
assert batch.accepted == 3, batch

numbers = []
calls = read_call.sync(client=client, rows=2)
while True:
    assert isinstance(calls, CallList), calls
    numbers += [call.call_no for call in calls.rows]
    if calls.next_ is None:
        break
    calls = read_call.sync(client=client, rows=2, next_=calls.next_)
assert len(set(numbers)) == 5, numbers

numbers = []
page = usage.sync(client=client, rows=2)
while True:
    assert isinstance(page, UsageLines), page
    numbers += [row.call_no for row in page.rows]
    if len(page.rows) < 2:
        break
    page = usage.sync(client=client, next_=page.next_)
assert len(set(numbers)) == 5, numbers
sums = usage.sync(client=client, group_by="day")
assert isinstance(sums, UsageSums), sums
month = statement.sync(client=client)
assert (month.calls, month.amount) == (5, sums.total.amount), month
assert statements.sync(client=client).rows == []
assert "second" in statement_csv.sync(client=client)

refusal = read_call.sync(client=client, call_no="none")
assert isinstance(refusal, Problem), refusal
assert refusal.code == "call_not_found"
