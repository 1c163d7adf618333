"""
A small Sage RBAC database where there is none, and its users.

Everything else about Sage's tables is read-only (app/access/rbac.py); what stands here is used by
the operators' commands only: the first set-up, and making an administrator.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymysql
from appPublic.rc4 import password as password_encode

from app.base.catalogue.requests import DATABASE_UNAVAILABLE
from app.base.ids import new_id
from app.base.settings import DatabaseSettings, settings
from app.db.blocking import open_blocking
from app.db.errors import refusal_of
from app.runtime.terminal import CommandError

TABLES = ("users", "organization", "role", "userrole", "permission", "rolepermission")
ROLES = ("superuser", "operator", "viewer")
OWNER_ORG_ID = "0"
MIN_PASSWORD_LENGTH = 8
# Stands in the comment of the table `users` where we made it (sage_schema.sql).
OWN_MARK = "Pipeline-App"
_SCHEMA = Path(__file__).with_name("sage_schema.sql")

Cursor = Any

_ADVICE = (
    "Check that it runs, and conf/config.json or PIPELINE_DB_PASSWORD.",
    "请确认它在运行，并检查 conf/config.json 或 PIPELINE_DB_PASSWORD。",
)


@contextmanager
def sage_cursor() -> Iterator[Cursor]:
    """Open a cursor on the Sage database in one transaction; rows are dicts."""
    with database_cursor(settings().sage_database) as cursor:
        yield cursor


@contextmanager
def database_cursor(place: DatabaseSettings) -> Iterator[Cursor]:
    """Open a blocking cursor on *place* in one transaction; CommandError when it cannot be
    reached."""
    try:
        connection = open_blocking(place)
    except pymysql.err.MySQLError as exc:
        where = ", ".join(map(place.where, place.hosts))
        refusal = refusal_of(exc)
        advice = _ADVICE if refusal is DATABASE_UNAVAILABLE else (refusal.en, refusal.zh)
        raise CommandError(
            f"The database {place.name} at {where} cannot be opened as user {place.user}: "
            f"{exc.args[-1]}. {advice[0]}",
            f"无法以用户 {place.user} 打开 {where} 上的数据库 {place.name}：{exc.args[-1]}。"
            f"{advice[1]}",
        ) from None
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
            connection.commit()
    except pymysql.err.MySQLError as exc:
        raise CommandError(
            f"The database {place.name} refused: {exc.args[-1]}. Nothing was changed; grant user "
            f"{place.user} the right (see README.md), or do it with Sage's own tools.",
            f"数据库 {place.name} 拒绝：{exc.args[-1]}。未作改动；请授予用户 {place.user} 相应权限"
            "（见 README.zh-CN.md），或使用 Sage 自己的工具。",
        ) from None


def missing_tables(cursor: Cursor) -> list[str]:
    """Return the RBAC tables that the Sage database lacks; all of them means there is no Sage."""
    cursor.execute(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()"
    )
    names = {str(row["name"]).lower() for row in cursor.fetchall()}
    return [name for name in TABLES if name not in names]


def is_made_here(cursor: Cursor) -> bool:
    """Return whether the tables are ours, made by `set_up`, and not those of a Sage."""
    cursor.execute(
        "SELECT table_comment AS comment FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND table_name = 'users'"
    )
    row = cursor.fetchone()
    return row is not None and OWN_MARK in str(row["comment"])


def set_up(cursor: Cursor) -> None:
    """Make the tables, the organisation `owner` and the roles, where they are not there yet."""
    text = re.sub(r"^--.*$", "", _SCHEMA.read_text("utf-8"), flags=re.MULTILINE)
    for statement in filter(None, (part.strip() for part in text.split(";"))):
        cursor.execute(statement)
    cursor.execute(
        "INSERT IGNORE INTO organization (id, orgname, orgabbr) VALUES (%s, %s, %s)",
        (OWNER_ORG_ID, "owner", "owner"),
    )
    cursor.execute(
        "SELECT 1 FROM orgtypes WHERE orgid = %s AND orgtypeid = 'owner'", (OWNER_ORG_ID,)
    )
    if not cursor.fetchone():
        cursor.execute(
            "INSERT INTO orgtypes (id, orgid, orgtypeid) VALUES (%s, %s, 'owner')",
            (new_id(), OWNER_ORG_ID),
        )
    # These three are known by their ids; everybody has them without a userrole.
    for name in ("any", "logined", "anonymous"):
        cursor.execute(
            "INSERT IGNORE INTO role (id, orgtypeid, name) VALUES (%s, '0', %s)", (name, name)
        )
    for name in ROLES:
        if role_id(cursor, f"owner.{name}") is None:
            cursor.execute(
                "INSERT INTO role (id, orgtypeid, name) VALUES (%s, 'owner', %s)", (new_id(), name)
            )


def role_id(cursor: Cursor, full_name: str) -> str | None:
    """Return the id of the role `orgtype.name`, or None."""
    orgtype, _, name = full_name.partition(".")
    cursor.execute("SELECT id FROM role WHERE orgtypeid = %s AND name = %s", (orgtype, name))
    row = cursor.fetchone()
    return str(row["id"]) if row else None


def administrators(cursor: Cursor) -> list[str]:
    """Return the names of usable users with the role owner.superuser."""
    cursor.execute(
        "SELECT u.username FROM users u JOIN userrole ur ON ur.userid = u.id "
        "JOIN role r ON r.id = ur.roleid "
        "WHERE r.orgtypeid = 'owner' AND r.name = 'superuser' "
        "AND COALESCE(u.user_status, '0') = '0' ORDER BY u.username"
    )
    return [str(row["username"]) for row in cursor.fetchall()]


def find_user(cursor: Cursor, username: str) -> dict[str, Any] | None:
    """Find the user's id, name, stored password and status, or None."""
    cursor.execute(
        "SELECT id, username, password, user_status FROM users WHERE username = %s", (username,)
    )
    user: dict[str, Any] | None = cursor.fetchone()
    return user


def create_user(cursor: Cursor, username: str, password: str, role: str) -> str:
    """Make a user of the owner organisation with *role* (`orgtype.name`); returns the id."""
    found_role = role_id(cursor, role)
    if found_role is None:
        raise CommandError(
            f"The Sage database has no role {role}. Make it there, or name another by --role.",
            f"Sage 数据库中没有角色 {role}。请先建立它，或用 --role 指定其他角色。",
        )
    user_id = new_id()
    cursor.execute(
        "INSERT INTO users (id, username, password, orgid, nick_name, user_status, created_at) "
        "VALUES (%s, %s, %s, %s, %s, '0', %s)",
        (
            user_id,
            username,
            stored_password(password),
            OWNER_ORG_ID,
            username,
            datetime.now(UTC).date(),
        ),
    )
    cursor.execute(
        "INSERT INTO userrole (id, userid, roleid) VALUES (%s, %s, %s)",
        (new_id(), user_id, found_role),
    )
    return user_id


def set_password(cursor: Cursor, user_id: str, password: str) -> None:
    """Give the user another password; ending the sessions is the caller's job."""
    cursor.execute("SHOW COLUMNS FROM users LIKE 'login\\_fail\\_count'")
    forgiven = ", login_fail_count = 0" if cursor.fetchone() else ""
    cursor.execute(
        f"UPDATE users SET password = %s{forgiven} WHERE id = %s",  # noqa: S608
        (stored_password(password), user_id),
    )


def stored_password(password: str) -> str:
    """Return *password* as Sage stores it: ahserver's `password_encode` with this installation's
    key."""
    return str(password_encode(password, key=settings().password_key))


def generated_password() -> str:
    """Return a password for a person to type: 20 characters, 100 random bits, none that look
    alike."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "".join(secrets.choice(letters) for _ in range(20))
