"""`manage.py migrate`: bring the database to the models."""

import argparse
import asyncio

from app.access.sage_setup import database_cursor
from app.base.settings import settings
from app.db import migrate
from app.db.numbered import MigrationError
from app.db.pool import pools, raw_connection
from app.db.rights import trigger_remedies
from app.runtime.terminal import CommandError, in_language, print_message
from app.schema.plan import Plan


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
    lines = asyncio.run(_run(only_plan=only_plan))
    print_message(
        "The tables are as the models say." if not lines else f"{len(lines)} change(s).",
        "数据表与模型一致。" if not lines else f"共 {len(lines)} 项。",
    )
    return 1 if any(line.startswith(migrate.NOT_DONE) for line in lines) else 0


async def _run(*, only_plan: bool) -> list[str]:
    try:
        plan = await migrate.plan()
        _say_who_may_serve(plan)
        if only_plan:
            lines = plan.lines()
            for line in lines:
                _print_line(line)
        else:
            lines = await migrate.migrate(tell=_print_line)
        await _explain_triggers(only_plan=only_plan, lines=lines)
    except MigrationError as exc:
        raise CommandError(f"migrate: {exc}", f"migrate：{exc}") from exc
    finally:
        await pools().close()
    return lines


def _say_who_may_serve(plan: Plan) -> None:
    """Say, before anything is changed, whether workers of the version before may go on."""
    if plan.is_first or not (plan.steps or plan.before or plan.after):
        return
    if plan.spares_version_before:
        print_message(
            "Workers of the version before may serve meanwhile.", "此期间前一版本可继续服务。"
        )
    else:
        print_message(
            "Stop the workers of the version before: it cannot serve on the new tables. What they"
            " would write while these are changed is refused. Workers of this version go on by"
            " themselves at the end.",
            "请先停止前一版本：它无法在新表上继续服务。更改期间它的写入会被拒绝。本版本的进程在完成后"
            "自动恢复服务。",
        )


async def _explain_triggers(*, only_plan: bool, lines: list[str]) -> None:
    """Show an administrator's SQL where triggers are missing that this user may not make."""
    async with raw_connection() as connection:
        steps = [step for step in (await migrate.plan(connection)).steps if step.is_trigger]
        remedies = await trigger_remedies(connection) if steps else []
    if not steps or not (remedies or any(line.startswith(migrate.NOT_DONE) for line in lines)):
        return
    will = in_language("will not be made", "将无法建立") if only_plan else ""
    if remedies:
        print_message(
            f"\nThis user may not make triggers{will and ': they ' + will}. As an administrator of "
            "the database (on every node of a cluster, and in its configuration), run:\n",
            "\n当前用户无权建立触发器。请由数据库管理员执行（集群须在每个节点执行并写入其配置）：\n",
        )
        print("\n".join(remedies))
    print_message(
        "\nThen run migrate again. Or let the administrator make those that are not there yet:\n",
        "\n然后重新执行 migrate；或由管理员建立其中尚不存在的触发器：\n",
    )
    print("\n".join(["DELIMITER //", *(f"{step.sql} //" for step in steps), "DELIMITER ;"]))


def _print_line(line: str) -> None:
    # At once: who waits sees how far it is, also through a pipe.
    print(f"  {line}", flush=True)
