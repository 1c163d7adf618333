"""Numbers and texts of a file stay as they were written, from one installation to another."""

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import httpx
import pytest

from tests.support.pipelines import ask, do, new_pipeline, new_step, refusal_of, rows
from tests.support.transfers import actions, bring, export

DATA = Path(__file__).resolve().parents[1] / "data"


EXACT = (
    '{"parameters":{"a":1e3,"b":0.10,"seed":9007199254740993,"temperature":1.0},'
    '"prompt":"a\\r\\nb"}'
)


def test_numbers_of_a_configuration_stay_as_they_were_written(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin)
    step = new_step(admin, pipeline, "a", config=EXACT)
    assert step["config"] == EXACT
    (step_row,) = rows(admin, "pipeline_steps", pipeline_id=pipeline["id"])
    assert step_row["config"] == EXACT
    same = do(admin, "pipeline_steps_update", id=step["id"], lock_version=1, config=EXACT)
    assert same["lock_version"] == 1
    copy = do(admin, "pipeline_steps_duplicate", id=step["id"], lock_version=1)
    assert copy["config"] == EXACT

    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    (version,) = rows(admin, "pipeline_versions", pipeline_id=pipeline["id"])
    assert EXACT in version["snapshot"]
    assert version["checksum"] == hashlib.sha256(version["snapshot"].encode()).hexdigest()
    for kind in ("json", "yaml"):
        text = export(admin, pipeline, format=kind)
        assert "9007199254740993" in text
        report = bring(admin, text, replace=1)
        # 1e3 is no number to readers of YAML 1.1, 1.0e+3 is.
        assert actions(report)["a"] == ("skipped" if kind == "json" else "changed")
        assert report["problems"] == []
    do(admin, "pipeline_steps_update", id=step["id"], lock_version=1,
       config=EXACT.replace("0.10", "0.100"))  # fmt: skip
    sides = {"pipeline_id": pipeline["id"], "from": "live", "to": "draft"}
    answer = admin.get("/pipeline_core/api/pipeline_diff.dspy", params=sides)
    steps = json.loads(answer.text, parse_float=str)["data"]["steps"]
    (change,) = [one for one in steps["changed"]
                  if one["field"] == "config"]  # fmt: skip
    assert (change["from"]["parameters"]["b"], change["to"]["parameters"]["b"]) == (
        "0.10", "0.100",
    )  # fmt: skip
    assert change["to"]["parameters"]["a"] == "1e3"


@pytest.mark.parametrize("config", [
    '{"parameters":{"a":1e401}}', '{"parameters":{"a":0e-100000000}}', '{"a":[1e-9999999999999]}',
    '{"a":' + "1" * 1001 + "}", '{"a":0.' + "1" * 1001 + "}",
    {"parameters": {"a": 10 ** 1001}},
])  # fmt: skip
def test_numbers_beyond_all_use_are_refused(admin: httpx.Client, config: Any) -> None:
    pipeline = new_pipeline(admin)
    answer = ask(admin, "pipeline_steps_create", pipeline_id=pipeline["id"], step_key="a", name="A",
                 config=config)  # fmt: skip

    # As a text of JSON it is the field's, as an object the body's.
    refusal_of(answer, 400, "invalid_fields" if isinstance(config, str) else "bad_json")


def test_limits_of_numbers_hold_for_every_spelling(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin)
    for spelling in ("2.0000000000000000000000001", "-0.5", "3e0", "1e5", "20e-1e"):
        config = '{"parameters":{"temperature":' + spelling + "}}"
        answer = ask(admin, "pipeline_steps_create", pipeline_id=pipeline["id"], step_key="a",
                     name="A", config=config)  # fmt: skip
        assert answer.status_code == 400, spelling
    for number, spelling in enumerate(("2.0", "0.0", "20e-1", "1.9999999999999999999999", "2")):
        new_step(admin, pipeline, f"s{number}",
                 config='{"parameters":{"temperature":' + spelling + "}}")  # fmt: skip


@pytest.mark.parametrize(("name", "place"), [
    ("pipeline-duplicate-keys.json", "temperature stands twice in one object: line 4, column 46"),
    ("pipeline-yaml-1.1-values.yaml", "line 17, column 14"),
])  # fmt: skip
def test_a_file_that_says_two_things_is_refused(admin: httpx.Client, name: str, place: str) -> None:
    answer = ask(admin, "pipeline_import", content=(DATA / name).read_text("utf-8"))

    refusal_of(answer, 400, "bad_file")
    assert place in answer.json()["detail"]


def test_a_file_keeps_its_numbers_and_breaks(admin: httpx.Client) -> None:
    text = (DATA / "pipeline-exact-config.json").read_text("utf-8")
    result = bring(admin, text, accept_changed=1, dry_run=0)
    (step,) = rows(admin, "pipeline_steps", pipeline_id=result["line"]["id"])

    assert step["config"] == (
        '{"inputs":{"text":"{{input.a}}\\n{{input.b}}"},'
        '"parameters":{"seed":9007199254740993,"temperature":1.0},"prompt":"hi"}'
    )


def test_a_file_that_is_not_utf_8_is_refused_with_its_row(admin: httpx.Client) -> None:
    bad = "kind: pipeline-line\nname: 产线\n".encode("gb18030")
    answer = admin.post(
        "/pipeline_core/api/pipeline_import.dspy", content=f"content={quote_from_bytes(bad)}",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )  # fmt: skip

    refusal_of(answer, 400, "bad_form")
    assert "line 2, column 7" in answer.json()["detail"]


def test_prices_in_a_file_are_exact(admin: httpx.Client) -> None:
    file = (
        "kind: pipeline-line\nformat_version: 1\npipeline: {code: exact-price, name: P}\n"
        "steps: [{step_key: a, name: A, model: m}]\n"
        "prices: [{unit: call, unit_price: 123456789012.012345, currency: CNY,"
        " effective_from: 2026-01-01T00:00:00Z}]\n"
    )
    result = bring(admin, file, accept_changed=1, dry_run=0)
    body = admin.get("/pipeline_ops/pipeline_pricing/get_pipeline_pricing.dspy",
                      params={"pipeline_id": result["line"]["id"]}).json()  # fmt: skip

    assert body["rows"][0]["unit_price"] == "123456789012.012345"
    for wrong in ("0,125", "1_000.5", "1:30"):
        again = file.replace("exact-price", "p2").replace("123456789012.012345", f'"{wrong}"')
        assert not bring(admin, again, accept_changed=1)["importable"]
