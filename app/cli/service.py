"""
Starting and stopping the whole application of one run-time folder.

    python -m app.cli.service start [--demo | --reload]
    python -m app.cli.service stop

start.sh and stop.sh call this. It returns when the application answers, or says why not; calling
it twice is harmless, and whatever a crash left behind is made good.
"""

import argparse
import sys

from app.base.errors import AppError
from app.base.settings_checks import ConfigError
from app.runtime.embedded_db import EmbeddedDatabase, EmbeddedDatabaseError
from app.runtime.lock import start_lock
from app.runtime.parent_client import ParentClient
from app.runtime.run_folder import keep_private, var_folder
from app.runtime.terminal import CommandError, print_error, print_message, print_refusal


def stop() -> None:
    """Stop workers and embedded database; fine when nothing runs."""
    var_dir = var_folder()
    if not (var_dir / "run").is_dir() and not (var_dir / "database").is_dir():
        print_message("Nothing runs here.", "没有正在运行的进程。")
        return
    (var_dir / "run").mkdir(exist_ok=True)
    with start_lock(var_dir):
        count, killed_pids = ParentClient(var_dir).stop()
        if count:
            print_message(f"{count} worker(s) stopped.", f"已停止 {count} 个工作进程。")
        if killed_pids:
            print_error(
                f"{len(killed_pids)} process(es) did not end in time and were killed.",
                f"有 {len(killed_pids)} 个进程未能按时结束，已强制终止。",
            )
        had_database = (var_dir / "database").is_dir() and EmbeddedDatabase(var_dir).stop()
        if had_database:
            print_message("The embedded database is stopped.", "内嵌数据库已停止。")
        if not count and not had_database:
            print_message("Nothing runs here.", "没有正在运行的进程。")


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return 0 for done, 1 for failed with the reason on the error output."""
    parser = argparse.ArgumentParser(prog="python -m app.cli.service")
    actions = parser.add_subparsers(dest="action", required=True)
    ways = actions.add_parser("start").add_mutually_exclusive_group()
    ways.add_argument("--demo", action="store_true")
    ways.add_argument("--reload", action="store_true")
    actions.add_parser("stop")
    args = parser.parse_args(argv)
    keep_private(var_folder())
    try:
        if args.action == "start":
            # Imported late: stop has to work even where a part needed for starting is broken.
            from app.cli.start import start

            start(with_demo=args.demo, is_reload=args.reload)
        else:
            stop()
    except AppError as exc:
        print_refusal(exc)
        return 1
    except (CommandError, ConfigError, EmbeddedDatabaseError) as exc:
        print_error(str(exc), str(exc))
        return 1
    except OSError as exc:
        # A full or read-only disk can show at any file; not every error names it.
        where = exc.filename or var_folder()
        print_error(f"{where}: {exc.strerror or exc}", f"{where}：{exc.strerror or exc}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
