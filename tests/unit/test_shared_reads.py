"""Who shares a statement with whom, and that nobody hangs on another's."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from app.db import shared_reads
from app.db.shared_reads import SharedReads


class Database:
    """Answers each statement when it is let; `statements` are the questions of each."""

    def __init__(self) -> None:
        self.statements: list[list[str]] = []
        self.gates: list[asyncio.Event] = []

    async def answer(self, _: object, questions: Sequence[str]) -> Mapping[str, str]:
        self.statements.append(list(questions))
        self.gates.append(asyncio.Event())
        await self.gates[-1].wait()
        return {question: question.upper() for question in questions}


async def turns() -> None:
    """Let the loop go round some times."""
    for _ in range(9):
        await asyncio.sleep(0)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    @asynccontextmanager
    async def reading() -> AsyncIterator[None]:
        yield

    monkeypatch.setattr(shared_reads, "reading", reading)
    return Database()


async def test_who_asks_meanwhile_shares_the_next_statement(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_reads, "MAX_WAIT_SECONDS", 600)
    reads = SharedReads(database.answer)
    first = [reads.ask("a"), reads.ask("b")]
    await turns()
    later = [reads.ask("c")]
    await turns()
    later += [reads.ask("d"), reads.ask("a")]
    await turns()
    assert database.statements == [["a", "b"]]

    database.gates[0].set()
    await turns()
    assert [one.result() for one in first] == ["A", "B"]
    assert database.statements == [["a", "b"], ["c", "d", "a"]]
    database.gates[1].set()
    assert await asyncio.gather(*later) == ["C", "D", "A"]

    last = reads.ask("e")
    await turns()
    assert database.statements[2:] == [["e"]]
    database.gates[2].set()
    assert await last == "E"


async def test_one_that_hangs_holds_nobody_up_for_long(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_reads, "MAX_WAIT_SECONDS", 0.001)
    reads = SharedReads(database.answer)
    hanging = reads.ask("a")
    await turns()
    later = reads.ask("b")
    while len(database.statements) < 2:
        await asyncio.sleep(0.001)

    database.gates[1].set()
    assert await later == "B"
    assert not hanging.done()
    database.gates[0].set()
    assert await hanging == "A"
