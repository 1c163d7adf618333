"""Steps of type `script` where the setting `pipeline.step_functions` names what there is."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.pipelines import (
    ask,
    do,
    naming_functions,
    new_pipeline,
    new_step,
    pointers,
    refusal_of,
    rows,
)


@pytest.fixture(scope="module")
def server(
    database: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Workers of an installation that has two functions."""
    folder = tmp_path_factory.mktemp("functions")
    with naming_functions(database, folder, "text.clean", "pictures.crop") as running:
        yield running


def test_the_editor_is_told_the_functions(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin)

    draft = do(admin, "pipeline_editor", pipeline_id=pipeline["id"])

    assert draft["functions"] == [
        {"value": "pictures.crop", "text": "pictures.crop"},
        {"value": "text.clean", "text": "text.clean"},
    ]


def test_a_function_that_is_not_named_can_be_written_but_not_published(
    admin: httpx.Client,
) -> None:
    pipeline = new_pipeline(admin)
    step = new_step(
        admin, pipeline, "a", step_type="script", model=None, config={"function": "text.burn"}
    )

    (result,) = [problem for problem in step["problems"] if problem["severity"] == "error"]
    assert (result["code"], result["step_key"], result["field"]) == (
        "unknown_function", "a", "config.function"
    )  # fmt: skip
    problem = refusal_of(
        ask(admin, "pipeline_publish", pipeline_id=pipeline["id"]), 400, "not_publishable"
    )
    assert pointers(problem) == {"/steps/a/config/function": "unknown_function"}
    assert rows(admin, "pipeline_versions", pipeline_id=pipeline["id"]) == []

    better = do(
        admin, "pipeline_steps_update", id=step["id"], lock_version=1,
        config={"function": "text.clean"},
    )  # fmt: skip
    assert better["publishable"] is True
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
