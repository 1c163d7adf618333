"""Lines over HTTP as an administrator has them: made, asked about, refused."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from tests.support.installation import Installation, write_config

_numbers = count(1)


def free_code() -> str:
    """A code that no pipeline has yet."""
    return f"line-{next(_numbers)}"


def ask(client: httpx.Client, endpoint: str, **fields: Any) -> httpx.Response:
    """The answer of an endpoint of the module to *fields*, whatever it is."""
    return client.post(f"/pipeline_core/api/{endpoint}.dspy", json=fields)


def do(client: httpx.Client, endpoint: str, **fields: Any) -> Any:
    """What an endpoint answers to *fields*; fails when it refuses."""
    answer = ask(client, endpoint, **fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def refusal_of(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code, problem
    return problem


def pointers(problem: dict[str, Any]) -> dict[str, str]:
    """Where a refusal points, and the code there."""
    return {error["pointer"]: error["code"] for error in problem["errors"]}


def rows(client: httpx.Client, table: str, **where: Any) -> list[dict[str, Any]]:
    """A table's rows by its list's endpoint."""
    answer = client.get(f"/pipeline_core/{table}/get_{table}.dspy", params=where)
    assert answer.status_code == 200, answer.text
    records: list[dict[str, Any]] = answer.json()["rows"]
    return records


def places(client: httpx.Client, pipeline: dict[str, Any]) -> list[tuple[int, int, str]]:
    """Stage, place and key of each of a pipeline's steps, in order."""
    steps = rows(client, "pipeline_steps", pipeline_id=pipeline["id"], rows=1000)
    return sorted((step["stage"], step["step_no"], step["step_key"]) for step in steps)


def new_pipeline(client: httpx.Client, *keys: str) -> dict[str, Any]:
    """A draft with a serial model step for each of *keys*; the pipeline's record."""
    pipeline: dict[str, Any] = do(client, "pipelines_create", code=free_code(), name="Line")
    for key in keys:
        new_step(client, pipeline, key)
    return pipeline


def new_step(
    client: httpx.Client, pipeline: dict[str, Any], key: str, **more: Any
) -> dict[str, Any]:
    """A model step of *pipeline*, at the end if nothing else is said; its record."""
    fields = {
        "pipeline_id": pipeline["id"],
        "step_key": key,
        "name": key.upper(),
        "model": "m",
        **more,
    }
    step: dict[str, Any] = do(client, "pipeline_steps_create", **fields)
    return step


def fresh(client: httpx.Client, pipeline: dict[str, Any]) -> dict[str, Any]:
    """The record of *pipeline* as it is now."""
    return rows(client, "pipelines", id=pipeline["id"])[0]


def live_versions(server: Installation, pipeline: dict[str, Any]) -> list[int]:
    """The numbers of the published versions in the database; at most one."""
    versions = server.query(
        "select version_no from pipeline_versions where pipeline_id = %s and status = 'published'",
        pipeline["id"],
    )
    return [row["version_no"] for row in versions]


def at_once(
    server: Installation, work: list[tuple[str, dict[str, Any]]]
) -> Iterator[httpx.Response]:
    """Send requests at the same time, each from a client of its own."""
    with ThreadPoolExecutor(len(work)) as threads:
        clients = [server.sign_in("admin") for _ in work]
        yield from threads.map(
            lambda job: ask(job[0], job[1][0], **job[1][1]), zip(clients, work, strict=True)
        )


@contextmanager
def unguarded_versions(server: Installation) -> Iterator[Any]:
    """A cursor that may change what versions hold, as only who has the database itself can."""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("show create trigger pipeline_versions_keep_content")
        trigger = cursor.fetchone()["SQL Original Statement"]
        cursor.execute("drop trigger pipeline_versions_keep_content")
        yield cursor
        cursor.execute(trigger)


@contextmanager
def naming_functions(database: Installation, folder: Path, *names: str) -> Iterator[Installation]:
    """The application, running with *names* as its setting `pipeline.step_functions`."""
    config = write_config(folder, step_functions=list(names))
    database.extra_env["PIPELINE_CONF"] = str(config)
    try:
        database.start(workers=2)
        yield database
    finally:
        database.stop()
        del database.extra_env["PIPELINE_CONF"]
