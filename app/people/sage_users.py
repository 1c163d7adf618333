"""
Users and roles in Sage's tables, where they are ours to change: where `setup-sage` made them.

A Sage that others look after is only read (app/access/rbac.py): each change here asks first whose
it is. What must not be lost by two at once, the last administrator, is written: see `take_turn`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from app.access.rbac import OWN_ROLES, role_name
from app.access.sage_setup import OWN_MARK, OWNER_ORG_ID, stored_password
from app.base.catalogue.people import LAST_ADMINISTRATOR, USERS_ARE_SAGES
from app.base.clock import now
from app.base.ids import new_id
from app.db.sqlor import Row, SafeSqlor

SUPERUSER = "owner.superuser"
MAX_USERS = 500
USABLE, DISABLED = "0", "1"
_COLUMNS = (
    "u.id, u.username, u.user_status, u.password is null or u.password = '' as has_no_password"
)
# Who is disabled, or was invited and has not come yet, looks after nothing.
_ADMINISTRATORS = """
select distinct u.id from users u
  join userrole ur on ur.userid = u.id join role r on r.id = ur.roleid
 where r.orgtypeid = 'owner' and r.name = 'superuser' and coalesce(u.user_status, '0') = '0'
   and u.password > ''
"""


async def users_are_ours(sor: SafeSqlor) -> bool:
    """Return whether the tables that *sor* (on Sage's database) sees were made here."""
    comment = await sor.firsts(
        "select table_comment as comment from information_schema.tables"
        " where table_schema = database() and table_name = 'users'",
        {},
    )
    return bool(comment) and OWN_MARK in str(comment[0])


async def require_ours(sor: SafeSqlor) -> None:
    """Raise Conflict where users are looked after in Sage."""
    if not await users_are_ours(sor):
        raise USERS_ARE_SAGES()


async def find_users(sor: SafeSqlor, pattern: str) -> list[Row]:
    """Return at most MAX_USERS + 1 users whose names are like *pattern*, by name: id, username,
    user_status, has_no_password, last_login (None where Sage does not note it)."""
    last = "u.last_login" if "last_login" in await sor.columns("users") else "null"
    rows: list[Row] = await sor.sqlExe(
        f"select {_COLUMNS}, {last} as last_login from users u"  # noqa: S608  columns of this file
        f" where u.username like ${{pattern}}$ order by u.username, u.id limit {MAX_USERS + 1}",
        {"pattern": pattern},
    )
    return rows


async def find_user(sor: SafeSqlor, user_id: str) -> Row | None:
    """Return one user as `user_row` does, without a lock: also of a Sage that is only read."""
    return await _user_row(sor, user_id, "")


async def user_row(sor: SafeSqlor, user_id: str) -> Row | None:
    """Return one user, locked until the transaction ends: id, username, user_status,
    has_no_password; None when there is none."""
    return await _user_row(sor, user_id, " for update")


async def _user_row(sor: SafeSqlor, user_id: str, lock: str) -> Row | None:
    row: Row | None = await sor.one(
        f"select {_COLUMNS} from users u where u.id = ${{id}}${lock}",  # noqa: S608
        {"id": user_id},
    )
    return row if row is not None and row.id == user_id else None


async def roles_by_user(sor: SafeSqlor, user_ids: Iterable[str]) -> dict[str, list[str]]:
    """Return the full names of the roles of each of these users."""
    ids = list(user_ids)
    rows = await sor.sqlExe(
        "select ur.userid, ur.roleid, r.orgtypeid, r.name from userrole ur"
        " join role r on r.id = ur.roleid where ur.userid in ${ids}$ order by r.orgtypeid, r.name",
        {"ids": ids},
    ) if ids else []  # fmt: skip
    names: dict[str, list[str]] = {one: [] for one in ids}
    for row in rows:
        if row.roleid not in OWN_ROLES:
            names[row.userid].append(role_name(row))
    return names


async def roles(sor: SafeSqlor) -> dict[str, str]:
    """Return the ids of all roles that can be given, by their full names."""
    rows = await sor.sqlExe(
        "select id as roleid, orgtypeid, name from role order by orgtypeid, name, id", {}
    )
    return {role_name(row): row.roleid for row in rows if row.roleid not in OWN_ROLES}


async def add_user(sor: SafeSqlor, user_id: str, username: str) -> None:
    """Make a user of the owner's organisation without a password: nobody can sign in as it."""
    await sor.C("users", {
        "id": user_id, "username": username, "password": "", "orgid": OWNER_ORG_ID,
        "nick_name": username, "user_status": USABLE, "created_at": now().date(),
    })  # fmt: skip


async def is_taken(sor: SafeSqlor, username: str, user_id: str) -> bool:
    """Return whether another user than *user_id* has this name, or one that the database takes for
    it."""
    return bool(
        await sor.firsts(
            "select id from users where username = ${name}$ and id <> ${id}$",
            {"name": username, "id": user_id},
        )
    )


async def set_status(sor: SafeSqlor, user_id: str, status: str) -> None:
    """Disable or enable a user, in one's turn; raises Conflict for the last administrator."""
    await sor.sqlExe(
        "update users set user_status = ${status}$ where id = ${id}$",
        {"id": user_id, "status": status},
    )
    await _require_administrator(sor)


async def set_roles(sor: SafeSqlor, user_id: str, role_ids: Iterable[str]) -> None:
    """Give a user exactly these roles, in one's turn; raises Conflict for the last
    administrator."""
    await sor.sqlExe("delete from userrole where userid = ${id}$", {"id": user_id})
    for role_id in role_ids:
        await sor.C("userrole", {"id": new_id(), "userid": user_id, "roleid": role_id})
    await _require_administrator(sor)


async def set_password(sor: SafeSqlor, user_id: str, password: str) -> None:
    """Give the user another password; what was noted of failures is forgotten."""
    values: Mapping[str, Any] = {"id": user_id, "password": stored_password(password)}
    columns = await sor.columns("users")
    reset = ", login_fail_count = 0" if "login_fail_count" in columns else ""
    await sor.sqlExe(
        f"update users set password = ${{password}}$ {reset} where id = ${{id}}$",  # noqa: S608
        values,
    )


async def take_turn(sor: SafeSqlor) -> None:
    """
    Let nobody else change who is an administrator until this transaction ends.

    Two that each take the other's right would leave nobody. A look at who is left cannot tell them
    apart, on two nodes not even a lock: so both write one row, which has no other use (its id is
    nowhere referred to), and the later one is refused by the database and begins again.
    """
    mark = {"id": new_id(), "org": OWNER_ORG_ID}
    # One row, should there be two; and one id where there is none, for two that begin at once.
    turn = (
        "update orgtypes set id = ${id}$ where orgid = ${org}$ and orgtypeid = 'owner'"
        " order by id limit 1"
    )
    if not await sor.sqlExe(turn, mark):
        await sor.C("orgtypes", {"id": "owner-of-all", "orgid": OWNER_ORG_ID, "orgtypeid": "owner"})


async def _require_administrator(sor: SafeSqlor) -> None:
    if not await sor.firsts(_ADMINISTRATORS, {}):
        raise LAST_ADMINISTRATOR()
