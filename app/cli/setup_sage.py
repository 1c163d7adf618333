"""`manage.py setup-sage`: RBAC tables, organisation and roles in a database without Sage."""

import argparse

from app.access import sage_setup
from app.access.sage_setup import sage_cursor
from app.base.settings import settings
from app.runtime.terminal import CommandError, print_message


def run_command(argv: list[str]) -> int:
    """Make what is missing; refuses a database that holds only a part of Sage's tables."""
    argparse.ArgumentParser(
        prog="manage.py setup-sage",
        description="Make the RBAC tables and roles. 建立 RBAC 表与角色。",
    ).parse_args(argv)
    name = settings().sage_database.name
    if ensure_sage():
        print_message(
            f"{name}: RBAC tables and the three roles are made.",
            f"{name}：RBAC 表与三个角色已建立。",
        )
    else:
        print_message(
            f"{name}: there is a Sage already; nothing was changed.",
            f"{name}：已有 Sage，未作改动。",
        )
    return 0


def ensure_sage() -> bool:
    """Set Sage up where there is none; False when there is one. CommandError when it is torn."""
    with sage_cursor() as cursor:
        missing = sage_setup.missing_tables(cursor)
        if not missing:
            return False
        if len(missing) < len(sage_setup.TABLES) and not _is_ours(cursor):
            names = ", ".join(missing)
            place = settings().sage_database.name
            raise CommandError(
                f"The database {place} has some of Sage's tables and lacks {names}. It is "
                "left as it is; complete it with Sage's own tools.",
                f"数据库 {place} 中有部分 Sage 表，缺少 {names}。"
                "未作改动，请用 Sage 自己的工具补全。",
            )
        sage_setup.set_up(cursor)
    return True


def _is_ours(cursor: sage_setup.Cursor) -> bool:
    """Return True for a set-up of ours that was interrupted: its first table is there and has no
    user."""
    cursor.execute("SHOW TABLES")
    names = {str(next(iter(row.values()))) for row in cursor.fetchall()}
    if "organization" not in names:
        return False
    cursor.execute("SELECT COUNT(*) AS n FROM organization")
    return bool(cursor.fetchone()["n"] == 0)
