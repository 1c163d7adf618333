"""How much the database has to read for a question: what an index saves can be counted."""

from collections.abc import Awaitable, Mapping
from typing import Any

import aiomysql
import pytest

from app.db.sqlor import SafeSqlor


async def reads_of(sor: Any, question: Awaitable[Any]) -> tuple[Any, int]:
    """The answer to *question*, asked on *sor*, and how many rows and keys were read for it, also
    those that a condition on the index refused."""
    counting = -await _reads(sor)
    counting += (before := await _reads(sor))
    answer = await question
    return answer, await _reads(sor) - before - counting


async def _reads(sor: Any) -> int:
    rows = await sor.sqlExe("show session status like 'Handler_%'", {})
    counts = {row["variable_name"].lower(): int(row["value"]) for row in rows}
    in_vain = counts["handler_icp_attempts"] - counts["handler_icp_match"]
    return in_vain + sum(count for name, count in counts.items() if name.startswith("handler_read"))


def commands_of(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A list that whatever is sent to the database in this test goes into."""
    commands: list[Any] = []
    plain = aiomysql.Connection._execute_command

    async def note(self: aiomysql.Connection, command: int, sql: Any) -> None:
        commands.append(sql)
        await plain(self, command, sql)

    monkeypatch.setattr(aiomysql.Connection, "_execute_command", note)
    return commands


def statements_of(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Mapping[str, Any]]]:
    """A list that each statement of this test's goes into, with its values."""
    statements: list[tuple[str, Mapping[str, Any]]] = []
    plain = SafeSqlor.sqlExe

    async def note(self: SafeSqlor, sql: str, ns: Mapping[str, Any]) -> Any:
        statements.append((sql, ns))
        return await plain(self, sql, ns)

    monkeypatch.setattr(SafeSqlor, "sqlExe", note)
    return statements
