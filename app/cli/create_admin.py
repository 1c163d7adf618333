"""`manage.py create-admin`: an administrator, or a new password for one."""

import argparse
import getpass
import sys

from app.access import sage_setup
from app.access.lockout import user_digest
from app.access.sage_errors import no_sage
from app.access.sage_setup import MIN_PASSWORD_LENGTH, database_cursor, sage_cursor
from app.base.settings import settings
from app.runtime.terminal import CommandError, in_language, print_message


def run_command(argv: list[str]) -> int:
    """Make the user, or with --reset set the password; prints a password it generated."""
    args = _parser().parse_args(argv)
    password = _password(args)
    with sage_cursor() as cursor:
        if missing := sage_setup.missing_tables(cursor):
            raise no_sage(missing)
        user = sage_setup.find_user(cursor, args.username)
        if user and not args.reset:
            raise CommandError(
                f"There is a user {args.username} already. To give it a new password: --reset",
                f"用户 {args.username} 已存在。要重设密码，请加 --reset",
            )
        if user:
            sage_setup.set_password(cursor, user["id"], password)
        else:
            sage_setup.create_user(cursor, args.username, password, args.role)
    if user:
        _let_in_again(user["id"], args.username)
        print_message(
            f"{args.username} has a new password; its sessions are ended.",
            f"{args.username} 的密码已重设，其会话已全部结束。",
        )
    else:
        print_message(
            f"{args.username} is made, with the role {args.role}.",
            f"已建立用户 {args.username}，角色 {args.role}。",
        )
    if args.generate:
        print_message(f"Password (shown only now): {password}", f"密码（仅显示这一次）：{password}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage.py create-admin",
        description="Make an administrator in the Sage database. 在 Sage 数据库中建立管理员。",
    )
    parser.add_argument("--username", default="admin", help="(admin) 用户名")
    parser.add_argument(
        "--role",
        default="owner.superuser",
        help="(owner.superuser), owner.operator, owner.viewer … 角色",
    )
    parser.add_argument(
        "--reset",
        action="store_true",
        help="give an existing user a new password; 为已有用户重设密码",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--generate",
        action="store_true",
        help="generate the password and print it once; 生成密码并显示一次",
    )
    how.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from the standard input; 从标准输入读取密码",
    )
    return parser


def _password(args: argparse.Namespace) -> str:
    if args.generate:
        return sage_setup.generated_password()
    if args.password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    elif sys.stdin.isatty():
        password = getpass.getpass(in_language("Password: ", "密码："))
        if getpass.getpass(in_language("Again: ", "再输一次：")) != password:
            raise CommandError("The two differ. Nothing was changed.", "两次不一致，未作改动。")
    else:
        raise CommandError(
            "There is no terminal to ask for a password: use --generate or --password-stdin.",
            "没有终端可输入密码：请用 --generate 或 --password-stdin。",
        )
    if len(password) < MIN_PASSWORD_LENGTH:
        raise CommandError(
            f"The password needs at least {MIN_PASSWORD_LENGTH} characters.",
            f"密码至少 {MIN_PASSWORD_LENGTH} 个字符。",
        )
    return password


def _let_in_again(user_id: str, username: str) -> None:
    """End the user's sessions, links (of and by the user) and set-ups of a second factor that are
    not in force, and a lock-out after too many wrong passwords."""
    with database_cursor(settings().pipeline_database) as cursor:
        cursor.execute("SHOW TABLES LIKE 'app\\_%'")
        tables = {next(iter(row.values())) for row in cursor.fetchall()}
        if "app_session" in tables:
            cursor.execute("DELETE FROM app_session WHERE user_id = %s", (user_id,))
        if "app_invitation" in tables:
            cursor.execute(
                "DELETE FROM app_invitation WHERE user_id = %s OR created_by = %s",
                (user_id, user_id),
            )
        if "app_second_factor" in tables:
            cursor.execute(
                "DELETE FROM app_second_factor WHERE id = %s AND confirmed_at IS NULL", (user_id,)
            )
        if "app_login_attempt" in tables:
            cursor.execute("DELETE FROM app_login_attempt WHERE id = %s", (user_digest(username),))
