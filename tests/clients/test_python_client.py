"""The Python client against the running application, with threads and with asyncio."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from pipeline_client import (
    AsyncClient,
    BadAnswer,
    BatchItem,
    Client,
    InvalidFields,
    InvalidKey,
    Line,
    NoAnswer,
    Problem,
    QuotaExceeded,
    Retries,
    calls as call_blocks,
    models,
    plain,
)
from pipeline_client.records import Record, Refusal
from tests.clients.conftest import Account, new_account
from tests.support.installation import Installation

QUICK = Retries(first_pause=0.01, max_pause=0.05)


def lines(tokens: int) -> list[Line]:
    return [Line("input_token", tokens, step_key="answer"), Line("second", "1.5")]


def test_an_account_and_its_pipelines(account: Account, client: Client) -> None:
    me = client.me()
    (pipeline,) = client.pipelines()

    assert (me.status, me.currency, me.spend_used) == ("active", "USD", Decimal(0))
    assert pipeline.code == account.pipeline
    assert {price.unit for price in pipeline.prices} == {"input_token", "output_token", "second"}
    version = client.pipeline(account.pipeline).version
    assert version is not None
    assert [step.step_key for stage in version.stages for step in stage.steps] == ["answer"]
    assert version.published_at is not None
    assert datetime.now(UTC) - version.published_at < timedelta(hours=1)
    assert client.quote(account.pipeline, lines(1000)).total == Decimal("0.0158625000")


def test_a_block_begins_and_ends_a_call(account: Account, client: Client) -> None:
    with client.call(account.pipeline, client_ref="order 88") as call:
        running = client.read_call(call.call_no)
        call.add("input_token", 1_000_000)

    assert (running.status, running.client_ref) == ("reserved", "order 88")
    assert (call.call.status, call.call.amount) == ("succeeded", Decimal("0.8625"))
    assert call.call == client.read_call(call.call_no)


def test_a_block_that_fails_is_cancelled_and_a_call_can_end_otherwise(
    account: Account, client: Client
) -> None:
    with pytest.raises(ZeroDivisionError), client.call(account.pipeline) as broken:  # noqa: PT012
        broken.add("second", 1)
        _ = 1 / 0
    with client.call(account.pipeline) as failure:
        failure.add("second", 2)
        failure.fail("the model was overloaded")
    with client.call(account.pipeline) as nothing:
        nothing.cancel()

    ends = [client.read_call(one.call_no) for one in (broken, failure, nothing)]
    assert [(end.status, end.amount, end.error) for end in ends] == [
        ("cancelled", 0, "ZeroDivisionError"),
        ("failed", Decimal("0.02"), "the model was overloaded"),
        ("cancelled", 0, None),
    ]


def test_floats_are_refused_where_they_are_given(account: Account, client: Client) -> None:
    with pytest.raises(TypeError, match="round"), client.call(account.pipeline) as call:
        call.add("second", 0.1 + 0.2)  # type: ignore[arg-type]

    assert client.read_call(call.call_no).status == "cancelled"


async def test_the_asynchronous_client_does_the_same(account: Account) -> None:
    async with AsyncClient(account.url, account.key, retries=QUICK) as client:
        async with client.call(account.pipeline) as call:
            call.add("second", 3)
        number: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def work() -> None:
            async with client.call(account.pipeline) as block:
                number.set_result(block.call_no)
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        broken_no = await number
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.book(account.pipeline, lines(10))
        usage_lines = [line async for line in client.usage(rows=2)]

        assert call.call.amount == Decimal("0.03")
        assert (await client.read_call(broken_no)).status == "cancelled"
        assert [line.unit for line in usage_lines] == ["second", "", "input_token", "second"]
        assert (await client.statement()).amount == sum(line.amount for line in usage_lines)


def test_lists_come_page_by_page(account: Account, client: Client) -> None:
    for number in range(5):
        client.book(account.pipeline, [Line("second", number)], client_ref=f"n {number}")

    usage_lines = list(client.usage(rows=2))
    assert [line.quantity for line in usage_lines] == [0, 1, 2, 3, 4]
    assert [line.entry_no for line in usage_lines] == [1, 2, 3, 4, 5]
    page = client.usage_page(rows=3)
    assert [line.entry_no for line in client.usage_page(page.next).rows] == [4, 5]
    sums = client.usage_sums("day")
    assert (sums.total.calls, sums.total.amount) == (5, Decimal("0.1"))
    assert client.statement().calls == 5
    assert client.statement_file("csv", bom=True).startswith(b"\xef\xbb\xbfpipeline,")
    assert list(client.statements()) == []


def test_refusals_are_classes(account: Account, client: Client, server: Installation) -> None:
    with pytest.raises(InvalidFields) as fields:
        client.quote(account.pipeline, [Line("second", -1)])
    with pytest.raises(InvalidKey) as key, Client(account.url, "ppk_none") as stranger:
        stranger.me()

    assert [error.pointer for error in fields.value.errors] == ["/lines/0/quantity"]
    assert (key.value.status, bool(key.value.request_id)) == (401, True)
    assert account.key not in repr(client)


def test_what_will_not_pass_soon_is_raised_at_once(
    server: Installation, seller_pipeline: dict[str, Any]
) -> None:
    account = new_account(server, seller_pipeline, quota_period="month", quota_calls=1)
    with account.client() as client:
        client.book(account.pipeline, lines(1))
        start = time.monotonic()
        with pytest.raises(QuotaExceeded) as caught:
            client.book(account.pipeline, lines(1))

    assert time.monotonic() - start < 10
    refusal = caught.value.refusal
    assert (refusal.scope, refusal.limit, refusal.used) == ("distributor_month", 1, 1)
    assert refusal.resets_at is not None
    assert caught.value.retry_after is not None


def test_the_language_of_refusals(account: Account) -> None:
    with account.client(language="zh") as client, pytest.raises(Problem, match="产线"):
        client.quote("nothing-of-the-kind", lines(1))


class Faults:
    """A server between client and application that loses answers, or is too busy."""

    def __init__(self, target: str) -> None:
        self.plan: list[str] = []
        self.requests: list[dict[str, Any]] = []
        faults = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                fault = faults.plan.pop(0) if faults.plan else ""
                headers = {n: v for n, v in self.headers.items() if n.lower() != "host"}
                faults.requests.append(headers)
                body = self.rfile.read(size)
                if fault.isdigit():
                    self.send_response(int(fault))
                    self.send_header("Content-Length", "0")
                    self.send_header("Retry-After", "0")
                    self.end_headers()
                    return
                answer = httpx.post(
                    target + self.path, content=body, headers=headers, trust_env=False
                )
                if fault == "lost":
                    self.close_connection = True
                    return
                self.send_response(answer.status_code)
                for name in ("Content-Type", "Idempotent-Replayed"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def faults(account: Account) -> Iterator[Faults]:
    server = Faults(account.url)
    yield server
    server.close()


def test_lost_answers_and_busy_servers_book_once(
    account: Account, client: Client, faults: Faults
) -> None:
    with Client(faults.url, account.key, retries=QUICK) as unlucky:
        faults.plan = ["lost", "503", "429", "502", "lost"]
        booking = unlucky.book(account.pipeline, lines(7))
        faults.plan = ["lost", "500"]
        with unlucky.call(account.pipeline) as call:
            faults.plan = ["lost"]
            call.add("second", 1)

    keys = [headers.get("idempotency-key") for headers in faults.requests]
    assert len(set(keys[:6])) == 1
    assert booking.replayed
    assert [line.call_no for line in client.usage()] == [booking.call_no] * 2 + [call.call_no]


def test_what_may_not_come_twice_is_not_sent_twice(account: Account, faults: Faults) -> None:
    with Client(faults.url, account.key, retries=QUICK) as unlucky:
        faults.plan = ["lost"]
        with pytest.raises(NoAnswer):
            unlucky.create_key("ours", ["calls"])

    assert len(faults.requests) == 1


def test_tries_and_patience_have_an_end(account: Account, faults: Faults) -> None:
    with Client(faults.url, account.key, retries=Retries(tries=3, first_pause=0.01)) as unlucky:
        faults.plan = ["503"] * 9
        with pytest.raises(Problem) as caught:
            unlucky.book(account.pipeline, lines(1))
    nobody = Client("http://127.0.0.1:9", account.key, retries=Retries(patience=0.05))
    with nobody, pytest.raises(NoAnswer):
        nobody.me()

    assert (caught.value.status, len(faults.requests)) == (503, 3)


def test_another_server_is_not_understood() -> None:
    """As a page of a provider's portal, with status 200."""
    page = httpx.MockTransport(lambda request: httpx.Response(200, text="<html>Welcome!</html>"))
    with httpx.Client(transport=page) as http, pytest.raises(BadAnswer):
        Client("http://x", "k", http=http).me()


def test_a_lease_is_renewed_while_the_block_runs(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a transport that knows `calls/extend`, whatever version the application has."""
    renewals: list[Any] = []
    started_at = datetime.now(UTC)
    call = {"call_no": "c1", "pipeline": "p", "version_no": 1, "status": "reserved"}

    def answer(request: httpx.Request) -> httpx.Response:
        lease = {"started_at": started_at.isoformat(), "lease_expires_at": None}
        if request.url.path.endswith("/extend"):
            renewals.append(json.loads(request.content))
            if len(renewals) == 3:
                return httpx.Response(404, json={"code": "not_found", "detail": "No."})
        return httpx.Response(200, json=call | lease)

    monkeypatch.setattr(call_blocks.CallBlock, "_seconds_to_renewal", lambda block: 0.01)
    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        block = Client("http://x", "k", http=http).call("p", lease_seconds=30)
        with block:
            time.sleep(0.5)

    # After the third, which the server did not know, there is none.
    assert renewals == [{"call_no": "c1", "lease_seconds": 30}] * 3


def test_a_call_outlives_a_server_that_knows_no_renewal(account: Account, client: Client) -> None:
    with client.call(account.pipeline, lease_seconds=1) as call:
        time.sleep(0.6)
        call.add("second", 1)

    assert call.call.status == "succeeded"


def schema_of(document: dict[str, Any], name: str) -> set[str]:
    """Return the members of a schema of the document, those it is made of included."""
    node = document["components"]["schemas"][name]
    members = set(node.get("properties", ()))
    for part in node.get("allOf", ()):
        if "$ref" in part:
            members |= schema_of(document, part["$ref"].rpartition("/")[2])
        members |= set(part.get("properties", ()))
    return members


# Each record and the schemas it is read from; and what is in no schema but in headers.
RECORDS: dict[type[Record], tuple[str, ...]] = {
    models.Limit: ("Limit",),
    models.Me: ("Me",),
    models.Price: ("Price",),
    models.Step: ("Step",),
    models.Stage: ("Stage",),
    models.Version: ("Version",),
    models.Pipeline: ("Pipeline", "PipelineDetail"),
    models.PricedLine: ("PricedLine", "QuoteLine"),
    models.CurrentCall: ("CurrentCall",),
    models.Call: ("Call", "FinishedCall"),
    models.Quote: ("Quote",),
    models.BatchItemResult: ("BatchItemResult",),
    models.BatchResult: ("BatchResult",),
    models.UsageLine: ("UsageLine",),
    models.UsageSum: ("UsageSum",),
    models.UsageTotal: ("UsageTotal",),
    models.UsageSums: ("UsageSums",),
    models.StatementLine: ("StatementLine",),
    models.Correction: ("StatementCorrection",),
    models.Adjustment: ("StatementAdjustment",),
    models.Party: ("StatementDistributor",),
    models.Statement: ("Statement",),
    models.StatementSummary: ("StatementSummary",),
    Refusal: ("Refusal",),
}
OF_HEADERS: dict[type[Record], set[str]] = {models.Call: {"replayed"}}
# What stands in `more` of records: few ask for it, and it is not there in other answers.
IN_MORE = {"sandbox"}
# Of servers that are newer: calls with tags, of the sandbox; more to group by.
NEWER: dict[type[Record], set[str]] = {
    models.Me: {"sandbox"},
    models.Call: {"tags", "sandbox"},
    models.UsageLine: {"client_ref", "tags", "sandbox"},
    models.UsageSum: {"month", "hour", "client_ref"},
}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_records_have_the_members_of_the_document(
    server: Installation, record: type[Record]
) -> None:
    document = server.anonymous().get("/pipeline_dist/v1/openapi.json").json()
    members = {
        name.rstrip("_") for name in record.__dataclass_fields__ if name != "more"
    } - OF_HEADERS.get(record, set())
    schema_members = set().union(*(schema_of(document, name) for name in RECORDS[record]))

    assert schema_members - members - IN_MORE == set()
    assert members - schema_members <= NEWER.get(record, set())


def test_records_become_json_again(account: Account, client: Client) -> None:
    client.book(account.pipeline, lines(3), client_ref="x")
    answer = httpx.get(
        f"{account.url}/pipeline_dist/v1/statement",
        headers={"Authorization": f"Bearer {account.key}"},
        trust_env=False,
    ).json()

    assert plain(client.statement()) | {"made_at": ""} == answer | {"made_at": ""}


def test_a_batch_writer_books_what_it_was_given(
    account: Account, client: Client, tmp_path: Any
) -> None:
    heard: list[str] = []
    path = tmp_path / "spool"
    with client.batch_writer(path, on_refusal=lambda key, problem: heard.append(key)) as writer:
        good = writer.add(
            BatchItem(account.pipeline, lines(1)), BatchItem(account.pipeline, lines(2))
        )
        (bad,) = writer.add(BatchItem("no-such-pipeline", lines(1), idempotency_key="bad-1"))
        assert writer.flush() == 0

        ((key, row),) = writer.refused_calls()
        assert (key, row["reason"]["code"], heard) == (bad, "pipeline_not_found", ["bad-1"])
        assert writer.take_refused_back() == 1

    assert len(good) == 2
    assert [line.quantity for line in client.usage() if line.unit == "input_token"] == [1, 2]
    assert (writer.result.bookings, writer.result.refusals) == (2, 2)


async def test_an_asynchronous_batch_writer(account: Account, tmp_path: Any) -> None:
    async with AsyncClient(account.url, account.key, retries=QUICK) as client:
        async with client.batch_writer(tmp_path / "spool", interval=0.05) as writer:
            await writer.add(*(BatchItem(account.pipeline, [Line("second", n)]) for n in range(20)))
            while writer.waiting_count:
                await asyncio.sleep(0.05)

        assert writer.result.bookings == 20
        assert (await client.statement()).calls == 20


def test_calls_that_have_to_wait_do_not_hold_up_others(
    server: Installation, seller_pipeline: dict[str, Any], tmp_path: Any
) -> None:
    account = new_account(server, seller_pipeline, quota_period="month", quota_calls=2)
    with account.client(retries=Retries(patience=1)) as client:
        with client.batch_writer(tmp_path / "spool") as writer:
            writer.add(*(BatchItem(account.pipeline, lines(n)) for n in range(3)))
            assert writer.flush() == 1
        assert client.statement().calls == 2
        with client.batch_writer(tmp_path / "spool") as again:
            assert again.waiting_count == 1
