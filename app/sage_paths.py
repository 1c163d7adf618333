"""Registering a module's paths and roles in Sage, for the modules' `scripts/load_path.py`."""

import asyncio
import hashlib
import sys
from collections.abc import Iterable, Mapping

from app.database import in_transaction, pools
from app.errors import AppError
from app.ids import new_id
from app.sage_rbac import ANY, LOGINED
from app.settings import ConfigError
from app.sqlor_safe import SafeSqlor

_OWN_ROLES = (ANY, LOGINED, "anonymous")


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
    sentence when the database cannot be reached.
    """
    wanted = {ANY: tuple(any_), LOGINED: tuple(logined)}
    wanted |= {name: tuple(paths) for name, paths in (roles or {}).items()}
    try:
        added, removed = asyncio.run(_register(module, wanted))
    except (AppError, ConfigError) as exc:
        sys.exit(f"load_path {module}: {exc} ({exc.__cause__ or type(exc).__name__})")
    sys.stdout.write(
        f"{module}: {sum(map(len, wanted.values()))} rights, {added} added, {removed} removed\n"
    )


async def _register(module: str, wanted: Mapping[str, tuple[str, ...]]) -> tuple[int, int]:
    try:
        return await in_transaction(lambda sor: write_paths(sor, module, wanted), "sage")
    finally:
        await pools().close()


async def write_paths(
    sor: SafeSqlor, module: str, wanted: Mapping[str, tuple[str, ...]]
) -> tuple[int, int]:
    """Make Sage's tables say *wanted* for *module*; how many rights were added and removed."""
    role_ids = {name: await _role_id(sor, name) for name in wanted}
    paths = sorted({path for listed in wanted.values() for path in listed})
    permission_ids = {path: await _permission_id(sor, module, path) for path in paths}
    wanted_pairs = {
        (role_ids[name], permission_ids[path]): _own_id(module, name, path)
        for name, listed in wanted.items()
        for path in listed
    }
    rows = await sor.sqlExe(
        "select rp.id, rp.roleid, rp.permid from rolepermission rp join permission p"
        " on p.id = rp.permid where p.name = ${module}$ or p.id in ${permissions}$",
        {"module": module, "permissions": list(permission_ids.values())},
    )
    present = {(row.roleid, row.permid) for row in rows}
    missing = wanted_pairs.keys() - present
    for role_id, permission_id in sorted(missing):
        own = wanted_pairs[(role_id, permission_id)]
        await sor.C("rolepermission", {"id": own, "roleid": role_id, "permid": permission_id})
    # Only what we gave is taken back; rights that Sage's administrators gave by hand stay.
    ours = set(wanted_pairs.values())
    gone = [row.id for row in rows if row.id.startswith(_mark(module)) and row.id not in ours]
    if gone:
        await sor.sqlExe("delete from rolepermission where id in ${ids}$", {"ids": gone})
    await sor.sqlExe(
        "delete from permission where name = ${module}$ and path not in ${paths}$"
        " and id not in (select permid from rolepermission)",
        {"module": module, "paths": paths},
    )
    return len(missing), len(gone)


def _mark(module: str) -> str:
    return f"pl{hashlib.sha256(module.encode()).hexdigest()[:6]}"


def _own_id(module: str, role: str, path: str) -> str:
    return _mark(module) + hashlib.sha256(f"{role} {path}".encode()).hexdigest()[:24]


async def _role_id(sor: SafeSqlor, name: str) -> str:
    if name in _OWN_ROLES:
        if not await sor.one("select id from role where id = ${id}$", {"id": name}):
            await sor.C("role", {"id": name, "orgtypeid": "0", "name": name})
        return name
    org_type, _, short = name.partition(".")
    ns = {"orgtypeid": org_type, "name": short}
    found = await sor.one(
        "select id from role where orgtypeid = ${orgtypeid}$ and name = ${name}$", ns
    )
    if found:
        return str(found.id)
    role_id = new_id()
    await sor.C("role", {"id": role_id, **ns})
    return role_id


async def _permission_id(sor: SafeSqlor, module: str, path: str) -> str:
    found = await sor.one("select id from permission where path = ${path}$", {"path": path})
    if found:
        return str(found.id)
    permission_id = new_id()
    await sor.C("permission", {"id": permission_id, "name": module, "path": path})
    return permission_id
