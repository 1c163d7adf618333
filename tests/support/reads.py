"""How much the database has to read for a question: what an index saves can be counted."""

from collections.abc import Awaitable
from typing import Any


async def reads_of(sor: Any, question: Awaitable[Any]) -> tuple[Any, int]:
    """The answer to *question*, asked on *sor*, and how many rows and keys were read for it."""
    before = await _reads(sor)
    answer = await question
    return answer, await _reads(sor) - before


async def _reads(sor: Any) -> int:
    rows = await sor.sqlExe("show session status like 'Handler_read%'", {})
    return sum(int(row["value"]) for row in rows)
