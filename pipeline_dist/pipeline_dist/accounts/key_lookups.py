"""
Which distributors a key may belong to: what is asked for in one turn of the event loop shares one
statement.

It is sent after all of them have asked, and its answer is for them alone: nothing is kept for who
asks later, so that a key that is revoked is none for the very next request. What a statement costs
here, the pool's connection and the driver, is three quarters of a small request.
"""

import asyncio
from collections.abc import Sequence

from app.global_func import AppError, reading
from pipeline_dist.accounts.rows import DISTRIBUTOR_COLUMNS, Distributor

# More than wait together in one worker; what is more goes into a second statement.
MAX_KEYS = 500

_COLUMNS = ", ".join(DISTRIBUTOR_COLUMNS)
ROWS_OF_KEYS = (
    f"select {_COLUMNS} from distributors where api_key_hash in ${{digests}}$"  # noqa: S608
    f" union all select {_COLUMNS} from distributors where previous_key_hash in ${{digests}}$"
)
_KEY_COLUMNS = tuple(
    DISTRIBUTOR_COLUMNS.index(name) for name in ("api_key_hash", "previous_key_hash")
)
Rows = list[Distributor]


class KeyLookups:
    """What is asked for in the present turn of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._questions: list[tuple[str, asyncio.Future[Rows]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def rows(self, digest: str) -> "asyncio.Future[Rows]":
        """Return what will have the distributors whose key, or key before, has this digest, those
        of the present one first; the database may say no instead (AppError)."""
        if not self._questions:
            # In the next turn: whatever else comes in this one has asked by then.
            self.loop.call_soon(self._send)
        future: asyncio.Future[Rows] = self.loop.create_future()
        self._questions.append((digest, future))
        return future

    def _send(self) -> None:
        questions, self._questions = self._questions, []
        for start in range(0, len(questions), MAX_KEYS):
            task = self.loop.create_task(_answer(questions[start : start + MAX_KEYS]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _answer(questions: Sequence[tuple[str, "asyncio.Future[Rows]"]]) -> None:
    digests = sorted({digest for digest, _ in questions})
    try:
        async with reading() as sor:
            rows = await sor.tuples(ROWS_OF_KEYS, {"digests": digests})
    except Exception as exc:  # noqa: BLE001  it is told to those who asked
        for _, future in questions:
            if not future.done():
                future.set_exception(exc.copy() if isinstance(exc, AppError) else exc)
        return
    except BaseException:
        for _, future in questions:
            future.cancel()
        raise
    by_column = [{row[column]: row for row in rows} for column in _KEY_COLUMNS]
    for digest, future in questions:
        if not future.done():  # else who asked has gone
            future.set_result(
                [Distributor(*by_key[digest]) for by_key in by_column if digest in by_key]
            )


_current: list[KeyLookups] = []


def key_lookups() -> KeyLookups:
    """Return those of this process; new ones where the event loop is another (tests)."""
    loop = asyncio.get_running_loop()
    if not _current or _current[0].loop is not loop:
        _current[:] = [KeyLookups(loop)]
    return _current[0]
