"""`manage.py migrate`: bring the database to the models."""

import argparse
import asyncio

from app.access.sage_setup import database_cursor
from app.base.settings import settings
from app.db import migrate
from app.db.numbered import MigrationError
from app.db.pool import pools
from app.runtime.terminal import CommandError, print_message


def run_command(argv: list[str]) -> int:
    """Create and extend tables, telling each change, and what is left to a person."""
    parser = argparse.ArgumentParser(
        prog="manage.py migrate",
        description="Bring the database to the models; never drops or narrows. "
        "按模型建立或扩充数据表，从不删除或收窄。",
    )
    parser.add_argument("--plan", action="store_true", help="only say what would be done; 仅列出")
    only_plan = parser.parse_args(argv).plan
    with database_cursor(settings().pipeline_database):
        pass  # A wrong password or host is told with its reason, which the pool keeps to itself.
    lines = asyncio.run(_lines(only_plan=only_plan))
    print_message(
        "The tables are as the models say." if not lines else f"{len(lines)} change(s).",
        "数据表与模型一致。" if not lines else f"共 {len(lines)} 项。",
    )
    return 0


async def _lines(*, only_plan: bool) -> list[str]:
    try:
        if not only_plan:
            return await migrate.migrate(tell=_print_line)
        lines = (await migrate.plan()).lines()
    except MigrationError as exc:
        raise CommandError(f"migrate: {exc}", f"migrate：{exc}") from exc
    finally:
        await pools().close()
    for line in lines:
        _print_line(line)
    return lines


def _print_line(line: str) -> None:
    # At once: who waits sees how far it is, also through a pipe.
    print(f"  {line}", flush=True)
