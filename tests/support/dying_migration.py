"""
A migration that is killed again and again, each time some changes later, until one gets through.

    python -m tests.support.dying_migration [CHANGES_LATER]

Each child sends itself SIGKILL just before the change of its turn (a statement that is no look, or
a commit); the next one goes on with the database as it was left. Prints how many were killed.
"""

import asyncio
import os
import signal
import sys
from itertools import count
from typing import Any

import aiomysql

from app.db.migrate import migrate
from app.db.pool import pools

LOOKS = ("select", "show", "set", "explain")


def main() -> None:
    """Let one child after another migrate."""
    later = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    for kills, turn in enumerate(count(1, later)):
        child = os.fork()
        if child == 0:
            _work(turn)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            print(kills)
            raise SystemExit(os.waitstatus_to_exitcode(status))


def _work(turn: int) -> None:
    status = 1
    try:
        _die_before(turn)
        asyncio.run(_migrate())
        status = 0
    finally:
        os._exit(status)


async def _migrate() -> None:
    try:
        await migrate()
    finally:
        await pools().close()


def _die_before(turn: int) -> None:
    """Let the change number *turn* never come."""
    changes = count(1)
    execute, commit = aiomysql.Cursor.execute, aiomysql.Connection.commit

    def die_in_turn() -> None:
        if next(changes) == turn:
            os.kill(os.getpid(), signal.SIGKILL)

    async def counted_execute(self: Any, query: str, args: Any = None) -> Any:
        if not query.lstrip().lower().startswith(LOOKS):
            die_in_turn()
        return await execute(self, query, args)

    async def counted_commit(self: Any) -> Any:
        die_in_turn()
        return await commit(self)

    aiomysql.Cursor.execute = counted_execute
    aiomysql.Connection.commit = counted_commit


if __name__ == "__main__":
    main()
