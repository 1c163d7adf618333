"""The list of calls for the operator's pages: filters, pages, sums, one call's story, voiding."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.installation import Installation
from tests.support.shop import Distributor, Pipeline, Shop

API = "/pipeline_ops/api"
USAGE = "pipeline_ops/pipeline_usage_log"
TOKENS = {"unit": "token", "unit_price": "7.2", "unit_size": 1_000_000}
IMAGES = {"unit": "image", "pricing_type": "package", "package_size": 100, "package_price": "25"}
PRICES = [{"unit": "call", "unit_price": "1"}, TOKENS, IMAGES]


@pytest.fixture(scope="module")
def shop(server: Installation) -> Shop:
    return Shop(server)


@pytest.fixture(scope="module")
def pipeline(shop: Shop) -> Pipeline:
    return shop.pipeline(prices=PRICES)


def look(shop: Shop, name: str, **params: Any) -> dict[str, Any]:
    answer = shop.admin.get(f"{API}/{name}.dspy", params=params)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def every_row(shop: Shop, **params: Any) -> list[dict[str, Any]]:
    """All calls of a filter, asked for page by page."""
    rows: list[dict[str, Any]] = []
    after: dict[str, Any] = {}
    for _ in range(20):
        answer = look(shop, "usage_calls", **params, **after)
        rows += answer["rows"]
        if answer["next"] is None:
            return rows
        after = answer["next"]
    raise AssertionError("the list has no end")


def book(
    buyer: Distributor, pipeline: Pipeline, key: str, *lines: tuple[str, Any], **more: Any
) -> str:
    """Book a call that is over; its number."""
    body = [{"unit": unit, "quantity": quantity} for unit, quantity in lines]
    answer = buyer.begin(
        pipeline, key, **{"status": "succeeded", "client_ref": key, "lines": body, **more}
    )
    assert answer.status_code == 201, answer.text
    call_no: str = answer.json()["call_no"]
    return call_no


def void(shop: Shop, call_no: str, reason: str = "booked twice") -> None:
    (header,) = shop.ledger("call_no = %s and line_no = 0", call_no)
    shop.post(
        f"{USAGE}_delete", id=header["id"], lock_version=header["lock_version"], reason=reason
    )


def test_one_row_a_call_with_its_amount(shop: Shop, pipeline: Pipeline) -> None:
    buyer = shop.distributor(pipeline)
    two = book(buyer, pipeline, "order-two", ("call", 1), ("token", 500), tags={"film": "a"})
    failure = book(buyer, pipeline, "order-failed", ("call", 2), status="failed")
    gone = book(buyer, pipeline, "order-gone", ("call", 3))
    void(shop, gone)
    running = buyer.begin(pipeline, "order-running").json()["call_no"]

    rows = {row["call_no"]: row for row in every_row(shop, distributor_id=buyer.id)}

    assert list(rows) == [running, gone, failure, two]
    assert (
        rows[two].items()
        >= {
            "distributor": buyer.code,
            "pipeline": f"产线 {pipeline.code}",
            "client_ref": "order-two",
            "version_no": 1,
            "amount": "1.0036000000",
            "currency": "CNY",
            "items": 2,
            "status": "succeeded",
            "tags": {"film": "a"},
            "archived": False,
        }.items()
    )
    assert (rows[gone]["amount"], rows[gone]["charge"]) == ("0.0000000000", "3.0000000000")
    assert (rows[running]["amount"], rows[running]["items"]) == ("0.0000000000", 0)
    total = look(shop, "usage_calls_total", distributor_id=buyer.id)
    assert total == {
        "count": 4,
        "capped": False,
        "sums": [{"currency": "CNY", "calls": 3, "amount": "3.0036000000"}],
    }


@pytest.mark.parametrize(
    ("names", "letters"),
    [
        ({"status": "failed,expired"}, ["f"]),
        ({"status": "voided"}, ["v"]),
        ({"status": "reserved"}, ["r"]),
        ({"q": "find-"}, ["r", "v", "f", "s"]),
        ({"q": "find-s"}, ["s"]),
        ({"unit": "token"}, ["s"]),
        ({"unit": "token", "pricing_type": "unit", "price": "7.2", "size": 1_000_000}, ["s"]),
        ({"unit": "token", "pricing_type": "unit", "price": "7.3", "size": 1_000_000}, []),
        ({"period": "today"}, ["r", "v", "f", "s"]),
        ({"period": "yesterday"}, []),
        ({"period": "last_month"}, []),
        ({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}, []),
        ({"last_day": "2026-01-01"}, []),
    ],
    ids=str,
)  # fmt: skip
def test_filters_and_their_sums(
    shop: Shop, sold: dict[str, Any], names: dict[str, Any], letters: list[str]
) -> None:
    for whose in ({"distributor_id": sold["buyer"]}, {"pipeline_id": sold["pipeline"]}):
        rows = every_row(shop, **whose, **names)
        assert [row["call_no"] for row in rows] == [sold[name] for name in letters]

        total = look(shop, "usage_calls_total", **whose, **names)
        assert total["count"] == len(letters)
        amount = sum((Decimal(row["amount"]) for row in rows), Decimal(0))
        assert sum(Decimal(one["amount"]) for one in total["sums"]) == amount


@pytest.fixture(scope="module")
def sold(shop: Shop) -> dict[str, Any]:
    """A call in each of a few states, by the letter of its state."""
    pipeline = shop.pipeline(prices=PRICES)
    buyer = shop.distributor(pipeline)
    calls = {
        "s": book(buyer, pipeline, "find-s", ("call", 1), ("token", 500)),
        "f": book(buyer, pipeline, "find-f", ("call", 1), status="failed"),
        "v": book(buyer, pipeline, "find-v", ("call", 1)),
        "r": buyer.begin(pipeline, "find-r", client_ref="find-r").json()["call_no"],
    }
    void(shop, calls["v"])
    return {**calls, "buyer": buyer.id, "pipeline": pipeline.id}


def test_pages_follow_one_another_in_every_order(shop: Shop, sold: dict[str, Any]) -> None:
    calls = [sold[name] for name in "rvfs"]
    for whose in (
        {"distributor_id": sold["buyer"]},
        {"pipeline_id": sold["pipeline"]},
        {"q": "find-", "distributor_id": sold["buyer"]},
    ):
        rows = every_row(shop, rows=1, **whose)
        assert [row["call_no"] for row in rows] == calls
    everybodys = [row["call_no"] for row in every_row(shop, rows=3)]
    assert [call_no for call_no in everybodys if call_no in calls] == calls


def test_calls_of_our_own_have_no_distributor(shop: Shop, pipeline: Pipeline) -> None:
    own = shop.post(
        f"{USAGE}_create", pipeline_id=pipeline.id, lines=[{"unit": "call", "quantity": 1}]
    )
    rows = every_row(shop, distributor_id="-", pipeline_id=pipeline.id)
    assert [row["call_no"] for row in rows] == [own["call_no"]]
    assert rows[0]["distributor"] is None
    total = look(shop, "usage_calls_total", distributor_id="-", pipeline_id=pipeline.id)
    assert total["sums"] == [{"currency": "CNY", "calls": 1, "amount": "1.0000000000"}]


def test_a_statements_line_leads_to_its_calls(shop: Shop) -> None:
    pipeline = shop.pipeline(prices=PRICES)
    buyer = shop.distributor(pipeline)
    both = book(buyer, pipeline, "both", ("call", 1), ("token", 500))
    gone = book(buyer, pipeline, "gone", ("token", 100))
    book(buyer, pipeline, "other", ("call", 1))
    void(shop, gone)
    answer = shop.admin.get(
        "/pipeline_dist/api/distributor_statement.dspy", params={"distributor_id": buyer.id}
    )
    statement = answer.json()["data"]
    (line,) = [line for line in statement["lines"] if line["unit"] == "token"]
    line_filter = {
        "distributor_id": buyer.id, "pipeline_id": pipeline.id, "month": statement["month"],
        **{name: line[name] for name in ("step_key", "model", "unit", "pricing_type")},
        "price": line["unit_price"], "size": line["unit_size"],
    }  # fmt: skip

    rows = every_row(shop, **line_filter)

    assert [row["call_no"] for row in rows] == [gone, both]
    # Of a call only what stands in this line.
    assert [row["amount"] for row in rows] == ["0.0000000000", "0.0036000000"]
    total = look(shop, "usage_calls_total", **line_filter)
    assert total["sums"] == [{"currency": "CNY", "calls": line["calls"], "amount": line["amount"]}]


def test_items_that_no_call_has(shop: Shop, pipeline: Pipeline) -> None:
    """Of a state too; and what is not there yet is seen as soon as it is."""
    buyer = shop.distributor(pipeline)
    book(buyer, pipeline, "one", ("token", 500))
    of_line = {"distributor_id": buyer.id, "unit": "image", "period": "all"}
    for more in ({}, {"status": "succeeded"}):
        assert every_row(shop, **of_line, **more) == []
        assert look(shop, "usage_calls_total", **of_line, **more)["count"] == 0
    call_no = book(buyer, pipeline, "two", ("image", 5))
    for more in ({}, {"status": "succeeded"}, {"period": "today"}):
        rows = every_row(shop, **(of_line | more))
        assert [row["call_no"] for row in rows] == [call_no]
        assert look(shop, "usage_calls_total", **(of_line | more))["count"] == 1


def test_what_is_asked_wrongly_is_said(shop: Shop) -> None:
    for params, field in (
        ({"status": "done"}, "/status"),
        ({"first_day": "2026-11-02", "last_day": "2026-11-01"}, "/last_day"),
        ({"from": "2026-11-02T00:00:00Z", "to": "2026-11-02T00:00:00Z"}, "/to"),
        ({"period": "soon"}, "/period"),
        ({"colour": "red"}, "/colour"),
    ):
        for name in ("usage_calls", "usage_calls_total"):
            answer = shop.admin.get(f"{API}/{name}.dspy", params=params)
            assert answer.status_code == 400, answer.text
            assert [error["pointer"] for error in answer.json()["errors"]] == [field]
    assert shop.admin.get(f"{API}/usage_call.dspy?call_no=none").status_code == 404


def test_a_calls_arithmetic(shop: Shop) -> None:
    pipeline = shop.pipeline(prices=PRICES)
    link = {"pricing_mode": "discount", "discount_rate": "0.85"}
    buyer = shop.distributor(pipeline, link=link)
    book(buyer, pipeline, "first", ("image", 30))
    call_no = book(buyer, pipeline, "second", ("image", 90), ("token", "0.001"), tags={"film": "b"})
    book(buyer, pipeline, "later", ("image", 5))

    story = look(shop, "usage_call", call_no=call_no)

    assert story["call"].items() >= {
        "call_no": call_no, "distributor": buyer.code, "status": "succeeded",
        "idempotency_key": "second", "tags": {"film": "b"}, "archived": False,
    }.items()  # fmt: skip
    images, tokens = story["items"]
    assert Decimal(images["list_price"]) == 25
    assert Decimal(images["price"]) == Decimal("21.25")
    assert Decimal(images["discount_rate"]) == Decimal("0.85")
    assert images["packages"] == {"before": "70.000000", "after": "80.000000", "packages": 1}
    assert (images["price_scope"], images["matched"]) == ("general", "all")
    assert images["amount"] == "21.2500000000"
    # 0.001 × 6.12 ÷ 1,000,000 has no eleventh decimal; told only where it has.
    assert (tokens["amount"], tokens["exact"], tokens["packages"]) == (
        "0.0000000061",
        "0.00000000612",
        None,
    )
    assert (story["amount"], story["charge"]) == ("21.2500000061", "21.2500000061")
    assert story["reversals"] == []


def test_the_story_of_a_void(shop: Shop, pipeline: Pipeline) -> None:
    buyer = shop.distributor(pipeline)
    call_no = book(buyer, pipeline, "wrong", ("call", 2), ("image", 1))
    void(shop, call_no, "a trial of ours")

    story = look(shop, "usage_call", call_no=call_no)

    call = story["call"]
    assert (call["status"], call["void_reason"], call["voided_by_text"]) == (
        "voided", "a trial of ours", "admin"
    )  # fmt: skip
    assert call["void_request_id"]
    assert [(row["unit"], row["amount"], row["reason"]) for row in story["reversals"]] == [
        ("call", "-2.0000000000", "a trial of ours"),
        ("image", "-25.0000000000", "a trial of ours"),
    ]
    assert story["reversals"][1]["packages"]["packages"] == -1
    assert (story["amount"], story["charge"]) == ("0.0000000000", "27.0000000000")
    (entry,) = shop.installation.query(
        "select label, detail, distributor_id from app_audit where action = 'void' and row_id = %s",
        call["id"],
    )
    assert entry["label"] == call_no
    assert entry["distributor_id"] == buyer.id
    assert '"amount":"27.0000000000"' in entry["detail"]
    assert '"currency":"CNY"' in entry["detail"]


def preview(shop: Shop, *call_nos: str) -> dict[str, Any]:
    answer = shop.admin.post(f"{API}/usage_void_preview.dspy", json={"call_nos": list(call_nos)})
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def test_what_a_void_would_give_back(shop: Shop) -> None:
    """The package that the first call opened stays paid for while another one uses it."""
    pipeline = shop.pipeline(prices=PRICES)
    buyer = shop.distributor(pipeline)
    first = book(buyer, pipeline, "first", ("image", 3), ("call", 1))
    second = book(buyer, pipeline, "second", ("image", 3))
    running = buyer.begin(pipeline, "running").json()["call_no"]

    (alone,) = preview(shop, first)["calls"]
    assert alone["charge"] == "26.0000000000"
    assert alone["refund"] == "1.0000000000"
    assert alone["distributor"] == buyer.code
    assert alone["packages"] == [
        {
            "unit": "image", "units": "3.000000", "package_size": 100, "taken_back": 0,
            "amount": "0.0000000000", "units_left": "97.000000",
        }
    ]  # fmt: skip
    both = preview(shop, first, second, running)
    assert both["refunds"] == [{"currency": "CNY", "calls": 2, "amount": "26.0000000000"}]
    assert [call["refusal"] is None for call in both["calls"]] == [True, True, False]

    for call_no, due in ((first, "1"), (second, "25")):
        void(shop, call_no)
        rows = shop.ledger("call_no = %s and entry_type = 'reversal'", call_no)
        assert -sum(row["amount"] for row in rows) == Decimal(due)
    assert preview(shop, first)["calls"][0]["refusal"]
    assert shop.ledger_differences() == ""


def test_who_may_look_and_who_may_void(server: Installation, sold: dict[str, Any]) -> None:
    viewer = server.sign_in("viewer")
    for name, params in (
        ("usage_calls", {}),
        ("usage_calls_total", {}),
        ("usage_call", {"call_no": sold["s"]}),
    ):
        assert viewer.get(f"{API}/{name}.dspy", params=params).status_code == 200
        assert server.anonymous().get(f"{API}/{name}.dspy", params=params).status_code == 401
    answer = viewer.post(f"{API}/usage_void_preview.dspy", json={"call_nos": [sold["s"]]})
    assert answer.status_code == 403


def test_the_request_that_a_call_came_with(shop: Shop, pipeline: Pipeline) -> None:
    """Of every way in which a call comes, and the first request where it is sent again."""
    buyer = shop.distributor(pipeline)
    lines = [{"unit": "call", "quantity": 1}]
    over = {"pipeline": pipeline.code, "status": "succeeded", "lines": lines}
    bodies: dict[str, tuple[str, dict[str, Any]]] = {
        "usual": ("calls", over), "unusual": ("calls", {**over, "tags": {"film": "b"}}),
        "begun": ("calls", {"pipeline": pipeline.code}),
        "batch": ("calls/batch", {"calls": [{**over, "idempotency_key": "one-of-a-batch"}]}),
    }  # fmt: skip
    for name, (path, body) in bodies.items():
        call_nos = []
        for number in range(2):
            headers = {"Idempotency-Key": name, "X-Request-Id": f"{name}-{number}"}
            answer = buyer.client.post(f"/pipeline_dist/v1/{path}", json=body, headers=headers)
            assert answer.is_success, answer.text
            call = answer.json()["results"][0] if path == "calls/batch" else answer.json()
            call_nos.append((call.get("call") or call)["call_no"])
        assert len(set(call_nos)) == 1
        story = look(shop, "usage_call", call_no=call_nos[0])
        assert story["call"]["request_id"] == f"{name}-0"
