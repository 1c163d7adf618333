"""
What two editors may do to a line at the same time, and what a draft then may look like.

A deed is a request with the change of the draft that it stands for, so that what the database
holds after two of them can be held against both orders in which they may have been done.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from hypothesis import strategies as st

from app.base.errors import AppError
from pipeline_core.definition import stages
from pipeline_core.definition.stages import Layout
from pipeline_core.errors import STEP_KEY_TAKEN

_revisions = count(1)
ORDER = ""

# Where each step stands, and of each its name and whether it is enabled.
State = tuple[Layout, dict[str, tuple[str, int]]]
Apply = Callable[[State], State]


@dataclass
class Seen:
    """What an editor has on the screen, perhaps no longer true."""

    pipeline: dict[str, Any]
    steps: list[dict[str, Any]]
    revisions: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Deed:
    """
    One request, and what it makes of a draft when it is not refused.

    It must be refused when one of its `needs` (a step's key, @ and its key for its place, or
    ORDER) has another revision than in `revisions`. The step `mover`, when it moves, counts as
    changed for those who edit its fields; those that are only pushed aside do not.
    """

    endpoint: str
    params: dict[str, Any]
    apply: Apply = lambda state: state
    about: str = ""
    needs: tuple[str, ...] = ()
    revisions: dict[str, int] = field(default_factory=dict)
    mover: str = ""


@dataclass(frozen=True)
class Choice:
    """A deed as it is drawn: independent of what is there, so that it can be drawn again."""

    kind: Any
    pick: int
    key: str
    stage: int | None
    step_no: int | None
    flag: bool


def create(
    pipeline_id: str, key: str, stage: int | None, step_no: int | None, new_stage: bool
) -> Deed:
    params: dict[str, Any] = {
        "pipeline_id": pipeline_id,
        "step_key": key,
        "name": key,
        "model": "m",
    }
    params |= {n: v for n, v in (("stage", stage), ("step_no", step_no)) if v is not None}

    def apply(state: State) -> State:
        layout, names = state
        if key in names:
            raise STEP_KEY_TAKEN(key=key)
        layout_after = stages.insert(layout, key, stage, step_no, new_stage=new_stage)
        return layout_after, {**names, key: (key, 1)}

    return Deed("pipeline_steps_create", {**params, "new_stage": int(new_stage)}, apply)


def any_create(pipeline_id: str, choice: Choice, view: Seen) -> Deed:
    return create(pipeline_id, choice.key, choice.stage, choice.step_no, choice.flag)


def _a_step(choice: Choice, view: Seen) -> dict[str, Any]:
    return view.steps[choice.pick % len(view.steps)]


def _of(step: dict[str, Any]) -> dict[str, Any]:
    return {"id": step["id"], "lock_version": step["lock_version"]}


def delete(pipeline_id: str, choice: Choice, view: Seen) -> Deed:
    step = _a_step(choice, view)

    def apply(state: State) -> State:
        key = step["step_key"]
        return stages.remove(state[0], key), {n: v for n, v in state[1].items() if n != key}

    return Deed("pipeline_steps_delete", _of(step), apply, needs=(step["step_key"],))


def rename(pipeline_id: str, choice: Choice, view: Seen) -> Deed:
    step, name = _a_step(choice, view), f"N{choice.pick % 3}"

    def apply(state: State) -> State:
        _, enabled = state[1][step["step_key"]]
        return state[0], {**state[1], step["step_key"]: (name, enabled)}

    deed = Deed("pipeline_steps_update", {**_of(step), "name": name}, apply)
    return replace(deed, needs=(step["step_key"],))


def recode(pipeline_id: str, choice: Choice, view: Seen) -> Deed:
    step, key = _a_step(choice, view), choice.key
    old = step["step_key"]

    def apply(state: State) -> State:
        if key in state[1] and key != old:
            raise STEP_KEY_TAKEN(key=key)
        layout = [[key if k == old else k for k in stage] for stage in state[0]]
        content = {key if n == old else n: v for n, v in state[1].items()}
        return layout, content

    return Deed("pipeline_steps_update", {**_of(step), "step_key": key}, apply, needs=(old,))


def put(pipeline_id: str, choice: Choice, view: Seen) -> Deed:
    """The step's own form, with another stage in it."""
    step, stage = _a_step(choice, view), choice.stage or 1

    def apply(state: State) -> State:
        key = step["step_key"]
        if stages.numbers_of(state[0])[key][0] == stage:
            return state
        return stages.move(state[0], key, stage), state[1]

    key = step["step_key"]
    deed = Deed("pipeline_steps_update", {**_of(step), "stage": stage}, apply, mover=key)
    return replace(deed, needs=(key, f"@{key}"))


def move(pipeline_id: str, choice: Choice, view: Seen) -> Deed:
    step, stage, step_no = _a_step(choice, view), choice.stage, choice.step_no
    new_stage = choice.flag
    params = {"stage": stage, "step_no": step_no, "new_stage": int(new_stage)}
    params = {name: value for name, value in params.items() if value is not None}

    def apply(state: State) -> State:
        layout_after = stages.move(state[0], step["step_key"], stage, step_no, new_stage=new_stage)
        return layout_after, state[1]

    pipeline = {"pipeline_id": pipeline_id, "lock_version": view.pipeline["lock_version"]}
    params |= {**pipeline, "step_key": step["step_key"]}
    return Deed("pipeline_steps_move", params, apply, needs=(ORDER,))


def reorder(pipeline_id: str, choice: Choice, view: Seen) -> Deed:
    shuffled = random.Random(choice.pick)
    keys = [step["step_key"] for step in view.steps]
    shuffled.shuffle(keys)
    order: Layout = []
    for key in keys:
        if shuffled.random() < 0.5 or not order:
            order.append([])
        order[-1].append(key)
    pipeline = {"pipeline_id": pipeline_id, "lock_version": view.pipeline["lock_version"]}

    def apply(state: State) -> State:
        assert {key for stage in order for key in stage} == set(state[1])
        return order, state[1]

    return Deed("pipeline_steps_reorder", {**pipeline, "order": order}, apply, needs=(ORDER,))


def duplicate(pipeline_id: str, choice: Choice, view: Seen) -> Deed:
    step, parallel = _a_step(choice, view), choice.flag
    deed = Deed("pipeline_steps_duplicate", {**_of(step), "parallel": int(parallel)})
    return replace(deed, about=step["step_key"], needs=(step["step_key"],))


def enable(pipeline_id: str, choice: Choice, view: Seen) -> Deed:
    step = _a_step(choice, view)
    enabled = int(choice.flag)

    def apply(state: State) -> State:
        name, _ = state[1][step["step_key"]]
        return state[0], {**state[1], step["step_key"]: (name, enabled)}

    deed = Deed("pipeline_steps_enable", {**_of(step), "enabled": enabled}, apply)
    return replace(deed, needs=(step["step_key"],))


def save(pipeline_id: str, choice: Choice, view: Seen) -> Deed:
    return Deed("pipeline_versions_create", {"pipeline_id": pipeline_id})


def publish(pipeline_id: str, choice: Choice, view: Seen) -> Deed:
    return Deed("pipeline_publish", {"pipeline_id": pipeline_id, "notes": "n"})


def roll_back(pipeline_id: str, choice: Choice, view: Seen) -> Deed:
    params = {"version_no": 1 + choice.pick % 4, "replace_draft": choice.flag}
    return Deed("pipeline_rollback", {"pipeline_id": pipeline_id, "reason": "r", **params})


def set_status(pipeline_id: str, choice: Choice, view: Seen) -> Deed:
    status = ("offline", "published", "archived", "draft")[choice.pick % 4]
    return Deed("pipeline_set_status", {"pipeline_id": pipeline_id, "status": status})


ALWAYS = (any_create, publish, set_status, roll_back)
KINDS = (
    any_create, any_create, delete, rename, rename, recode, put, move, move, reorder, duplicate,
    enable, save, publish, publish, roll_back, set_status,
)  # fmt: skip
CHOICES = st.builds(
    Choice,
    kind=st.sampled_from(KINDS),
    pick=st.integers(0, 99),
    key=st.sampled_from([f"k{number}" for number in range(8)]),
    stage=st.none() | st.integers(1, 5),
    step_no=st.none() | st.integers(1, 5),
    flag=st.booleans(),
)


def deed_of(pipeline_id: str, choice: Choice, view: Seen) -> Deed:
    """What *choice* means to an editor with this *view*; something new if there is no step."""
    kind = choice.kind if view.steps or choice.kind in ALWAYS else any_create
    return replace(kind(pipeline_id, choice, view), revisions=view.revisions)


MOVING = {"pipeline_steps_move", "pipeline_steps_reorder", "pipeline_steps_update"}


def with_outcome(deed: Deed, record: dict[str, Any]) -> Deed:
    """Two deeds whose effect is known from their answer only."""
    if deed.endpoint == "pipeline_steps_duplicate":
        copy = record["step_key"]

        def copy_step(state: State) -> State:
            stage, step_no = stages.numbers_of(state[0])[deed.about]
            beside = bool(deed.params["parallel"])
            place = (stage, step_no + 1) if beside else (stage + 1, None)
            layout_after = stages.insert(state[0], copy, *place, new_stage=not beside)
            return layout_after, {**state[1], copy: (record["name"], record["enabled"])}

        return replace(deed, apply=copy_step)
    if deed.endpoint == "pipeline_rollback" and record["draft_replaced"]:
        steps = json.loads(record["snapshot"])["steps"]
        content = {step["step_key"]: (step["name"], int(step["enabled"])) for step in steps}
        outcome: State = (stages.layout_of(steps), content)
        return replace(deed, apply=lambda state: outcome)
    return deed


def in_order(
    state: State, revisions: dict[str, int], deeds: tuple[Deed, ...]
) -> tuple[State, dict[str, int]] | None:
    """The state after *deeds*, one after another; None where one of them should be refused."""
    for deed in deeds:
        if any(revisions.get(name) != deed.revisions.get(name) for name in deed.needs):
            return None
        try:
            after = deed.apply(state)
        except (AppError, AssertionError, KeyError):
            return None
        revisions, state = _revised(state, after, revisions, deed), after
    return state, revisions


def _revised(before: State, after: State, revisions: dict[str, int], deed: Deed) -> dict[str, int]:
    was, now = (stages.numbers_of(state[0]) for state in (before, after))
    revisions_after = {ORDER: revisions[ORDER]}
    for key, content in after[1].items():
        same = before[1].get(key) == content and not (deed.mover == key and was[key] != now[key])
        revisions_after[key] = revisions[key] if same else next(_revisions)
        stayed = was.get(key) == now[key]
        revisions_after[f"@{key}"] = revisions[f"@{key}"] if stayed else next(_revisions)
    if deed.endpoint in MOVING and any(was[key] != now[key] for key in was.keys() & now.keys()):
        revisions_after[ORDER] = next(_revisions)
    return revisions_after
