"""
Users, roles and rights as Sage keeps them, read from the database named by SAGE_RBAC_DB.

Replaces ahserver's `checkUserPermission`, which says yes to everything (AZ-6). Nothing registered
means refused. Tables are remembered for at most 5 s per process.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from app.actor import Actor
from app.database import reading

REMEMBERED_SECONDS = 5.0
ANY, LOGINED, ANONYMOUS = "any", "logined", "anonymous"

_RIGHTS = """
select p.id, p.path, coalesce(p.need_audit, '0') as need_audit, rp.roleid, r.orgtypeid, r.name
  from rolepermission rp
  join permission p on p.id = rp.permid
  left join role r on r.id = rp.roleid
"""
_USER = """
select u.id, u.username, u.orgid, u.user_status, r.orgtypeid, r.name
  from users u
  left join userrole ur on ur.userid = u.id
  left join role r on r.id = ur.roleid
 where u.id = ${id}$
"""


@dataclass(frozen=True)
class Rights:
    """Which roles may use which path: exact paths, and prefixes (stored as `…**` or `…%`)."""

    exact: dict[str, frozenset[str]]
    prefixes: tuple[tuple[str, frozenset[str]], ...]
    audited: dict[str, str]  # path as registered -> permission id
    decisions: dict[tuple[frozenset[str], str], bool] = field(default_factory=dict)

    def allows(self, roles: frozenset[str], path: str) -> bool:
        """Whether a caller with *roles* (as `effective_roles` gives them) may use *path*."""
        key = (roles, path)
        known = self.decisions.get(key)
        if known is None:
            known = not roles.isdisjoint(self.roles_for(path))
            if len(self.decisions) < 20_000:
                self.decisions[key] = known
        return known

    def roles_for(self, path: str) -> frozenset[str]:
        """All roles that may use *path*."""
        wanted = plain_path(path)
        found = self.exact.get(wanted, frozenset())
        for prefix, roles in self.prefixes:
            if wanted.startswith(prefix):
                found |= roles
        return found


def plain_path(path: str) -> str:
    """A path with `/main` in front is the same as without it."""
    return path[5:] if path.startswith("/main/") else path


def effective_roles(names: Iterable[str], *, signed_in: bool) -> frozenset[str]:
    """
    *names* (`orgtype.name`) and what they imply: `orgtype.*`, `*.name`, and the roles everybody
    has: `any`, and `logined` or `anonymous`.
    """
    roles = {ANY, LOGINED if signed_in else ANONYMOUS}
    for name in names:
        org_type, _, short = name.partition(".")
        roles |= {name, f"{org_type}.*", f"*.{short}"}
    return frozenset(roles)


NOBODY_ROLES = effective_roles((), signed_in=False)


@dataclass(frozen=True)
class SageUser:
    """A user and the full names of his roles."""

    user_id: str
    username: str
    org_id: str
    usable: bool
    role_names: frozenset[str]

    @cached_property
    def actor(self) -> Actor:
        """The user as the one who asks."""
        return Actor(
            user_id=self.user_id,
            username=self.username,
            org_id=self.org_id,
            roles=effective_roles(self.role_names, signed_in=True),
        )


class SageRbac:
    """Sage's tables, remembered for a few seconds."""

    def __init__(self) -> None:
        self._rights: tuple[float, Rights] | None = None
        self._users: dict[str, tuple[float, SageUser | None]] = {}

    async def rights(self) -> Rights:
        """The table of rights, at most 5 s old."""
        if self._rights is None or time.monotonic() - self._rights[0] > REMEMBERED_SECONDS:
            started = time.monotonic()
            async with reading("sage") as sor:
                rows = await sor.sqlExe(_RIGHTS, {})
            self._rights = (started, _rights_of(rows))
        return self._rights[1]

    async def user(self, user_id: str) -> SageUser | None:
        """The user with this id and his roles, at most 5 s old; None when there is none."""
        known = self._users.get(user_id)
        if known is not None and time.monotonic() - known[0] <= REMEMBERED_SECONDS:
            return known[1]
        started = time.monotonic()
        found = await read_user(user_id)
        if len(self._users) > 10_000:
            self._users.clear()
        self._users[user_id] = (started, found)
        return found


async def read_user(user_id: str) -> SageUser | None:
    """The user with this id and his roles as the database has them now."""
    async with reading("sage") as sor:
        rows = await sor.sqlExe(_USER, {"id": user_id})
    if not rows:
        return None
    first = rows[0]
    return SageUser(
        user_id=first.id,
        username=first.username or "",
        org_id=first.orgid or "",
        usable=(first.user_status or "0") == "0",
        role_names=frozenset(f"{row.orgtypeid}.{row.name}" for row in rows if row.name is not None),
    )


def _rights_of(rows: Iterable[dict[str, str]]) -> Rights:
    exact: dict[str, set[str]] = {}
    prefixes: dict[str, set[str]] = {}
    audited: dict[str, str] = {}
    for row in rows:
        role = _role_name(row)
        path = plain_path(row["path"] or "")
        if path.endswith(("**", "%")):
            prefixes.setdefault(path.rstrip("*%"), set()).add(role)
        else:
            exact.setdefault(path, set()).add(role)
        if row["need_audit"] == "1":
            audited[path] = row["id"]
    return Rights(
        {path: frozenset(roles) for path, roles in exact.items()},
        tuple((prefix, frozenset(roles)) for prefix, roles in sorted(prefixes.items())),
        audited,
    )


def _role_name(row: dict[str, str]) -> str:
    if row["roleid"] in (ANY, LOGINED, ANONYMOUS):
        return row["roleid"]
    return f"{row['orgtypeid']}.{row['name']}" if row["name"] is not None else f"?{row['roleid']}"
