"""Looking at a month's statement: the one that is kept where it is closed, else as it is now."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from app.global_func import SafeSqlor
from pipeline_dist.accounts.rows import Distributor, read_distributor
from pipeline_dist.closing import store
from pipeline_dist.closing.content import document_of
from pipeline_dist.closing.files import kept_file
from pipeline_dist.closing.render import File, render
from pipeline_dist.closing.store import Statement
from pipeline_dist.reports.errors import STATEMENT_NOT_FOUND
from pipeline_dist.reports.statement import statement


@dataclass(frozen=True, slots=True)
class MonthView:
    """A distributor's month: with its statement, if that is kept, else what it is now."""

    month: str
    kept_statement: Statement | None
    document: dict[str, Any] | None

    async def read_document(self, sor: SafeSqlor) -> dict[str, Any]:
        """Return the statement as values."""
        if self.document is not None:
            return self.document
        assert self.kept_statement is not None
        content = await store.read_content(sor, self.kept_statement.id)
        return await asyncio.to_thread(document_of, content)

    async def file(self, file: File) -> bytes:
        """Return the statement as *file*, byte for byte as it was made if it is kept; call it while
        no connection is held."""
        if self.kept_statement is not None:
            return await kept_file(self.kept_statement.id, file)
        assert self.document is not None
        return await asyncio.to_thread(render, self.document, file)


async def view_of_month(sor: SafeSqlor, distributor: Distributor, month: str) -> MonthView:
    """Return a distributor's *month* as *sor*'s snapshot has it."""
    result = await store.find_of_month(sor, distributor.id, month)
    if result is not None:
        return MonthView(month, result, None)
    # Again, since the month may have been closed since the key was looked up.
    present = await read_distributor(sor, distributor.id) or distributor
    # The row of the sandbox has no name of its own (accounts/sandbox.py).
    present = replace(present, code=distributor.code, name=distributor.name)
    return MonthView(month, None, await statement(sor, present, month))


async def view_by_number(sor: SafeSqlor, distributor: Distributor, number: str) -> MonthView:
    """Return the month of a distributor's statement; raises NotFound `statement_not_found`."""
    result = await store.find_by_number(sor, distributor.id, number)
    if result is None:
        raise STATEMENT_NOT_FOUND()
    return MonthView(result.month, result, None)
