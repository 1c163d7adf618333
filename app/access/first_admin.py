"""The administrator that a fresh installation starts with, and the one the demo works as."""

import hmac
import json
from pathlib import Path
from typing import Any

from app.access import sage_setup
from app.access.sage_errors import no_sage
from app.access.sage_setup import sage_cursor
from app.base.secrets import secret, write_secret
from app.base.settings import Settings
from app.runtime import embedded_db
from app.runtime.terminal import CommandError, print_message

USERNAME = "admin"
DEMO_USERNAME = "demo-admin"
_SECRET = "admin_password"


def first_administrator(config: Settings) -> None:
    """
    Make `admin` where the embedded Sage has no administrator; a Sage of others is left alone.

    The password is kept in `<var>/secrets/admin_password` until the demo or a person has read it.
    """
    with sage_cursor() as cursor:
        if missing := sage_setup.missing_tables(cursor):
            raise no_sage(missing)
        if sage_setup.administrators(cursor):
            return
        if not embedded_db.is_wanted():
            print_message(
                "There is no administrator (role owner.superuser) yet. Make one: "
                "py3/bin/python app/manage.py create-admin",
                "还没有管理员（角色 owner.superuser）。请建立："
                "py3/bin/python app/manage.py create-admin",
            )
            return
        password = sage_setup.generated_password()
        write_secret(config.var_dir, _SECRET, password)
        sage_setup.create_user(cursor, USERNAME, password, "owner.superuser")
    file = config.var_dir / "secrets" / _SECRET
    print_message(
        f"Administrator {USERNAME} is made. Its password stands in {file}; remove the file "
        "when you have it.",
        f"已建立管理员 {USERNAME}，密码在 {file}；取用后请删除该文件。",
    )


class DemoAdministrator:
    """An administrator whose password is known: `admin` as generated, or else one of its own."""

    def __init__(self, config: Settings) -> None:
        self.username, self.password = _known_account(config) or _own(config)


def demo_file(config: Settings) -> Path:
    """Return where the demo writes down what scripts need."""
    return config.var_dir / "demo.json"


def read_demo_file(config: Settings) -> dict[str, Any]:
    """Read what an earlier demo wrote down; {} when there is none or it is damaged."""
    try:
        content = json.loads(demo_file(config).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _known_account(config: Settings) -> tuple[str, str] | None:
    """Return a name and password that still hold, out of what earlier starts wrote down."""
    earlier = read_demo_file(config).get("admin") or {}
    candidates = [
        (USERNAME, secret(config.var_dir, _SECRET, make=False)),
        (str(earlier.get("username", "")), str(earlier.get("password", ""))),
    ]
    with sage_cursor() as cursor:
        administrators = sage_setup.administrators(cursor)
        for username, password in candidates:
            user = sage_setup.find_user(cursor, username) if username in administrators else None
            if user is None or not password:
                continue
            if hmac.compare_digest(
                sage_setup.stored_password(password).encode(), str(user["password"]).encode()
            ):
                return username, password
    return None


def _own(config: Settings) -> tuple[str, str]:
    """Give the user `demo-admin` a new password: nobody else's is touched."""
    if not embedded_db.is_wanted():
        raise CommandError(
            "The demo needs an administrator whose password it knows, and makes none in a Sage "
            "database of yours. Make one and load the demo by: py3/bin/python app/manage.py demo "
            "--username NAME --password-stdin",
            "演示需要一个已知密码的管理员，但不会在您自己的 Sage 数据库中建立。请先建立，再执行："
            "py3/bin/python app/manage.py demo --username 用户名 --password-stdin",
        )
    password = sage_setup.generated_password()
    with sage_cursor() as cursor:
        user = sage_setup.find_user(cursor, DEMO_USERNAME)
        if user:
            sage_setup.set_password(cursor, user["id"], password)
        else:
            sage_setup.create_user(cursor, DEMO_USERNAME, password, "owner.superuser")
    return DEMO_USERNAME, password
