"""
Users, roles and rights as Sage keeps them, read from the database named by SAGE_RBAC_DB.

Replaces ahserver's `checkUserPermission`, which says yes to everything (AZ-6). Nothing registered
means refused. Tables are remembered for a few seconds per process
(`remembered_seconds`).
"""

import asyncio
import hashlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from app.base.actor import Actor
from app.base.settings import Options
from app.db.sqlor import SafeSqlor
from app.db.transactions import reading

ANY, LOGINED, ANONYMOUS = "any", "logined", "anonymous"
OWN_ROLES = (ANY, LOGINED, ANONYMOUS)
_MAX_DECISIONS, _MAX_DECIDED_LENGTH = 20_000, 300

# A permission that no role has grants nothing, and may still have to be audited.
_RIGHTS = """
select p.id, p.path, p.name as module, coalesce(p.need_audit, '0') as need_audit,
       rp.roleid, r.orgtypeid, r.name
  from permission p
  left join rolepermission rp on rp.permid = p.id
  left join role r on r.id = rp.roleid
"""
_USER = """
select u.id, u.username, u.orgid, u.user_status, u.password, ur.roleid, r.orgtypeid, r.name
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
    audited: dict[str, str]  # path as registered, without /main -> permission id
    decisions: dict[tuple[frozenset[str], str], bool] = field(default_factory=dict)

    def allows(self, roles: frozenset[str], path: str) -> bool:
        """Return whether a caller with *roles* (as `effective_roles` gives them) may use *path*."""
        key = (roles, path)
        decision = self.decisions.get(key)
        if decision is None:
            decision = not roles.isdisjoint(self.roles_for(path))
            # Callers choose the paths: neither their number nor their length may fill the memory.
            if len(self.decisions) < _MAX_DECISIONS and len(path) <= _MAX_DECIDED_LENGTH:
                self.decisions[key] = decision
        return decision

    def roles_for(self, path: str) -> frozenset[str]:
        """Return all roles that may use *path*."""
        place = plain_path(path)
        exact_roles = self.exact.get(place, frozenset())
        for prefix, roles in self.prefixes:
            if place.startswith(prefix):
                exact_roles |= roles
        return exact_roles

    def audited_by(self, path: str) -> str | None:
        """Return the permission that wants each use of *path* written down: the most exact one."""
        place = plain_path(path)
        covering = [registered for registered in self.audited if covers(registered, place)]
        if place in self.audited:
            return self.audited[place]
        return self.audited[max(covering, key=len)] if covering else None


def plain_path(path: str) -> str:
    """Resolve a path with `/main` in front as the one without it."""
    while path.startswith("/main/"):
        path = path[5:]
    return path


def prefix_of(registered: str) -> str | None:
    """Return what paths must begin with to be covered by *registered*; None when it is an exact
    path."""
    for mark in ("**", "%"):
        if registered.endswith(mark):
            return registered.removesuffix(mark)
    return None


def covers(registered: str, path: str) -> bool:
    """Return whether the permission registered as *registered* is one for *path*."""
    place, pattern = plain_path(path), plain_path(registered)
    prefix = prefix_of(pattern)
    if prefix is None:
        return bool(pattern) and place == pattern
    # `%` alone is no path: in Sage too it grants nothing.
    return bool(prefix) and place.startswith(prefix)


def effective_roles(names: Iterable[str], *, signed_in: bool) -> frozenset[str]:
    """
    Return *names* (`orgtype.name`) and what they imply: `orgtype.*`, `*.name`, and the roles
    everybody has: `any`, and `logined` or `anonymous`.
    """
    roles = {ANY, LOGINED if signed_in else ANONYMOUS}
    for name in names:
        roles |= implied_roles(name)
    return frozenset(roles)


def implied_roles(name: str) -> frozenset[str]:
    """Return what the role *name* (`orgtype.name`) counts as: itself and its two wildcards."""
    org_type, _, short = name.partition(".")
    return frozenset({name, f"{org_type}.*", f"*.{short}"})


NOBODY_ROLES = effective_roles((), signed_in=False)


@dataclass(frozen=True)
class SageUser:
    """A user and the full names of the roles."""

    user_id: str
    username: str
    org_id: str
    usable: bool
    role_names: frozenset[str]
    # Tells whether the password is still the same one; not the password.
    credentials: str = ""

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
    """Sage's tables, remembered for so many seconds."""

    def __init__(self, remembered_seconds: float = Options.remembered_seconds) -> None:
        self._remembered_seconds = remembered_seconds
        self._rights: tuple[float, Rights] | None = None
        self._rights_coming: asyncio.Task[Rights] | None = None
        self._users: dict[str, tuple[float, SageUser | None]] = {}

    async def rights(self) -> Rights:
        """Return the table of rights, not older than is remembered."""
        entry = self._rights
        if entry is not None and self._is_fresh(entry[0]):
            return entry[1]
        # One reads for all who wait, and fails for all: they notice its age in the same moment.
        if self._rights_coming is None or self._rights_coming.done():
            self._rights_coming = asyncio.create_task(self._read_rights())
        # Shielded, since the one who asked first may go away.
        return await asyncio.shield(self._rights_coming)

    async def _read_rights(self) -> Rights:
        began_at = time.monotonic()
        async with reading("sage") as sor:
            rights = rights_of(await grant_rows(sor))
        self._rights = (began_at, rights)
        return rights

    async def user(self, user_id: str, *, fresh: bool = False) -> SageUser | None:
        """Return the user with this id and his roles, as remembered; None when there is none."""
        entry = None if fresh else self._users.get(user_id)
        if entry is not None and self._is_fresh(entry[0]):
            return entry[1]
        began_at = time.monotonic()
        user = await read_user(user_id)
        if len(self._users) > 10_000:
            self._users.clear()
        self._users[user_id] = (began_at, user)
        return user

    def forget(self, user_id: str) -> None:
        """Read the user anew at the next request: something about him was changed here."""
        self._users.pop(user_id, None)

    def _is_fresh(self, read_at: float) -> bool:
        return time.monotonic() - read_at <= self._remembered_seconds


async def grant_rows(sor: SafeSqlor) -> list[Any]:
    """Return each permission with each role that has it: id, path, module, need_audit, roleid,
    role."""
    rows: list[Any] = await sor.sqlExe(_RIGHTS, {})
    return rows


async def read_user(user_id: str) -> SageUser | None:
    """Return the user with this id and the roles as the database has them now."""
    async with reading("sage") as sor:
        return await user_of(sor, user_id)


async def user_of(sor: SafeSqlor, user_id: str) -> SageUser | None:
    """Return the user with this id and the roles as *sor*, on Sage's database, sees them."""
    rows = await sor.sqlExe(_USER, {"id": user_id})
    if not rows:
        return None
    first = rows[0]
    return SageUser(
        user_id=first.id,
        username=first.username or "",
        org_id=first.orgid or "",
        usable=(first.user_status or "0") == "0",
        role_names=frozenset(
            role_name(row) for row in rows if row.name is not None and row.roleid not in OWN_ROLES
        ),
        credentials=credentials_of(first.id, first.password),
    )


def credentials_of(user_id: str, password: str | None) -> str:
    """Return what changes with a user's stored password and does not tell it."""
    return hashlib.sha256(f"{user_id}:{password}".encode()).hexdigest()


def rights_of(rows: Iterable[Mapping[str, Any]]) -> Rights:
    """Return the table that answers fast, out of *rows* as `grant_rows` gives them."""
    exact: dict[str, set[str]] = {}
    prefixes: dict[str, set[str]] = {}
    audited: dict[str, str] = {}
    for row in rows:
        path = plain_path(row["path"] or "")
        prefix = prefix_of(path)
        if not path or prefix == "":
            continue
        if row["need_audit"] == "1":
            audited[path] = row["id"]
        if row["roleid"] is not None:
            place = exact if prefix is None else prefixes
            place.setdefault(path if prefix is None else prefix, set()).add(role_name(row))
    return Rights(
        {path: frozenset(roles) for path, roles in exact.items()},
        tuple((prefix, frozenset(roles)) for prefix, roles in sorted(prefixes.items())),
        audited,
    )


def role_name(row: Mapping[str, Any]) -> str:
    """Return the full name of a row's role; the three roles of everybody are known by their ids."""
    if row["roleid"] in OWN_ROLES:
        return str(row["roleid"])
    # A right of a role that is gone belongs to nobody.
    if row["name"] is None:
        return f"?{row['roleid']}"
    return f"{row['orgtypeid'] or '0'}.{row['name']}"
