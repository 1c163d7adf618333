"""
Registering a module's paths and roles in Sage, for the modules' `scripts/load_path.py`.

What stands in Sage's tables belongs to Sage's administrators, except what has our mark in its id:
only that is taken away again.
"""

import asyncio
import hashlib
import sys
from collections.abc import Iterable, Mapping

import aiomysql

from app.access.rbac import ANY, LOGINED, OWN_ROLES, covers, grant_rows
from app.base.catalogue.records import PATH_SPELLING
from app.base.errors import AppError
from app.base.ids import new_id
from app.base.refusals import DuplicateKey
from app.base.settings_checks import ConfigError
from app.db.pool import pools
from app.db.sqlor import SafeSqlor
from app.db.transactions import in_transaction, reading
from app.runtime.terminal import print_message

PathsByRole = Mapping[str, tuple[str, ...]]
_TRIES = 3
_NO_SUCH_TABLE = 1146
_NO_SAGE = (
    ". Sage's tables are not there: name Sage's database by SAGE_RBAC_DB, or where there is no "
    "Sage, make them by: py3/bin/python app/manage.py setup-sage"
)


def register_paths(
    module: str,
    *,
    any_: Iterable[str] = (),
    logined: Iterable[str] = (),
    roles: Mapping[str, Iterable[str]] | None = None,
) -> None:
    """
    Register *module*'s paths: for everybody, for the logged in, and per role `orgtype.name`.

    Running it twice changes nothing; what is no longer listed goes. Ends the process with a clear
    sentence when the database cannot be reached or refuses.
    """
    by_role = {ANY: tuple(any_), LOGINED: tuple(logined)}
    by_role |= {name: tuple(paths) for name, paths in (roles or {}).items()}
    try:
        added_count, removed_count, wider = asyncio.run(_register(module, by_role))
    except (AppError, ConfigError, aiomysql.MySQLError) as exc:
        advice = _NO_SAGE if exc.args and exc.args[0] == _NO_SUCH_TABLE else ""
        sys.exit(f"load_path {module}: {exc} ({exc.__cause__ or type(exc).__name__}){advice}")
    count = sum(map(len, by_role.values()))
    sys.stdout.write(f"{module}: {count} rights, {added_count} added, {removed_count} removed\n")
    for role, path in wider:
        print_message(
            f"{module}: mind that Sage itself gives {path} to everybody who is `{role}`.",
            f"{module}：请注意，Sage 自身已把 {path} 授予所有 `{role}` 用户。",
        )


async def _register(module: str, by_role: PathsByRole) -> tuple[int, int, list[tuple[str, str]]]:
    try:
        added_count, removed_count = await _write(module, by_role)
        async with reading("sage") as sor:
            return added_count, removed_count, _open_paths(await grant_rows(sor), by_role)
    finally:
        await pools().close()


async def _write(module: str, by_role: PathsByRole) -> tuple[int, int]:
    for _ in range(_TRIES - 1):
        try:
            return await in_transaction(lambda sor: write_paths(sor, module, by_role), "sage")
        except DuplicateKey:
            # Another host registers the same paths at this moment; they are there now.
            continue
    return await in_transaction(lambda sor: write_paths(sor, module, by_role), "sage")


def _open_paths(rows: Iterable[Mapping[str, str]], by_role: PathsByRole) -> list[tuple[str, str]]:
    """Return what others gave to `any`, `logined` or `anonymous` that covers more than we want."""
    ours = {path for role_paths in by_role.values() for path in role_paths}
    wider = set()
    for row in rows:
        role, path = row["roleid"], row["path"] or ""
        own_paths = by_role.get(role, ()) if role in OWN_ROLES else None
        if own_paths is None or path in own_paths:
            continue
        if any(covers(path, item) and item not in own_paths for item in ours):
            wider.add((role, path))
    return sorted(wider)


async def write_paths(sor: SafeSqlor, module: str, by_role: PathsByRole) -> tuple[int, int]:
    """Make Sage's tables say *by_role* for *module*; how many rights were added and removed."""
    role_ids = {name: await _role_id(sor, name) for name in by_role}
    paths = sorted({path for role_paths in by_role.values() for path in role_paths})
    permission_ids = {path: await _permission_id(sor, module, path) for path in paths}
    pairs = {
        (role_ids[name], permission_ids[path]): _own_id(module, f"{name} {path}")
        for name, role_paths in by_role.items()
        for path in role_paths
    }
    # Those that go make room first: a role or permission made anew in Sage has another id.
    removed_count = await _take_back(sor, module, pairs.keys())
    present = await sor.sqlExe(
        "select roleid, permid from rolepermission where permid in ${ids}$",
        {"ids": list(permission_ids.values())},
    )
    missing = pairs.keys() - {(row.roleid, row.permid) for row in present}
    for role_id, permission_id in sorted(missing):
        row = {"roleid": role_id, "permid": permission_id}
        await sor.C("rolepermission", {"id": pairs[role_id, permission_id], **row})
    await _delete_unused(sor, module, permission_ids.values())
    return len(missing), removed_count


async def _take_back(sor: SafeSqlor, module: str, pairs: Iterable[tuple[str, str]]) -> int:
    """Remove the rights that *module* gave and no longer wants."""
    pairs_to_keep = set(pairs)
    rows = await sor.sqlExe(
        "select id, roleid, permid from rolepermission where id like ${mark}$",
        {"mark": f"{_mark(module)}%"},
    )
    gone = [row.id for row in rows if (row.roleid, row.permid) not in pairs_to_keep]
    if gone:
        await sor.sqlExe("delete from rolepermission where id in ${ids}$", {"ids": gone})
    return len(gone)


async def _delete_unused(sor: SafeSqlor, module: str, ids: Iterable[str]) -> None:
    """Remove the permissions that *module* made, no longer uses, and nobody has a right to."""
    ids_in_use = set(ids)
    rows = await sor.sqlExe(
        "select id from permission where id like ${mark}$"
        " and id not in (select permid from rolepermission where permid is not null)",
        {"mark": f"{_mark(module)}%"},
    )
    unused = [row.id for row in rows if row.id not in ids_in_use]
    if unused:
        await sor.sqlExe("delete from permission where id in ${ids}$", {"ids": unused})


def _mark(module: str) -> str:
    return f"pl{hashlib.sha256(module.encode()).hexdigest()[:6]}"


def _own_id(module: str, what: str) -> str:
    return _mark(module) + hashlib.sha256(what.encode()).hexdigest()[:24]


async def _role_id(sor: SafeSqlor, name: str) -> str:
    if name in OWN_ROLES:
        if not await sor.one("select id from role where id = ${id}$", {"id": name}):
            await sor.C("role", {"id": name, "orgtypeid": "0", "name": name})
        return name
    org_type, _, short = name.partition(".")
    ns = {"orgtypeid": org_type, "name": short}
    # The column's collation takes `Owner` for `owner`; roles are told apart by their exact names.
    for row in await sor.sqlExe(
        "select id, orgtypeid, name from role where orgtypeid = ${orgtypeid}$ and name = ${name}$"
        " order by id",
        ns,
    ):
        if (row.orgtypeid, row.name) == (org_type, short):
            return str(row.id)
    role_id = new_id()
    await sor.C("role", {"id": role_id, **ns})
    return role_id


async def _permission_id(sor: SafeSqlor, module: str, path: str) -> str:
    rows = await sor.sqlExe("select id, path from permission where path = ${path}$", {"path": path})
    for row in rows:
        if row.path == path:
            return str(row.id)
    if rows:
        raise PATH_SPELLING(found=rows[0].path, path=path)
    permission_id = _own_id(module, path)
    # An administrator may have given the row that we made another path.
    if await sor.one("select id from permission where id = ${id}$", {"id": permission_id}):
        permission_id = _mark(module) + hashlib.sha256(new_id().encode()).hexdigest()[:24]
    await sor.C("permission", {"id": permission_id, "name": module, "path": path})
    return permission_id
