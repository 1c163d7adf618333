"""
The files of a statement: made of its content once its month is closed, and kept.

That happens outside the transaction that closes, which has the distributor locked: a month of many
corrections takes seconds to render. Who closes makes them then; where that was cut short, whoever
asks for one first, or a worker (closing/worker.py). They are made of the content alone, so that
they are the same whoever makes them; where two do at once, the unique key of `app_statement_file`
says which were kept, and all answer those.
"""

import asyncio
import logging
from datetime import datetime

from app.global_func import AppError, DuplicateKey, in_transaction, reading
from pipeline_dist.closing import store
from pipeline_dist.closing.content import document_of
from pipeline_dist.closing.render import ALL_FILES, File, render

log = logging.getLogger("pipeline_dist.closing")


async def kept_file(statement_id: str, file: File) -> bytes:
    """
    Return a file of a statement, byte for byte as it is kept; made now where it was not yet.

    Opens connections of its own: call it while none is held.
    """
    async with reading() as sor:
        data = await store.read_file(sor, statement_id, file)
        if data is not None:
            return data
        content = await store.read_content(sor, statement_id)
    data = await asyncio.to_thread(lambda: render(document_of(content), file))
    try:
        await in_transaction(lambda sor: store.keep_file(sor, statement_id, file, data))
    except DuplicateKey:
        return await kept_file(statement_id, file)
    return data


async def keep_all_files(statement_id: str) -> None:
    """Make what is missing of a statement's files; where that fails, the log says why, and they are
    made later: the month is closed all the same."""
    try:
        for file in ALL_FILES:
            await kept_file(statement_id, file)
    except AppError as exc:
        log.warning("making the files of statement %s waits: %s", statement_id, exc)
    except Exception:
        log.exception(
            "making the files of statement %s failed",
            statement_id,
            extra={"action": "files_failed"},
        )


async def keep_missing_files(until: datetime) -> None:
    """Make the files that statements closed until *until* do not have yet."""
    async with reading() as sor:
        ids = await store.without_files(sor, until)
    for statement_id in ids:
        await keep_all_files(statement_id)
