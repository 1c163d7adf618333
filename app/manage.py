#!/usr/bin/env python3
"""The operators' command line: py3/bin/python app/manage.py COMMAND [options]."""

import sys
from contextlib import suppress
from importlib import import_module
from os import environ
from pathlib import Path

# Run as a file, Python puts app/ itself first on the path; the package's parent belongs there.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from app.base import clock  # noqa: E402
from app.base.command import Command  # noqa: E402
from app.base.contributions import by_name  # noqa: E402
from app.base.errors import AppError  # noqa: E402
from app.base.settings import load_settings  # noqa: E402
from app.base.settings_checks import ConfigError  # noqa: E402
from app.runtime.embedded_db import EmbeddedDatabaseError  # noqa: E402
from app.runtime.run_folder import keep_private, var_folder  # noqa: E402
from app.runtime.terminal import CommandError, print_error, print_refusal  # noqa: E402  # needs the path

# Those of the modules stand with them.
HOST_COMMANDS = (
    Command(
        "create-admin",
        "app.cli.create_admin",
        "make an administrator, or give one a new password",
        "建立管理员，或重设其密码",
    ),
    Command(
        "migrate",
        "app.cli.migrate",
        "bring the database to the models: creates and extends tables, never drops",
        "按模型建立或扩充数据表，从不删除",
    ),
    Command(
        "load-paths",
        "app.cli.load_paths",
        "register all paths and the roles that may use them in the Sage database",
        "在 Sage 数据库中登记全部路径及其角色",
    ),
    Command(
        "setup-sage",
        "app.cli.setup_sage",
        "make the RBAC tables and roles in a database that has none",
        "在尚无 RBAC 表的数据库中建立表与角色",
    ),
    Command(
        "who-may",
        "app.cli.rights",
        "which roles and users may use a path, and why",
        "哪些角色和用户可以使用某个路径，以及依据",
        "run_who_may",
    ),
    Command(
        "may",
        "app.cli.rights",
        "what a user may do, or whether he may use a path, and why",
        "某用户可以做什么，或能否使用某个路径，以及依据",
        "run_may",
    ),
    Command(
        "reset-second-factor",
        "app.cli.reset_second_factor",
        "let a user in again who has lost the second factor",
        "为丢失二次验证的用户清除它",
    ),
    Command(
        "rotate-secret",
        "app.cli.rotate_secret",
        "put a new session secret, password key or database password in place",
        "更换会话密钥、密码密钥或数据库密码",
    ),
    Command(
        "dbpassword",
        "app.cli.dbpassword",
        "seal the database password for the configuration file",
        "封装数据库密码，供写入配置文件",
    ),
    Command(
        "backup",
        "app.cli.backup",
        "write databases, secrets, configuration and archive into one file, while calls are let in",
        "不停服地将数据库、密钥、配置与归档写入一个文件",
    ),
    Command(
        "restore",
        "app.cli.restore",
        "put a backup into an empty database, then check the ledger",
        "将备份恢复到空数据库，并核对账本",
    ),
    Command(
        "doctor",
        "app.cli.doctor",
        "look at configuration, database, host, secrets and ledger, and say what to do",
        "检查配置、数据库、主机、密钥与账本，并说明如何处理",
        knows_modules=True,
    ),
    Command(
        "demo",
        "app.cli.demo",
        "load the demo data into the running system and print a curl line",
        "向运行中的系统载入演示数据，并给出 curl 示例",
    ),
    Command(
        "tail",
        "app.cli.tail",
        "show and follow the log of all workers, by time",
        "按时间合并显示并跟踪各工作进程的日志",
    ),
)


def main(argv: list[str]) -> int:
    """Run one command; 0 done, 1 failed, 2 not understood."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_help())
        return 0 if argv else 2
    own = next((command for command in HOST_COMMANDS if command.name == argv[0]), None)
    command = own or commands().get(argv[0])
    if command is None:
        print_error(f"There is no command {argv[0]}.\n", f"没有命令 {argv[0]}。\n")
        print(_help(), file=sys.stderr)
        return 2
    keep_private(var_folder())
    try:
        # Days and months turn for commands where they do for the workers. A configuration that is
        # not right is told by the command that reads it: others, and help, need none.
        with suppress(ConfigError):
            clock.set_zone(load_settings(environ).quota_time_zone)
        if own is None or own.knows_modules:
            # What modules know of each other's rows, their commands need too.
            import_module("app.modules").connect_modules()
        function = getattr(import_module(command.module), command.function)
        return int(function(argv[1:]) or 0)
    except (ConfigError, CommandError, EmbeddedDatabaseError) as exc:
        print_error(str(exc), str(exc))
    except AppError as exc:
        print_refusal(exc)
    except OSError as exc:
        # A full or read-only disk can show at any file; not every error names it.
        where = exc.filename or var_folder()
        print_error(
            f"{where}: {exc.strerror or exc}. See that its disk has room and can be written, then "
            "try again.",
            f"{where}：{exc.strerror or exc}。请确认磁盘有空间且可写，然后重试。",
        )
    except KeyboardInterrupt:
        print_error("Interrupted.", "已中断。")
        return 130
    return 1


def commands() -> dict[str, Command]:
    """Return the commands of the host and the modules by name; raises NameTaken."""
    # The modules are imported late: start.sh waits for commands of the host, which need none.
    others = import_module("app.modules").module_commands()
    offers = [*(("app", command) for command in HOST_COMMANDS), *others]
    return by_name((owner, command.name, command) for owner, command in offers)


def _help() -> str:
    lines = ["Usage: py3/bin/python app/manage.py COMMAND [--help]", "用法：同上，COMMAND 为：", ""]
    for name, command in commands().items():
        lines += [f"  {name:<14}{command.english}", f"  {'':<14}{command.chinese}"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
