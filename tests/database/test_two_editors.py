"""
Two editors at one line, at the same time, doing anything: what the database holds afterwards is
what one of them followed by the other would have made, and every rule of a draft holds.

PIPELINE_EDITORS says how many lines to try (25 if not set; thousands for a night).
"""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count, permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.actor import Actor
from app.database import pools, reading
from app.errors import AppError, Conflict
from pipeline_core import admin_api, stages
from pipeline_core.snapshot import opened
from pipeline_core.stages import Layout
from tests.support.installation import Installation

LINES = int(os.environ.get("PIPELINE_EDITORS", "25"))
EDITORS = (Actor(user_id="ann", username="ann"), Actor(user_id="bob", username="bob"))
# Refusals that two editors may get of each other or of the state of things; nothing else may come.
EXPECTED = {
    "edit_conflict", "duplicate", "invalid_fields", "not_found", "archived", "not_publishable",
    "already_live", "never_live", "was_live", "bad_status_change", "in_use",
}  # fmt: skip
KEYS = st.sampled_from([f"k{number}" for number in range(8)])
PLACES = st.none() | st.integers(1, 5)
_codes = count(1)

_revisions = count(1)
ORDER = ""

# Where each step stands, and of each its name and whether it is enabled.
State = tuple[Layout, dict[str, tuple[str, int]]]
Apply = Callable[[State], State]


@dataclass
class Seen:
    """What an editor has on the screen, perhaps no longer true."""

    line: dict[str, Any]
    steps: list[dict[str, Any]]
    revisions: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Deed:
    """
    One request, and what it makes of a draft when it is not refused.

    It must be refused when one of its `needs` (a step's key, @ and its key for its place, or
    ORDER) has another revision than in `seen`. With `places`, a step that it moves counts as
    changed for those who edit its fields.
    """

    endpoint: str
    params: dict[str, Any]
    apply: Apply = lambda state: state
    about: str = ""
    needs: tuple[str, ...] = ()
    seen: dict[str, int] = field(default_factory=dict)
    places: bool = False


class Editors(RuleBasedStateMachine):
    """One line and two editors with a view of it each."""

    loop: asyncio.AbstractEventLoop

    @initialize()
    def begin(self) -> None:
        code = f"editors-{next(_codes)}"
        made = self.run(admin_api.pipelines_create(EDITORS[0], {"code": code, "name": "Line"}))
        self.id = made.body["id"]
        self.state: State = ([], {})
        self.revisions: dict[str, int] = {ORDER: 0}
        self.content: dict[int, str] = {}
        self.seen = [self.run(self.look()) for _ in EDITORS]
        for key in ("k0", "k1", "k2"):
            self.together([create(self, key, None, None, False)])

    @rule(editor=st.integers(0, 1))
    def looks_again(self, editor: int) -> None:
        self.seen[editor] = self.run(self.look())

    @rule(data=st.data())
    def one_works(self, data: st.DataObject) -> None:
        self.together([self.deed(data, 0)])

    @rule(data=st.data())
    def both_work(self, data: st.DataObject) -> None:
        self.together([self.deed(data, editor) for editor in (0, 1)])

    @rule(data=st.data())
    def both_begin_with_what_is_there_now(self, data: st.DataObject) -> None:
        self.seen = [self.run(self.look()) for _ in EDITORS]
        self.together([self.deed(data, editor) for editor in (0, 1)])

    @invariant()
    def the_draft_is_whole(self) -> None:
        if not hasattr(self, "id"):
            return
        seen = self.run(self.look())
        places = [(step["stage"], step["step_no"]) for step in seen.steps]
        layout = stages.layout_of(seen.steps)
        assert sorted(places) == sorted(stages.numbered(layout).values())
        assert len({step["step_key"] for step in seen.steps}) == len(seen.steps)
        self.run(self.versions_are_whole(seen.line))

    async def versions_are_whole(self, line: dict[str, Any]) -> None:
        async with reading() as sor:
            versions = await sor.sqlExe(
                "select * from pipeline_versions where pipeline_id = ${id}$ order by version_no",
                {"id": self.id},
            )
        live = [version["version_no"] for version in versions if version["status"] == "published"]
        expected = [line["current_version"]] if line["status"] == "published" else []
        assert live == expected
        numbers = [version["version_no"] for version in versions]
        assert numbers == list(range(1, len(numbers) + 1))
        for version in versions:
            opened(version)
            kept = self.content.setdefault(version["version_no"], version["snapshot"])
            assert kept == version["snapshot"]
            assert (version["status"] == "saved") == (json.loads(version["event_log"]) == [])

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    async def look(self) -> Seen:
        async with reading(snapshot=True) as sor:
            line = await sor.one("select * from pipelines where id = ${id}$", {"id": self.id})
            steps = await sor.sqlExe(
                "select * from pipeline_steps where pipeline_id = ${id}$ order by stage, step_no",
                {"id": self.id},
            )
        assert line is not None
        return Seen(line, steps, dict(getattr(self, "revisions", {})))

    def together(self, deeds: list[Deed]) -> None:
        """Do *deeds* at the same time and hold what is there against every order of them."""
        outcomes = self.run(_at_once(deeds))
        done = []
        for deed, outcome in zip(deeds, outcomes, strict=True):
            if isinstance(outcome, AppError):
                assert outcome.code in EXPECTED, (deed, outcome)
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            done.append(_with_outcome(deed, outcome.body))
        after = self.run(self.look())
        found: State = (
            stages.layout_of(after.steps),
            {s["step_key"]: (s["name"], s["enabled"]) for s in after.steps},
        )
        possible = [_in_order(self.state, self.revisions, order) for order in permutations(done)]
        fitting = [made for made in possible if made is not None and made[0] == found]
        assert fitting, (self.state, [(d.endpoint, d.params) for d in done], found)
        self.state, self.revisions = fitting[0]

    def deed(self, data: st.DataObject, editor: int) -> Deed:
        """Something that *editor* may do with what is on the screen."""
        seen = self.seen[editor]
        kinds = WITH_STEPS if seen.steps else WITHOUT_STEPS
        kind = data.draw(st.sampled_from(kinds), label=f"editor {editor}")
        return replace(kind(self, data, seen), seen=seen.revisions)


def create(
    machine: Editors, key: str, stage: int | None, step_no: int | None, new_stage: bool
) -> Deed:
    params = {"pipeline_id": machine.id, "step_key": key, "name": key, "model": "m"}
    params |= {n: v for n, v in (("stage", stage), ("step_no", step_no)) if v is not None}

    def apply(state: State) -> State:
        layout, names = state
        if key in names:
            raise Conflict("duplicate", "twice")
        made = stages.insert(layout, key, stage, step_no, new_stage=new_stage)
        return made, {**names, key: (key, 1)}

    return Deed("pipeline_steps_create", {**params, "new_stage": int(new_stage)}, apply)


def any_create(machine: Editors, data: st.DataObject, seen: Seen) -> Deed:
    return create(
        machine, data.draw(KEYS), data.draw(PLACES), data.draw(PLACES), data.draw(st.booleans())
    )


def _a_step(data: st.DataObject, seen: Seen) -> dict[str, Any]:
    step: dict[str, Any] = data.draw(st.sampled_from(seen.steps), label="step")
    return step


def _of(step: dict[str, Any]) -> dict[str, Any]:
    return {"id": step["id"], "lock_version": step["lock_version"]}


def delete(machine: Editors, data: st.DataObject, seen: Seen) -> Deed:
    step = _a_step(data, seen)

    def apply(state: State) -> State:
        key = step["step_key"]
        return stages.remove(state[0], key), {n: v for n, v in state[1].items() if n != key}

    return Deed("pipeline_steps_delete", _of(step), apply, needs=(step["step_key"],))


def rename(machine: Editors, data: st.DataObject, seen: Seen) -> Deed:
    step, name = _a_step(data, seen), data.draw(st.sampled_from(["N1", "N2", "N3"]))

    def apply(state: State) -> State:
        _, enabled = state[1][step["step_key"]]
        return state[0], {**state[1], step["step_key"]: (name, enabled)}

    deed = Deed("pipeline_steps_update", {**_of(step), "name": name}, apply)
    return replace(deed, needs=(step["step_key"],))


def recode(machine: Editors, data: st.DataObject, seen: Seen) -> Deed:
    step, key = _a_step(data, seen), data.draw(KEYS)
    old = step["step_key"]

    def apply(state: State) -> State:
        if key in state[1] and key != old:
            raise Conflict("duplicate", "twice")
        layout = [[key if k == old else k for k in stage] for stage in state[0]]
        return layout, {key if n == old else n: v for n, v in state[1].items()}

    return Deed("pipeline_steps_update", {**_of(step), "step_key": key}, apply, needs=(old,))


def put(machine: Editors, data: st.DataObject, seen: Seen) -> Deed:
    """The step's own form, with another stage in it."""
    step, stage = _a_step(data, seen), data.draw(st.integers(1, 5))

    def apply(state: State) -> State:
        key = step["step_key"]
        if stages.numbered(state[0])[key][0] == stage:
            return state
        return stages.move(state[0], key, stage), state[1]

    deed = Deed("pipeline_steps_update", {**_of(step), "stage": stage}, apply, places=True)
    return replace(deed, needs=(step["step_key"], f"@{step['step_key']}"))


def move(machine: Editors, data: st.DataObject, seen: Seen) -> Deed:
    step, stage, step_no = _a_step(data, seen), data.draw(PLACES), data.draw(PLACES)
    new_stage = data.draw(st.booleans())
    params = {"stage": stage, "step_no": step_no, "new_stage": int(new_stage)}
    params = {name: value for name, value in params.items() if value is not None}

    def apply(state: State) -> State:
        made = stages.move(state[0], step["step_key"], stage, step_no, new_stage=new_stage)
        return made, state[1]

    line = {"pipeline_id": machine.id, "lock_version": seen.line["lock_version"]}
    params |= {**line, "step_key": step["step_key"]}
    return Deed("pipeline_steps_move", params, apply, needs=(ORDER,))


def reorder(machine: Editors, data: st.DataObject, seen: Seen) -> Deed:
    keys = data.draw(st.permutations([step["step_key"] for step in seen.steps]))
    cuts = data.draw(st.lists(st.booleans(), min_size=len(keys), max_size=len(keys)))
    order: Layout = []
    for key, cut in zip(keys, cuts, strict=True):
        if cut or not order:
            order.append([])
        order[-1].append(key)
    line = {"pipeline_id": machine.id, "lock_version": seen.line["lock_version"]}

    def apply(state: State) -> State:
        assert {key for stage in order for key in stage} == set(state[1])
        return order, state[1]

    return Deed("pipeline_steps_reorder", {**line, "order": order}, apply, needs=(ORDER,))


def duplicate(machine: Editors, data: st.DataObject, seen: Seen) -> Deed:
    step, parallel = _a_step(data, seen), data.draw(st.booleans())
    deed = Deed("pipeline_steps_duplicate", {**_of(step), "parallel": int(parallel)})
    return replace(deed, about=step["step_key"], needs=(step["step_key"],))


def enable(machine: Editors, data: st.DataObject, seen: Seen) -> Deed:
    step = _a_step(data, seen)
    enabled = data.draw(st.integers(0, 1))

    def apply(state: State) -> State:
        name, _ = state[1][step["step_key"]]
        return state[0], {**state[1], step["step_key"]: (name, enabled)}

    deed = Deed("pipeline_steps_enable", {**_of(step), "enabled": enabled}, apply)
    return replace(deed, needs=(step["step_key"],))


def save(machine: Editors, data: st.DataObject, seen: Seen) -> Deed:
    return Deed("pipeline_versions_create", {"pipeline_id": machine.id})


def publish(machine: Editors, data: st.DataObject, seen: Seen) -> Deed:
    return Deed("pipeline_publish", {"pipeline_id": machine.id, "notes": "n"})


def roll_back(machine: Editors, data: st.DataObject, seen: Seen) -> Deed:
    params = {"version_no": data.draw(st.integers(1, 4)), "replace_draft": data.draw(st.booleans())}
    return Deed("pipeline_rollback", {"pipeline_id": machine.id, "reason": "r", **params})


def set_status(machine: Editors, data: st.DataObject, seen: Seen) -> Deed:
    status = data.draw(st.sampled_from(["offline", "published", "archived", "draft"]))
    return Deed("pipeline_set_status", {"pipeline_id": machine.id, "status": status})


WITHOUT_STEPS = [any_create, publish, set_status, roll_back]
WITH_STEPS = [
    any_create, any_create, delete, rename, rename, recode, put, move, move, reorder, duplicate,
    enable, save, publish, publish, roll_back, set_status,
]  # fmt: skip


MOVING = {"pipeline_steps_move", "pipeline_steps_reorder", "pipeline_steps_update"}


def _with_outcome(deed: Deed, record: dict[str, Any]) -> Deed:
    """Two deeds whose effect is known from their answer only."""
    if deed.endpoint == "pipeline_steps_duplicate":
        copy = record["step_key"]

        def copied(state: State) -> State:
            stage, step_no = stages.numbered(state[0])[deed.about]
            beside = bool(deed.params["parallel"])
            place = (stage, step_no + 1) if beside else (stage + 1, None)
            made = stages.insert(state[0], copy, *place, new_stage=not beside)
            return made, {**state[1], copy: (record["name"], record["enabled"])}

        return replace(deed, apply=copied)
    if deed.endpoint == "pipeline_rollback" and record["draft_replaced"]:
        steps = json.loads(record["snapshot"])["steps"]
        content = {step["step_key"]: (step["name"], int(step["enabled"])) for step in steps}
        made: State = (stages.layout_of(steps), content)
        return replace(deed, apply=lambda state: made, places=True)
    return deed


def _in_order(
    state: State, revisions: dict[str, int], deeds: tuple[Deed, ...]
) -> tuple[State, dict[str, int]] | None:
    """The state after *deeds*, one after another; None where one of them should be refused."""
    for deed in deeds:
        if any(revisions.get(name) != deed.seen.get(name) for name in deed.needs):
            return None
        try:
            after = deed.apply(state)
        except (AppError, AssertionError, KeyError):
            return None
        revisions, state = _revised(state, after, revisions, deed), after
    return state, revisions


def _revised(
    before: State, after: State, revisions: dict[str, int], deed: Deed
) -> dict[str, int]:
    was, now = (stages.numbered(state[0]) for state in (before, after))
    made = {ORDER: revisions[ORDER]}
    for key, content in after[1].items():
        same = before[1].get(key) == content and not (deed.places and was[key] != now[key])
        made[key] = revisions[key] if same else next(_revisions)
        stayed = was.get(key) == now[key]
        made[f"@{key}"] = revisions[f"@{key}"] if stayed else next(_revisions)
    if deed.endpoint in MOVING and any(was[key] != now[key] for key in was.keys() & now.keys()):
        made[ORDER] = next(_revisions)
    return made


async def _at_once(deeds: list[Deed]) -> list[Any]:
    return await asyncio.gather(
        *(
            getattr(admin_api, deed.endpoint)(actor, dict(deed.params))
            for actor, deed in zip(EDITORS, deeds, strict=False)
        ),
        return_exceptions=True,
    )


@pytest.mark.timeout(0 if LINES > 100 else 300)
def test_two_editors_at_once_never_break_a_line(database: Installation) -> None:
    database.adopt()
    loop = asyncio.new_event_loop()
    Editors.loop = loop
    try:
        run_state_machine_as_test(
            Editors,
            settings=settings(
                max_examples=LINES, stateful_step_count=25, deadline=None, database=None,
                suppress_health_check=list(HealthCheck), print_blob=True,
            ),
        )  # fmt: skip
    finally:
        loop.run_until_complete(pools().close())
        loop.close()
