"""
Random values through every endpoint that writes, as JSON and as forms (issue 3, point 4; kernel
A0, D4): the answer is 2xx or 4xx, never 5xx, and where it is 2xx the row that is read back is what
was sent, by the column's meaning.

The normal run is short and always the same; PIPELINE_FUZZ_EXAMPLES=2000 makes it long and random.
"""

import json
import os
import random
import re
from collections import Counter
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, seed, settings, strategies as st

from app.schema.tables import Table
from tests.support.endpoints import Endpoint, World, endpoints, listed_tables
from tests.support.hostile import (
    LIKELY,
    VALUES,
    Pairs,
    Unclear,
    as_form,
    as_json,
    effective,
    fitting,
    is_nothing,
    meaning,
    stored_value,
)
from tests.support.installation import Installation

EXAMPLES = int(os.environ.get("PIPELINE_FUZZ_EXAMPLES", "0"))
# A row has to be made for each that is deleted.
USUAL = {"create": 50, "update": 80, "delete": 15, "": 25}
# What an endpoint may change of its own accord, for a reason that its answer tells.
PLACED = {"pipeline_steps": {"stage", "step_no"}}
TAKES_ONLY = {"pipeline_usage_log": {"client_ref", "remark", "error"}}
OTHER_NAMES = ["nonsense", "__proto__", "", "id", "ID", "created_by", "_", "a" * 300, "名", "\0"]
_tried: Counter[str] = Counter()
_successes: Counter[str] = Counter()


@pytest.fixture(scope="module")
def world(server: Installation, admin: httpx.Client) -> World:
    """Pipelines, prices and distributors to act upon, made anew when one is used up."""
    return World(server, admin)


@st.composite
def changes(draw: st.DrawFn, endpoint: Endpoint) -> tuple[Pairs, bool, bool]:
    """Names with hostile or likely values, whether as a form, and whether a name comes twice."""
    names = endpoint.names
    columns = endpoint.table.columns if endpoint.table else {}
    settable = [n for n in names if n in columns and not columns[n].server_set] or names
    result: Pairs = []
    for _ in range(draw(st.integers(1, 3))):
        if draw(st.booleans()):
            name = draw(st.sampled_from(settable))
            result.append((name, draw(fitting(columns[name]) if name in columns else LIKELY)))
        else:
            name = draw(st.sampled_from(names) | st.sampled_from([*settable, *OTHER_NAMES]))
            result.append((name, draw(VALUES)))
    return result, draw(st.booleans()), draw(st.integers(0, 5)) == 0


def send(world: World, endpoint: Endpoint, pairs: Pairs, form: bool) -> httpx.Response:
    content, kind = as_json(pairs), "application/json"
    if form:
        content, kind = as_form(pairs)[0], "application/x-www-form-urlencoded"
    headers = {"Content-Type": kind, **world.headers(endpoint)}
    return world.client(endpoint).post(endpoint.url, content=content, headers=headers)


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.parametrize("endpoint", endpoints(), ids=lambda endpoint: endpoint.url)
def test_any_value_is_kept_as_it_was_sent_or_refused(world: World, endpoint: Endpoint):
    # Not derandomized: that would draw otherwise after each change of a name in this function.
    @seed(random.getrandbits(64) if EXAMPLES else 5)
    @settings(
        max_examples=EXAMPLES or USUAL[endpoint.action],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(changes(endpoint))
    def attack(drawn: tuple[Pairs, bool, bool]) -> None:
        replacements, form, twice = drawn
        good = world.good_body(endpoint)
        names = {name for name, _ in replacements}
        pairs = [(n, v) for n, v in good.items() if twice or n not in names] + replacements
        answer = send(world, endpoint, pairs, form)

        _tried[endpoint.url] += 1
        assert answer.status_code < 500, answer.text
        assert answer.status_code != 404 or "id" in " ".join(names) or endpoint.may_miss
        body = answer.json()
        if answer.status_code >= 400:
            assert re.fullmatch(r"[a-z_]+", body["code"])
            assert body["detail"]
            return
        _successes[endpoint.url] += 1
        values = effective(as_form(pairs)[1] if form else pairs, form=form)
        if endpoint.table is not None and endpoint.action in ("create", "update"):
            compare(endpoint.table, values, world.row(endpoint.table.name, body["data"]["id"]))

    attack()


def compare(table: Table, values: dict[str, Any], row: dict[str, Any]) -> None:
    """Fail unless *row* holds the *values*."""
    for name, value in values.items():
        column = table.columns.get(name)
        if column is None or name in PLACED.get(table.name, ()) or name in ("id", "lock_version"):
            continue
        if name not in TAKES_ONLY.get(table.name, {name}):
            continue
        if is_nothing(column, value):
            # Where nothing cannot be kept, the default stands, or what the server fills in.
            filled = column.default is not None or not (column.nullable or column.required)
            assert row[name] in (None, "") or filled, (name, value, row[name])
            continue
        assert not column.server_set, f"{name} was taken"
        try:
            expected = meaning(column, value)
        except (Unclear, ValueError, KeyError, ArithmeticError, TypeError) as exc:
            raise AssertionError(f"{name} took {value!r} and became {row[name]!r}") from exc
        assert stored_value(column, row) == expected, (name, value)


def test_every_endpoint_of_the_table_is_attacked():
    result = {endpoint.url for endpoint in endpoints()}

    assert len([url for url in result if re.search(r"_(create|update|delete)\.dspy$", url)]) >= 24
    # What is kept by the program is only looked at.
    assert {name for name in listed_tables() if not name.startswith("app_")} <= {
        endpoint.table.name for endpoint in endpoints() if endpoint.table
    }


def test_enough_of_it_was_taken():
    """Else all that was seen are refusals, and nothing was compared."""
    few = {
        endpoint.url: _successes[endpoint.url]
        for endpoint in endpoints()
        if endpoint.action and _tried[endpoint.url] and _successes[endpoint.url] < 2
    }

    assert few == {}


def test_nothing_that_was_sent_is_a_fault_in_the_log(server: Installation, world: World):
    """Runs last: whatever was answered 2xx or 4xx must not have logged a fault on the way."""
    lines = [json.loads(text) for text in server.logs().split("\n") if text.startswith("{")]

    assert [entry for entry in lines if entry["level"] == "ERROR" and
            world.start <= entry["at"]] == []  # fmt: skip
