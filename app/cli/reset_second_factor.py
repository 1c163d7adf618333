"""`manage.py reset-second-factor`: let somebody in again who has lost app and recovery codes."""

import argparse
import asyncio

from app.access import sage_setup
from app.access.sage_setup import sage_cursor
from app.base.actor import SYSTEM_ACTOR
from app.db.pool import pools
from app.db.sqlor import SafeSqlor
from app.db.transactions import in_transaction
from app.people.account_events import note_event
from app.people.second_factor import take_away
from app.runtime.terminal import CommandError, print_message


def run_command(argv: list[str]) -> int:
    """Take a user's second factor and recovery codes away, and end the user's sessions."""
    parser = argparse.ArgumentParser(
        prog="manage.py reset-second-factor",
        description="Take a user's second factor away: the password alone signs in again. "
        "清除用户的二次验证，之后仅凭密码即可登录。",
    )
    parser.add_argument("--username", required=True, help="whose; 用户名")
    username = parser.parse_args(argv).username
    with sage_cursor() as cursor:
        user = sage_setup.find_user(cursor, username)
    if user is None or user["username"] != username:
        raise CommandError(f"There is no user {username}.", f"没有用户 {username}。")
    if not asyncio.run(_reset(user["id"], username)):
        raise CommandError(f"{username} has no second factor.", f"用户 {username} 未启用二次验证。")
    print_message(
        f"The second factor of {username} is taken away, and the sessions are ended. The password "
        "is as it was; whoever has lost that too: manage.py create-admin --reset.",
        f"已清除 {username} 的二次验证并结束其会话。密码未变；"
        "如密码也已遗失，请用 manage.py create-admin --reset。",
    )
    return 0


async def _reset(user_id: str, username: str) -> bool:
    async def work(sor: SafeSqlor) -> bool:
        if not await take_away(sor, user_id):
            return False
        await sor.sqlExe("delete from app_session where user_id = ${id}$", {"id": user_id})
        await note_event(sor, SYSTEM_ACTOR, "second_factor_reset", user_id, username)
        return True

    try:
        return await in_transaction(work)
    finally:
        await pools().close()
