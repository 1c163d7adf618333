"""Snapshots, statuses, and which file of the module may know what."""

import ast
from decimal import Decimal
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.base.settings import Options
from pipeline_core import init
from pipeline_core.definition.snapshot import (
    VersionCorrupted,
    definition_of,
    freeze,
    is_same,
    load,
    step_values,
)
from pipeline_core.draft.steps import check_step_version
from pipeline_core.init import EXPORTS, load_pipeline_core
from pipeline_core.lifecycle.status import MOVES, is_allowed

ROOT = Path(__file__).resolve().parents[2] / "pipeline_core"
PIPELINE = {"id": "p1", "code": "l", "name": "产线🚀", "description": None, "status": "draft"}
STEP = {
    "id": "s1", "pipeline_id": "p1", "step_key": "a", "name": "A", "stage": 1, "step_no": 1,
    "step_type": "model", "model": "m", "config": '{"t":0.2}', "timeout_seconds": 300,
    "retry_limit": 0, "enabled": 1, "lock_version": 3, "content_version": 2, "updated_by": "u1",
    "updated_at": None,
}  # fmt: skip


def version(**changes: Any) -> dict[str, Any]:
    snapshot = freeze(definition_of(PIPELINE, [STEP]))
    return {"version_no": 4, "snapshot": snapshot.text, "checksum": snapshot.checksum} | changes


def test_a_snapshot_holds_the_definition_and_nothing_else() -> None:
    definition = load(version())

    assert definition["pipeline"] == {"code": "l", "name": "产线🚀", "description": None}
    assert definition["steps"][0]["config"] == {"t": Decimal("0.2")}
    assert definition["steps"][0]["enabled"] is True
    assert definition["steps"][0]["id"] == "s1"
    assert definition == definition_of(PIPELINE, [STEP])


def test_a_definition_has_one_spelling() -> None:
    other = STEP | {"lock_version": 7, "config": '{ "t": 0.2 }'}

    assert freeze(definition_of(PIPELINE | {"id": "p2"}, [other])) == freeze(
        definition_of(PIPELINE, [STEP])
    )


@pytest.mark.parametrize("changes", [{}, {"id": "s9"}])
def test_which_rows_the_steps_have_is_no_part_of_what_is_defined(changes: dict[str, str]) -> None:
    assert is_same(definition_of(PIPELINE, [STEP | changes]), version())


def test_a_version_from_before_ids_were_kept_may_be_the_same() -> None:
    definition = definition_of(PIPELINE, [{n: v for n, v in STEP.items() if n != "id"}])
    old = freeze(definition)

    assert is_same(
        definition_of(PIPELINE, [STEP]), {"snapshot": old.text, "checksum": old.checksum}
    )


@pytest.mark.parametrize(
    "changes", [{"name": "B"}, {"step_key": "b"}, {"config": "{}"}, {"enabled": 0}]
)
def test_another_definition_is_not_the_same(changes: dict[str, Any]) -> None:
    assert not is_same(definition_of(PIPELINE, [STEP | changes]), version())


def test_a_damaged_snapshot_is_the_same_as_nothing() -> None:
    definition = definition_of(PIPELINE, [STEP | {"id": "s9"}])

    assert not is_same(definition, version(snapshot="{}"))


def test_the_steps_of_a_snapshot_stand_in_the_order_they_run() -> None:
    second = STEP | {"step_key": "b", "stage": 2}

    keys = [step["step_key"] for step in definition_of(PIPELINE, [second, STEP])["steps"]]

    assert keys == ["a", "b"]


@pytest.mark.parametrize("changes", [{"snapshot": "{}"}, {"checksum": "0" * 64}])
def test_a_snapshot_that_was_tampered_with_is_never_used(changes: dict[str, str]) -> None:
    with pytest.raises(VersionCorrupted, match="Version 4 does not match its checksum"):
        load(version(**changes))


def test_a_step_comes_back_from_a_snapshot_as_it_went_in() -> None:
    (step,) = load(version())["steps"]

    assert step_values(step) == {name: STEP[name] for name in step_values(step)}


@pytest.mark.parametrize(("before", "after"), list(product(MOVES, MOVES)))
@pytest.mark.parametrize("was_live", [True, False])
def test_statuses_follow_the_table(before: str, after: str, was_live: bool) -> None:
    expected = after in MOVES[before]
    if before == "archived":
        expected = after == ("offline" if was_live else "draft")

    assert is_allowed(before, after, was_live=was_live) is expected


@pytest.mark.parametrize(
    ("lock_version", "placing", "conflict"),
    [
        (3, False, False),
        (3, True, False),
        (2, False, False),  # only pushed since: fields may change
        (2, True, True),  # but that form does not know where the step stands now
        (1, False, True),
        (4, False, True),
        (None, True, False),
    ],
)
def test_a_pushed_step_is_a_conflict_only_to_who_places_it(
    lock_version: int | None, placing: bool, conflict: bool
) -> None:
    caught = None
    try:
        check_step_version(STEP, lock_version, placing=placing)
    except Exception as exc:  # noqa: BLE001  whichever it is, it must be the conflict
        caught = getattr(exc, "code", repr(exc))

    assert caught == ("edit_conflict" if conflict else None)


def test_the_module_registers_all_its_functions_with_its_prefix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # No database is named where only the functions are looked at.
    monkeypatch.setattr(init, "settings", lambda: SimpleNamespace(options=Options()))
    env: dict[str, Any] = {}

    load_pipeline_core(env)
    load_pipeline_core(env)

    assert set(env) == {f"pipeline_core_{name}" for name in EXPORTS}


def test_every_function_has_its_script_and_every_script_its_function() -> None:
    scripts = {file.stem for file in (ROOT / "wwwroot/api").glob("*.dspy")}

    assert scripts == EXPORTS.keys()


PACKAGE = ROOT / "pipeline_core"
PURE = {
    *(PACKAGE / "definition").glob("*.py"),
    PACKAGE / "draft/conflicts.py",
    PACKAGE / "endpoints/views.py",
    PACKAGE / "transfer/serverless_workflow.py",
    PACKAGE / "transfer/envelope.py",
}
API = {PACKAGE / "init.py", *(PACKAGE / "endpoints").glob("*.py")}
DATABASE = {"reading", "transaction", "in_transaction"}
HTTP = {"Answer", "reading_endpoint", "writing", "json_response", "check_params", "check_new"}


@pytest.mark.parametrize(
    "file", sorted(PACKAGE.rglob("*.py")), ids=lambda f: str(f.relative_to(PACKAGE))
)
def test_each_layer_keeps_to_itself(file: Path) -> None:
    tree = ast.parse(file.read_text("utf-8"))
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    calls = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    if file in PURE:
        assert not names & (DATABASE | HTTP | {"SafeSqlor"})
    elif file not in API:
        assert not names & (DATABASE | HTTP)
    elif file != PACKAGE / "endpoints/pages.py":
        assert not calls & {"sqlExe", "one", "C", "U", "D"}
