"""
Who may use a path, what a user may do, and why: the guard's rule, told with its reasons.

`manage.py who-may`, `manage.py may` and the page /rights.ui all ask here. The rule itself is
`covers` and `implied_roles` of app/access/rbac.py; a test holds the two against each other.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.access.paths import OPEN_PATHS, Target, plain_path as one_spelling
from app.access.rbac import (
    ANONYMOUS,
    ANY,
    LOGINED,
    OWN_ROLES,
    covers,
    effective_roles,
    grant_rows,
    implied_roles,
    plain_path,
    prefix_of,
    role_name,
)
from app.base.catalogue.records import USER_NOT_FOUND, USER_NOT_FOUND_BUT_ALIKE
from app.base.errors import NotFound
from app.db.transactions import reading

Find = Callable[[str], Target | None]
_USERS = """
select u.id, u.username, u.orgid, u.user_status, ur.roleid, r.orgtypeid, r.name
  from users u
  left join userrole ur on ur.userid = u.id
  left join role r on r.id = ur.roleid
 order by u.username, u.id
"""


@dataclass(frozen=True)
class Permission:
    """A row of Sage's `permission`, and the roles that have it."""

    permission_id: str
    registered: str
    module: str
    audited: bool
    roles: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the permission as JSON tells it; `match` says how its path is meant."""
        exact = prefix_of(plain_path(self.registered)) is None
        return {
            "permission": self.permission_id,
            "registered": self.registered,
            "match": "exact" if exact else "prefix",
            "module": self.module,
            "audited": self.audited,
            "roles": list(self.roles),
        }


@dataclass(frozen=True)
class User:
    """A user of Sage and the roles given to it."""

    user_id: str
    username: str
    org_id: str
    enabled: bool
    roles: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return who it is, as JSON tells it."""
        return {
            "user_id": self.user_id,
            "username": self.username,
            "org_id": self.org_id,
            "enabled": self.enabled,
        }


@dataclass(frozen=True)
class Facts:
    """What Sage's tables say, all of the same moment."""

    permissions: tuple[Permission, ...]
    users: tuple[User, ...]

    def covering(self, path: str) -> list[Permission]:
        """Return the permissions for *path*, exact ones first, then the longest prefixes."""
        permissions = [item for item in self.permissions if covers(item.registered, path)]
        return sorted(
            permissions,
            key=lambda item: (
                prefix_of(item.registered) is not None,
                -len(item.registered),
                item.registered,
            ),
        )

    def user(self, username: str) -> User:
        """Return the user of exactly this name; NotFound, with a name that differs in case only."""
        for user in self.users:
            if user.username == username:
                return user
        near = [u.username for u in self.users if u.username.casefold() == username.casefold()]
        if near:
            raise USER_NOT_FOUND_BUT_ALIKE(name=username, near=near[0])
        raise USER_NOT_FOUND(name=username)


async def read_facts() -> Facts:
    """Read Sage's permissions, roles and users in one snapshot."""
    async with reading("sage", snapshot=True) as sor:
        grants = await grant_rows(sor)
        users = await sor.sqlExe(_USERS, {})
    return Facts(_permissions(grants), _users(users))


def _permissions(rows: Iterable[Mapping[str, Any]]) -> tuple[Permission, ...]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["id"], []).append(row)
    return tuple(
        Permission(
            permission_id,
            group[0]["path"] or "",
            group[0]["module"] or "",
            group[0]["need_audit"] == "1",
            tuple(sorted({role_name(row) for row in group if _is_there(row)})),
        )
        for permission_id, group in groups.items()
    )


def _is_there(row: Mapping[str, Any]) -> bool:
    """Return whether the role of a right exists; the right of one that is gone is nobody's."""
    return row["roleid"] in OWN_ROLES or row["name"] is not None


def _users(rows: Iterable[Mapping[str, Any]]) -> tuple[User, ...]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["id"], []).append(row)
    return tuple(
        User(
            user_id,
            group[0]["username"] or "",
            group[0]["orgid"] or "",
            (group[0]["user_status"] or "0") == "0",
            tuple(
                sorted(
                    role_name(row)
                    for row in group
                    if row["name"] is not None and row["roleid"] not in OWN_ROLES
                )
            ),
        )
        for user_id, group in groups.items()
    )


def who_may(facts: Facts, path: str, find: Find) -> dict[str, Any]:
    """Return which roles and users may use *path*, and through what. *find* is `WebPaths.find`."""
    place = _place(path, find)
    permissions = [] if place["reason"] else facts.covering(place["decided_by"])
    roles = sorted({role for item in permissions for role in item.roles})
    users = [
        user.as_dict() | {"because": because}
        for user in facts.users
        if user.enabled and (because := _grants(permissions, user))
    ]
    open_to_all = place["reason"] == "open"
    reason = place["reason"] or (
        "not_registered" if not permissions else "no_role" if not roles else "granted"
    )
    return place | {
        "reason": reason,
        "permissions": [item.as_dict() for item in permissions],
        "roles": roles,
        "anonymous": open_to_all or not {ANY, ANONYMOUS}.isdisjoint(roles),
        "signed_in": open_to_all or not {ANY, LOGINED}.isdisjoint(roles),
        "users": users,
    }


def what_may(facts: Facts, username: str, path: str | None, find: Find) -> dict[str, Any]:
    """
    Return what the user may do, and through which role; with *path* whether the user may use it,
    and why.

    Raises NotFound when Sage has no such user.
    """
    user = facts.user(username)
    answer = user.as_dict() | {
        "roles": list(user.roles),
        "effective_roles": sorted(effective_roles(user.roles, signed_in=True)),
    }
    if path is not None:
        return answer | _may_use(facts, user, _place(path, find))
    pairs = [(item, _grants([item], user)) for item in facts.permissions]
    return answer | {
        "permissions": [
            item.as_dict() | {"because": because}
            for item, because in sorted(pairs, key=lambda pair: pair[0].registered)
            if because
        ]
    }


def _may_use(facts: Facts, user: User, place: Mapping[str, Any]) -> dict[str, Any]:
    permissions = [] if place["reason"] else facts.covering(place["decided_by"])
    because = _grants(permissions, user)
    if place["reason"]:
        reason = place["reason"]
    elif not user.enabled:
        reason = "disabled"
    elif because:
        reason = "granted"
    elif not permissions:
        reason = "not_registered"
    else:
        reason = "not_his_roles" if any(item.roles for item in permissions) else "no_role"
    return {
        **place,
        "reason": reason,
        "allowed": reason in ("granted", "open"),
        "permissions": [item.as_dict() for item in permissions],
        "because": because,
    }


def _grants(permissions: Iterable[Permission], user: User) -> list[dict[str, Any]]:
    """Return each role through which *user* has one of *permissions*: the role, and which is
    held."""
    return [
        {"registered": item.registered, "role": role, "held": held_role}
        for item in permissions
        for role in item.roles
        for held_role in _held_roles(role, user)
    ]


def _held_roles(role: str, user: User) -> list[str | None]:
    """Return the roles of *user* that count as *role*; [None] when everybody signed in has it."""
    if role in (ANY, LOGINED):
        return [None]
    return [held_role for held_role in user.roles if role in implied_roles(held_role)]


def _place(path: str, find: Find) -> dict[str, Any]:
    """Return the path in its one spelling, the file's own path, which decides, and what needs no
    look."""
    address = path if path.startswith("/") else f"/{path}"
    try:
        place = one_spelling(address)
    except NotFound:
        reason = "no_such_spelling"
        return {"path": address, "decided_by": address, "exists": False, "reason": reason}
    target = find(place)
    return {
        "path": place,
        "decided_by": place if target is None else target.url,
        "exists": target is not None or place in OPEN_PATHS,
        "reason": "open" if place in OPEN_PATHS else "",
    }
