"""`manage.py load-paths`: every module's scripts/load_path.py, one after another."""

import argparse
import subprocess
import sys

from app import sage_setup
from app.cli.create_admin import no_sage
from app.cli.terminal import CommandError, tell
from app.settings import ROOT

MODULES = ("app", "pipeline_core", "pipeline_ops", "pipeline_dist")


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
    for module in MODULES:
        script = ROOT / module / "scripts" / "load_path.py"
        # A process of its own, as the documented deployment runs it.
        done = subprocess.run([sys.executable, str(script)], text=True, capture_output=True,
                              check=False)
        if done.returncode != 0:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
            raise CommandError(f"{script.relative_to(ROOT)} failed:\n{tail}",
                               f"{script.relative_to(ROOT)} 失败：\n{tail}")
        tell(done.stdout.strip() or f"{module}: paths registered",
             done.stdout.strip() or f"{module}：路径已登记")
    return 0
