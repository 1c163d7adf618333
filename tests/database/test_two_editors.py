"""
Two editors at one line, at the same time, doing anything: what the database holds afterwards is
what one of them followed by the other would have made, and every rule of a draft holds.

PIPELINE_EDITORS says how many lines to try (75 if not set; thousands for a night).
"""

import asyncio
import json
import os
from collections import Counter
from itertools import count, permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.base.actor import Actor
from app.base.errors import AppError
from app.db.pool import pools
from app.db.transactions import reading
from pipeline_core.definition import stages
from pipeline_core.definition.snapshot import load
from pipeline_core.init import EXPORTS
from pipeline_core.lifecycle import pipelines
from tests.support.editing import (
    CHOICES,
    ORDER,
    Choice,
    Deed,
    Seen,
    State,
    create,
    deed_of,
    in_order,
    with_outcome,
)
from tests.support.installation import Installation
from tests.support.long_form import by_form

PIPELINE_COUNT = int(os.environ.get("PIPELINE_EDITORS", by_form("15", "40")))
EDITORS = (Actor(user_id="ann", username="ann"), Actor(user_id="bob", username="bob"))
# Refusals that two editors may get of each other or of the state of things; nothing else may come.
EXPECTED = {
    "edit_conflict", "duplicate", "invalid_fields", "not_found", "archived", "not_publishable",
    "already_live", "never_live", "was_live", "bad_status_change", "in_use",
}  # fmt: skip
_codes = count(1)


class Editors(RuleBasedStateMachine):
    """One pipeline and two editors with a view of it each."""

    loop: asyncio.AbstractEventLoop

    @initialize()
    def begin(self) -> None:
        code = f"editors-{next(_codes)}"
        line = {"code": code, "name": "Line"}
        self.id = self.run(pipelines.SERVICE.create_from(line, EDITORS[0]))["id"]
        self.state: State = ([], {})
        self.revisions: dict[str, int] = {ORDER: 0}
        self.content: dict[int, str] = {}
        self.views = [self.run(self.look()) for _ in EDITORS]
        for key in ("k0", "k1", "k2"):
            self.together([create(self.id, key, None, None, False)])

    @rule(editor=st.integers(0, 1))
    def looks_again(self, editor: int) -> None:
        self.views[editor] = self.run(self.look())

    @rule(mine=CHOICES)
    def one_works(self, mine: Choice) -> None:
        self.together([deed_of(self.id, mine, self.views[0])])

    @rule(mine=CHOICES, yours=CHOICES)
    def both_work(self, mine: Choice, yours: Choice) -> None:
        choices = zip((mine, yours), self.views, strict=True)
        self.together([deed_of(self.id, choice, view) for choice, view in choices])

    @rule(mine=CHOICES, yours=CHOICES)
    def both_begin_with_what_is_there_now(self, mine: Choice, yours: Choice) -> None:
        self.views = [self.run(self.look()) for _ in EDITORS]
        self.both_work(mine, yours)

    @invariant()
    def the_draft_is_whole(self) -> None:
        if not hasattr(self, "id"):
            return
        view = self.run(self.look())
        # Counted here and not by `stages`, which is under test.
        places = sorted((step["stage"], step["step_no"]) for step in view.steps)
        sizes = Counter(stage for stage, _ in places)
        assert places == [
            (stage, step_no)
            for stage in range(1, len(sizes) + 1)
            for step_no in range(1, sizes[stage] + 1)
        ]
        assert len({step["step_key"] for step in view.steps}) == len(view.steps)
        self.run(self.versions_are_whole(view.pipeline))

    async def versions_are_whole(self, pipeline: dict[str, Any]) -> None:
        async with reading() as sor:
            versions = await sor.sqlExe(
                "select * from pipeline_versions where pipeline_id = ${id}$ order by version_no",
                {"id": self.id},
            )
        live = [version["version_no"] for version in versions if version["status"] == "published"]
        expected = [pipeline["current_version"]] if pipeline["status"] == "published" else []
        assert live == expected
        numbers = [version["version_no"] for version in versions]
        assert numbers == list(range(1, len(numbers) + 1))
        for version in versions:
            load(version)
            snapshot = self.content.setdefault(version["version_no"], version["snapshot"])
            assert snapshot == version["snapshot"]
            assert (version["status"] == "saved") == (json.loads(version["event_log"]) == [])

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    async def look(self) -> Seen:
        async with reading(snapshot=True) as sor:
            pipeline = await sor.one("select * from pipelines where id = ${id}$", {"id": self.id})
            steps = await sor.sqlExe(
                "select * from pipeline_steps where pipeline_id = ${id}$ order by stage, step_no",
                {"id": self.id},
            )
        assert pipeline is not None
        return Seen(pipeline, steps, dict(getattr(self, "revisions", {})))

    def together(self, deeds: list[Deed]) -> None:
        """Do *deeds* at the same time and hold what is there against every order of them."""
        outcomes = self.run(_at_once(deeds))
        result = []
        for deed, outcome in zip(deeds, outcomes, strict=True):
            if isinstance(outcome, AppError):
                assert outcome.code in EXPECTED, (deed, outcome)
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            result.append(with_outcome(deed, outcome.body))
        after = self.run(self.look())
        result_state: State = (
            stages.layout_of(after.steps),
            {s["step_key"]: (s["name"], s["enabled"]) for s in after.steps},
        )
        possible = [in_order(self.state, self.revisions, order) for order in permutations(result)]
        fitting = [
            prediction
            for prediction in possible
            if prediction is not None and prediction[0] == result_state
        ]
        assert fitting, (self.state, [(d.endpoint, d.params) for d in result], result_state)
        self.state, self.revisions = fitting[0]


async def _at_once(deeds: list[Deed]) -> list[Any]:
    return await asyncio.gather(
        *(
            EXPORTS[deed.endpoint].function(actor, dict(deed.params))
            for actor, deed in zip(EDITORS, deeds, strict=False)
        ),
        return_exceptions=True,
    )


@pytest.mark.timeout(0 if PIPELINE_COUNT > 100 else 300)
def test_two_editors_at_once_never_break_a_pipeline(database: Installation) -> None:
    database.adopt()
    loop = asyncio.new_event_loop()
    Editors.loop = loop
    try:
        run_state_machine_as_test(
            Editors,
            settings=settings(
                max_examples=PIPELINE_COUNT, stateful_step_count=25, deadline=None, database=None,
                suppress_health_check=list(HealthCheck), print_blob=True,
            ),
        )  # fmt: skip
    finally:
        loop.run_until_complete(pools().close())
        loop.close()
