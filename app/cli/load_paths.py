"""`manage.py load-paths`: every module's scripts/load_path.py, one after another."""

import argparse
import io
import runpy
import traceback
from contextlib import chdir, redirect_stdout
from pathlib import Path

from app.access import sage_setup
from app.access.sage_errors import no_sage
from app.base.settings import ROOT
from app.global_func import MODULES
from app.runtime.terminal import CommandError, print_message


def run_command(argv: list[str]) -> int:
    """Register all paths and roles in the Sage database; running it again changes nothing."""
    argparse.ArgumentParser(
        prog="manage.py load-paths",
        description="Register paths and roles in the Sage database. "
        "在 Sage 数据库中登记路径与角色。",
    ).parse_args(argv)
    # What would stop every script is told once, before the first.
    with sage_setup.sage_cursor() as cursor:
        if missing := sage_setup.missing_tables(cursor):
            raise no_sage(missing)
    for module in ("app", *MODULES):
        script = ROOT / module / "scripts" / "load_path.py"
        report = _run(script)
        print_message(report or f"{module}: paths registered", report or f"{module}：路径已登记")
    return 0


def _run(script: Path) -> str:
    """
    Run *script* and return what it prints; raise CommandError where it ends with an error.

    As the documented deployment runs it, but in this process: four times Python and all that is
    imported would take most of the time of a start.
    """
    output = io.StringIO()
    reason: str | None = None
    try:
        with redirect_stdout(output), chdir(ROOT):
            runpy.run_path(str(script), run_name="__main__")
    except SystemExit as exc:
        reason = None if exc.code in (None, 0) else str(exc.code)
    except Exception:  # noqa: BLE001  whatever a broken script does is told as its failure
        reason = traceback.format_exc()
    if reason is None:
        return output.getvalue().strip()
    tail = "\n".join((output.getvalue() + reason).splitlines()[-10:])
    raise CommandError(
        f"{script.relative_to(ROOT)} failed:\n{tail}", f"{script.relative_to(ROOT)} 失败：\n{tail}"
    )
