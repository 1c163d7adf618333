"""
A process that publishes and rolls back, and kills itself in the middle of it.

    python -m tests.support.dying

Reads one JSON object a line: `{work, pipeline_id, version_no, at}`. For each it forks a child
that does the work and sends itself SIGKILL just before statement number *at* of it (commit is the
last one), or when *at* is 0 after everything. Answers with a line: how the child ended.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from app.base.actor import SYSTEM_ACTOR
from app.db import settlement, sqlor as sqlor_safe
from app.db.transactions import in_transaction
from app.modules import load_modules
from pipeline_core.lifecycle import publishing

Statement = Callable[..., Awaitable[Any]]


def main() -> None:
    """Answer each line on standard input."""
    load_modules({})
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _work(order)
        _, status = os.waitpid(child, 0)
        was_killed = os.WIFSIGNALED(status)
        print(json.dumps({"killed": was_killed, "status": os.waitstatus_to_exitcode(status)}))
        sys.stdout.flush()


def _work(order: dict[str, Any]) -> None:
    status = 1
    try:
        _die_at(order["at"])
        asyncio.run(_deed_of(order))
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


async def _deed_of(order: dict[str, Any]) -> None:
    values = {
        "lock_version": None,
        "version_no": None,
        "notes": "try",
        "carry_prices": 1,
        "state": None,
        **order,
    }
    if order["work"] == "publish":
        work = publishing.publish
    else:
        work = publishing.rollback
        values |= {"reason": "try", "replace_draft": 1}
    await in_transaction(lambda sor: work(sor, order["pipeline_id"], values, SYSTEM_ACTOR))


def _die_at(number: int) -> None:
    count = 0

    def count_one(statement: Statement) -> Statement:
        async def run(*args: Any) -> Any:
            nonlocal count
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return await statement(*args)

        return run

    sqlor_safe._run = count_one(sqlor_safe._run)  # type: ignore[assignment]
    settlement.end_transaction = count_one(settlement.end_transaction)  # type: ignore[assignment]


if __name__ == "__main__":
    main()
