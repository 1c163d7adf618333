"""The steps of a version are read once; of many versions, those asked for last are remembered."""

import asyncio
from typing import Any

import pytest

from pipeline_core.definition.snapshot import VersionCorrupted, checksum
from pipeline_core.lifecycle import step_keys as module
from pipeline_core.lifecycle.step_keys import step_keys


class Versions:
    """A database with the versions 1, 2, 3 … of every line, which counts how often it is asked."""

    def __init__(self) -> None:
        self.count = 0
        self.spoiled = ""

    async def one(self, sql: str, values: dict[str, Any]) -> dict[str, Any] | None:
        self.count += 1
        number = values["version_no"]
        if number == 0:
            return None
        text = f'{{"steps":[{{"step_key":"s{number}"}},{{"step_key":"t"}}]}}'
        version = {"snapshot": text + self.spoiled, "checksum": checksum(text)}
        return version | {"version_no": number}


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> Versions:
    monkeypatch.setattr(module, "_keys", type(module._keys)())
    monkeypatch.setattr(module, "MAX_VERSIONS", 2)
    return Versions()


def keys(versions: Any, number: int, pipeline_id: str = "p") -> frozenset[str] | None:
    return asyncio.run(step_keys(versions, pipeline_id, number))


def test_a_version_is_read_once(versions: Versions) -> None:
    assert [keys(versions, 1) for _ in range(3)] == [frozenset({"s1", "t"})] * 3
    assert versions.count == 1
    assert keys(versions, 2) == frozenset({"s2", "t"})
    keys(versions, 1, "another line")
    assert versions.count == 3


def test_what_was_not_asked_for_lately_is_forgotten(versions: Versions) -> None:
    for number in (1, 2, 1, 3):
        keys(versions, number)
    assert versions.count == 3

    keys(versions, 1)
    assert versions.count == 3
    keys(versions, 2)
    assert versions.count == 4


def test_a_version_that_is_not_there_is_asked_for_again(versions: Versions) -> None:
    assert (keys(versions, 0), keys(versions, 0), versions.count) == (None, None, 2)


def test_a_damaged_snapshot_is_not_remembered(versions: Versions) -> None:
    versions.spoiled = " "
    with pytest.raises(VersionCorrupted):
        keys(versions, 1)
    versions.spoiled = ""
    assert keys(versions, 1) == frozenset({"s1", "t"})
