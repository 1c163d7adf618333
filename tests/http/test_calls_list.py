"""Calls as a list, their tags and references, longer leases, and what was used by any of it."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any

import httpx
import pytest

from app.base.clock import quota_day, quota_month
from tests.support.installation import Installation
from tests.support.refusals import pointers
from tests.support.selling import Reseller, make_pipeline, make_reseller

BOTH_WAYS = True
DIMENSIONS = ("day", "month", "hour", "pipeline", "model", "step", "client_ref", "tag:team")


class World:
    """A distributor with calls of every kind on two lines."""

    def __init__(self, server: Installation) -> None:
        self.server = server
        prices = [{"unit": "call", "unit_price": "0.333333"}, {"unit": "page", "unit_price": "1"}]
        self.one = make_pipeline(server.admin, "listed-one", prices=prices)
        self.other = make_pipeline(server.admin, "listed-other", prices=prices)
        self.user = make_reseller(server, self.one, self.other, code="lister")
        self.stranger = make_reseller(server, self.one, code="stranger")
        self.calls: dict[str, dict[str, Any]] = {}
        self._begin()

    def _begin(self) -> None:
        usage = [{"unit": "call", "quantity": 2, "model": "m", "step_key": "answer"}]
        both = [*usage, {"unit": "page", "quantity": "1.5"}]
        over: dict[str, Any] = {"status": "succeeded", "lines": usage}
        self._note("plain", self.user.begin(self.one, **over))
        self._note(
            "tagged", self.user.begin(
                self.one, **over | {"lines": both}, client_ref="Order 1",
                tags={"team": "video", "env": "test"},
            ),
        )  # fmt: skip
        self._note(
            "other", self.user.begin(self.other, **over, client_ref="order 1", tags={"team": ""})
        )
        self._note(
            "failed", self.user.begin(self.one, status="failed", lines=[], tags={"team": "audio"})
        )
        self._note("running", self.user.begin(self.one, client_ref="run", tags={"team": "video"}))
        cancelled = self._note("cancelled", self.user.begin(self.one))
        assert self.user.finish(cancelled, "cancelled").status_code == 200
        voided = self._note("voided", self.user.begin(self.one, **over, tags={"team": "video"}))
        self.server.admin.post(
            "/pipeline_ops/api/pipeline_usage_log_delete.dspy",
            json={"id": voided["call_no"], "reason": "not wanted"},
        ).raise_for_status()
        expired = self._note("expired", self.user.begin(self.one, lease_seconds=1))
        while self.read(expired)["status"] != "expired":
            time.sleep(0.1)
        # One of the stranger's, which must be seen nowhere.
        self.stranger.begin(self.one, **over, client_ref="Order 1", tags={"team": "video"})

    def _note(self, name: str, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 201, answer.text
        self.calls[name] = call = answer.json()
        return dict(call)

    def read(self, call: dict[str, Any]) -> dict[str, Any]:
        answer = self.user.get("calls", call_no=call["call_no"])
        assert answer.status_code == 200
        return dict(answer.json())

    def names(self, **query: Any) -> list[str]:
        """The names of the calls in a list that is read one by one."""
        numbers = {call["call_no"]: name for name, call in self.calls.items()}
        return [numbers[row["call_no"]] for row in rows_of(self.user, rows=2, **query)]


def rows_of(user: Reseller, **query: Any) -> Iterator[dict[str, Any]]:
    """All calls of a list, page by page; on with `next` alone."""
    while True:
        answer = user.get("calls", **query)
        assert answer.status_code == 200, answer.text
        yield from answer.json()["rows"]
        query = {"next": answer.json()["next"]}
        if query["next"] is None:
            return


@pytest.fixture(scope="module")
def world(server: Installation) -> World:
    return World(server)


def test_a_list_has_all_calls_the_newest_first(world: World) -> None:
    assert world.names() == list(reversed(world.calls))
    for row in rows_of(world.user):
        # What the list tells is what is told of each.
        call = world.read(row)
        del call["lines"]
        assert row == call


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"status": "reserved"}, ["running"]),
        ({"status": "failed"}, ["failed"]),
        ({"status": "expired"}, ["expired"]),
        ({"status": "cancelled"}, ["cancelled"]),
        ({"status": "voided"}, ["voided"]),
        ({"status": "succeeded"}, ["other", "tagged", "plain"]),
        ({"pipeline": "listed-other"}, ["other"]),
        ({"pipeline": "nobody-has-it"}, []),
        ({"client_ref": "Order 1"}, ["tagged"]),
        ({"client_ref": "order 1"}, ["other"]),
        ({"tag": "team:video"}, ["voided", "running", "tagged"]),
        ({"tag": ["team:video", "env:test"]}, ["tagged"]),
        ({"tag": "team:"}, ["other"]),
        ({"tag": "team:Video"}, []),
        ({"tag": "team:video", "status": "reserved"}, ["running"]),
        ({"tag": "team:video", "client_ref": "run", "pipeline": "listed-one"}, ["running"]),
        ({"to": "2026-01-01"}, []),
    ],
)  # fmt: skip
def test_a_list_has_what_is_asked_for(
    world: World, query: dict[str, Any], names: list[str]
) -> None:
    assert world.names(**query) == names


def test_times_are_exact(world: World) -> None:
    start = world.calls["other"]["started_at"]
    end = world.calls["running"]["started_at"]
    assert world.names(**{"from": start, "to": end}) == ["failed", "other"]
    assert world.names(**{"from": start, "to": end, "tag": "team:audio"}) == ["failed"]
    today = quota_day(datetime.fromisoformat(start))
    assert len(world.names(**{"from": today, "to": quota_day(datetime.now(UTC))})) == 8


def test_what_means_nothing_is_refused(world: World) -> None:
    get = world.user.get
    assert list(pointers(get("calls", status="running"))) == ["/status"]
    assert list(pointers(get("calls", tag="team"))) == ["/tag"]
    assert list(pointers(get("calls", tag="a,b:c"))) == ["/tag"]
    assert list(pointers(get("calls", **{"from": "2026-11-01T00:00:00"}))) == ["/from"]
    assert list(pointers(get("calls", to="2026-01-01", **{"from": "2026-01-02"}))) == ["/to"]
    number = world.calls["plain"]["call_no"]
    assert list(pointers(get("calls", call_no=number, status="failed"))) == ["/status"]
    assert list(pointers(get("calls", call_no=number, tag="a:b"))) == ["/tag"]
    more = get("calls", rows=1, tag="team:video").json()["next"]
    assert get("calls", next=more, tag="team:video").status_code == 200
    assert list(pointers(get("calls", next=more, tag="team:audio"))) == ["/tag"]
    assert list(pointers(get("calls", next=more, status="failed"))) == ["/status"]
    assert list(pointers(world.stranger.get("calls", next=more))) == ["/next"]


def test_lines_tell_the_reference_and_the_tags(world: World) -> None:
    rows = world.user.get("usage").json()["rows"]
    labels = {(row["call_no"], row["line_no"]): (row["client_ref"], row["tags"]) for row in rows}
    number = world.calls["tagged"]["call_no"]
    both_labels = ("Order 1", {"env": "test", "team": "video"})
    assert labels[number, 0] == labels[number, 1] == both_labels
    # What takes a line back is of its call too.
    voided = world.calls["voided"]["call_no"]
    assert labels[voided, 0] == labels[voided, 1] == (None, {"team": "video"})


@pytest.mark.parametrize("count", [1, 2])
def test_sums_come_to_the_statement_by_whatever_they_go(world: World, count: int) -> None:
    month = quota_month(datetime.now(UTC))
    statement = world.user.get("statement", month=month).json()
    for names in combinations(DIMENSIONS, count):
        report = world.user.get("usage", month=month, group_by=",".join(names)).json()
        amounts = [Decimal(row["amount"]) for row in report["rows"]]
        assert sum(amounts) == Decimal(statement["amount"]), names
        assert report["total"] == {
            "calls": statement["calls"], "amount": statement["amount"]
        }  # fmt: skip
        assert report["group_by"] == ",".join(names)
        assert all(set(names) <= row.keys() for row in report["rows"])
        places = [(*(row[name] for name in names), row["unit"]) for row in report["rows"]]
        assert len(places) == len(set(places)), names
    me = world.user.get("me").json()
    assert Decimal(me["spend_used"]) == Decimal(statement["amount"])


def test_sums_by_a_tag(world: World) -> None:
    rows = world.user.get("usage", group_by="tag:team,model").json()["rows"]
    calls = {(row["tag:team"], row["model"], row["unit"]): row["calls"] for row in rows}
    assert calls == {
        (None, "m", "call"): 1,
        ("", "m", "call"): 1,
        ("video", "m", "call"): 1,
        ("video", "", "page"): 1,
    }
    rows = world.user.get("usage", group_by="client_ref").json()["rows"]
    assert {row["client_ref"] for row in rows} == {None, "Order 1", "order 1"}
    rows = world.user.get("usage", group_by="hour").json()["rows"]
    assert all(row["hour"].endswith(":00:00.000Z") for row in rows)
    for wrong in ("amount", "day,day,day", "tag:", "tag:a:b", "day,", "hour;day"):
        assert list(pointers(world.user.get("usage", group_by=wrong))) == ["/group_by"], wrong


@pytest.mark.parametrize(
    ("tags", "pointer"),
    [
        ([], "/tags"),
        ("team:a", "/tags"),
        ({str(number): "" for number in range(11)}, "/tags"),
        ({"": "x"}, "/tags/"),
        ({"k" * 41: "x"}, "/tags/" + "k" * 41),
        ({"a:b": "x"}, "/tags/a:b"),
        ({"a/b": "x" * 101}, "/tags/a~1b"),
        ({"a": 1}, "/tags/a"),
        ({"a": None}, "/tags/a"),
        ({"a": "x\u0007"}, "/tags/a"),
        ({"a": " x"}, "/tags/a"),
    ],
)  # fmt: skip
def test_tags_that_are_none_are_told_where_they_stand(
    world: World, tags: Any, pointer: str
) -> None:
    over = {"pipeline": "listed-one", "status": "succeeded", "lines": []}
    answer = world.user.post("calls", {**over, "tags": tags}, key="wrong")
    assert answer.status_code == 400
    assert list(pointers(answer)) == [pointer]
    answer = world.user.post(
        "calls/batch", {"calls": [{**over, "tags": tags, "idempotency_key": "wrong"}]}
    )
    assert [item["pointer"] for item in answer.json()["results"][0]["error"]["errors"]] == [pointer]


def test_all_problems_of_tags_come_at_once(world: World) -> None:
    body = {"pipeline": "", "tags": {"a": 1, "b" * 41: "", "c": "fine"}, "nobody": 1}
    assert set(pointers(world.user.post("calls", body, key="many"))) == {
        "/pipeline", "/tags/a", "/tags/" + "b" * 41, "/nobody",
    }  # fmt: skip


def test_the_same_tags_are_the_same_request(world: World) -> None:
    over: dict[str, Any] = {"status": "succeeded", "lines": []}
    first = world.user.begin(world.one, key="same", tags={"b": "2", "a": "1"}, **over)
    again = world.user.begin(world.one, key="same", tags={"a": "1", "b": "2"}, **over)
    assert again.json()["call_no"] == first.json()["call_no"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json()["tags"] == {"a": "1", "b": "2"}
    other = world.user.begin(world.one, key="same", tags={"a": "1", "b": "3"}, **over)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    # No tags are no tags, however they are written.
    world.user.begin(world.one, key="none", **over)
    nothing: tuple[Any, ...] = ({}, None)
    for none in nothing:
        repeated = world.user.begin(world.one, key="none", tags=none, **over)
        assert repeated.headers["Idempotent-Replayed"] == "true"


def test_a_lease_is_extended_from_now_on(world: World) -> None:
    user, before = world.user, datetime.now(UTC)
    call = user.begin(world.one, key="longer", lease_seconds=300).json()
    answer = user.post("calls/extend", {"call_no": call["call_no"], "lease_seconds": 600})
    assert answer.status_code == 200
    ends = datetime.fromisoformat(answer.json()["lease_expires_at"])
    assert timedelta(seconds=599) <= ends - before <= timedelta(seconds=660)
    assert answer.json() == world.read(call)
    # Never shorter, and nothing piles up.
    shorter = user.post("calls/extend", {"call_no": call["call_no"], "lease_seconds": 1})
    assert shorter.json() == answer.json()
    # What was answered first is answered again, with what is so now beside it.
    again = user.begin(world.one, key="longer", lease_seconds=300).json()
    assert again["lease_expires_at"] == call["lease_expires_at"]
    assert again["current"]["lease_expires_at"] == answer.json()["lease_expires_at"]
    assert user.finish(call).status_code == 200
    over = user.post("calls/extend", {"call_no": call["call_no"], "lease_seconds": 600})
    assert (over.status_code, over.json()["code"]) == (409, "already_finished")


def test_a_lease_lasts_seven_days_in_all(world: World) -> None:
    call = world.user.begin(world.one).json()
    world.server.query(
        "update pipeline_usage_log set lease_expires_at = date_add(started_at, interval 6 day)"
        " where call_no = %s and line_no = 0",
        call["call_no"],
    )
    world.server.query(
        "update pipeline_usage_log set created_at = date_sub(created_at, interval 518400 second),"
        " lease_expires_at = date_add(now(3), interval 1 hour)"
        " where call_no = %s and line_no = 0",
        call["call_no"],
    )
    answer = world.user.post(
        "calls/extend", {"call_no": call["call_no"], "lease_seconds": 86_400}
    ).json()
    began = datetime.fromisoformat(call["started_at"]) - timedelta(days=6)
    assert datetime.fromisoformat(answer["lease_expires_at"]) == began + timedelta(days=7)
    world.user.finish(call, "cancelled")


def test_what_cannot_go_on_is_told_why(world: World) -> None:
    def extend(user: Reseller, call_no: Any, seconds: Any = 60) -> httpx.Response:
        return user.post("calls/extend", {"call_no": call_no, "lease_seconds": seconds})

    for name in ("expired", "cancelled", "voided", "plain", "failed"):
        answer = extend(world.user, world.calls[name]["call_no"])
        assert (answer.status_code, answer.json()["code"]) == (409, "already_finished"), name
    running = world.calls["running"]["call_no"]
    assert extend(world.stranger, running).json()["code"] == "call_not_found"
    assert extend(world.user, "0" * 32).json()["code"] == "call_not_found"
    for wrong in (0, 86_401, "x", None):
        assert list(pointers(extend(world.user, running, wrong))) == ["/lease_seconds"]
    assert world.user.get("calls/extend").status_code == 405


def test_the_ledger_is_right(world: World) -> None:
    world.server.query("update app_call_tag set tag_value = 'x' where tag_key = 'env'")
    process = world.server.manage("check-ledger", "--json", check=False)
    differences = json.loads(process.stdout.splitlines()[-1])["differences"]
    assert [item["table"] for item in differences] == ["app_call_tag"]
    world.server.manage("check-ledger", "--repair")
    assert world.server.manage("check-ledger").returncode == 0
    assert world.names(tag="env:test") == ["tagged"]
