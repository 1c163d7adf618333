"""Sage's audit log: each use of a path whose permission has `need_audit` = 1."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from app.access.api_request import AnyRequest
from app.access.rbac import Rights
from app.access.request_context import CONTEXT
from app.base.clock import now
from app.base.errors import BadRequest
from app.base.ids import new_id
from app.base.json_codec import to_json
from app.base.logs import log_warning
from app.db.transactions import transaction

log = logging.getLogger("pipeline.audit")

_SECRET = ("password", "secret", "token", "api_key", "key_hash")
# Names that are secrets as a whole: a part of others says nothing.
_SECRET_NAMES = frozenset({"code"})
# The column is a TEXT of 65,535 bytes; a request may be larger, and is no less allowed for that.
_MAX_BYTES = 60_000


async def note_audited(request: AnyRequest, rights: Rights, path: str, *, is_large: bool) -> None:
    """
    Write the use of *path* to `audit_log` when Sage asks for it; secrets blanked.

    *is_large*: the body may be large, so that its parameters are gone through beside the loop.
    """
    context = request[CONTEXT]
    target = context.target
    permission_id = rights.audited_by(path if target is None else target.url)
    if permission_id is None:
        return
    moment = now()
    row = {
        "id": new_id(),
        "permid": permission_id,
        "userid": context.actor.user_id or "",
        "params_kw": await _parameters(request, is_large=is_large),
        "exe_date": moment.date(),
        "exe_timestamp": moment,
        "remote_ip": context.client_ip[:40],
    }
    try:
        async with transaction("sage") as sor:
            await sor.C("audit_log", row)
    except BadRequest as exc:
        if exc.code != "no_table":
            raise
        # Not the caller's fault, and a Sage that asks for audit without a place for it is broken.
        about = {name: value for name, value in row.items() if name != "id"}
        log_warning(log, "not_audited", "the Sage database has no audit_log", **about)


async def _parameters(request: AnyRequest, *, is_large: bool) -> str:
    params = request[CONTEXT].params
    # A file to bring in takes half a second to go through, which others should not wait for.
    if request.method == "POST" and is_large:
        return await asyncio.to_thread(_as_text, params)
    return _as_text(params)


def _as_text(params: Mapping[str, Any]) -> str:
    return _shorten(to_json(without_secrets(params)))


def without_secrets(value: Any) -> Any:
    """Return *value*, a request's parameters, with the values of secrets replaced at any depth."""
    if isinstance(value, dict):
        return {
            name: "***" if _is_secret(name.lower()) else without_secrets(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(inner) for inner in value]
    return value


def _is_secret(name: str) -> bool:
    return name in _SECRET_NAMES or any(word in name for word in _SECRET)


def _shorten(text: str) -> str:
    raw = text.encode("utf-8", "replace")
    rest = "…" if len(raw) > _MAX_BYTES else ""
    return raw[:_MAX_BYTES].decode("utf-8", "ignore") + rest
