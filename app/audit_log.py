"""Sage's audit log: each use of a path whose permission has `need_audit` = 1."""

from typing import Any

from aiohttp import web

from app.clock import now
from app.database import transaction
from app.ids import new_id
from app.jsontext import to_json
from app.sage_rbac import Rights, plain_path

_SECRET = ("password", "secret", "token", "api_key", "key_hash")


async def note_audited(request: web.Request, rights: Rights, path: str) -> None:
    """Write the use of *path* to `audit_log` when Sage asks for it; secrets blanked."""
    permission_id = rights.audited.get(plain_path(path))
    if permission_id is None:
        return
    moment = now()
    async with transaction("sage") as sor:
        await sor.C(
            "audit_log",
            {
                "id": new_id(),
                "permid": permission_id,
                "userid": request["actor"].user_id or "",
                "params_kw": to_json(blanked(request["params"])),
                "exe_date": moment.date(),
                "exe_timestamp": moment,
                "remote_ip": request["client_ip"][:40],
            },
        )


def blanked(params: dict[str, Any]) -> dict[str, Any]:
    """*params* with the values of secrets replaced."""
    return {
        name: "***" if any(word in name.lower() for word in _SECRET) else value
        for name, value in params.items()
    }
