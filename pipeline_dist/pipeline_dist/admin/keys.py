"""The endpoints of a distributor's keys on its page: listed, made, changed, rotated, revoked."""

from collections.abc import Mapping
from typing import Any

from app.global_func import (
    SECRET_HEADERS,
    Actor,
    Answer,
    FieldRule,
    Message,
    check_new,
    check_params,
    check_update,
    get_row,
    in_transaction,
    iso,
    now,
    reading,
)
from pipeline_dist.accounts import app_keys, distributors
from pipeline_dist.accounts.api_key import comma_list
from pipeline_dist.accounts.key_views import key_view
from pipeline_dist.admin.distributors import curl_line

_ID = FieldRule(kind="str", required=True, length=32)
_REVOKE_RULES = {"id": _ID, "lock_version": FieldRule(kind="int", minimum=1)}
_NEW_KEY = {"distributor_id": _ID, "sandbox": FieldRule(kind="bool", default=0)}
_ROTATE_RULES = _REVOKE_RULES | {
    "grace_hours": FieldRule(kind="int", minimum=0, maximum=app_keys.MAX_GRACE_HOURS, default=0),
    "expires_at": FieldRule(kind="datetime"),
    "end_previous": FieldRule(kind="bool", default=0),
}


async def distributor_keys(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of a distributor that are not revoked, without their secrets."""
    query = check_params({"id": _ID}, params)
    async with reading(snapshot=True) as sor:
        await get_row(sor, distributors.TABLE, query["id"])
        rows = await app_keys.live_keys(sor, query["id"])
    moment = now()
    return {"keys": [_view(row) for row in rows], "most": app_keys.MAX_KEYS, "now": iso(moment)}


async def distributor_key_create(actor: Actor, params: dict[str, Any]) -> Answer:
    """Make a key for a distributor: its record with `api_key`, told this once."""
    values = check_new(app_keys.TABLE, _tidy(params), extra=_NEW_KEY)
    distributor_id = values.pop("distributor_id")
    record, secret = await in_transaction(
        lambda sor: app_keys.create_key(sor, distributor_id, values, actor)
    )
    return _with_secret(params, record, secret)


async def distributor_key_update(actor: Actor, params: dict[str, Any]) -> Answer:
    """Change what a key is called and may do."""
    key_id, lock_version, values = check_update(app_keys.TABLE, _tidy(params))
    record = await in_transaction(
        lambda sor: app_keys.update_key(sor, key_id, lock_version, values, actor)
    )
    return Answer(_view(record), message=Message("The key is changed."))


async def distributor_key_rotate(actor: Actor, params: dict[str, Any]) -> Answer:
    """Give a key a new secret: its record with `api_key`, told this once."""
    query = check_params(_ROTATE_RULES, params)
    record, secret = await in_transaction(
        lambda sor: app_keys.rotate_key(
            sor, query["id"], actor, grace_hours=query["grace_hours"],
            expires_at=query["expires_at"], end_previous=bool(query["end_previous"]),
            lock_version=query["lock_version"],
        )
    )  # fmt: skip
    return _with_secret(params, record, secret)


async def distributor_key_revoke(actor: Actor, params: dict[str, Any]) -> Answer:
    """End a key at once."""
    query = check_params(_REVOKE_RULES, params)
    record = await in_transaction(
        lambda sor: app_keys.revoke_key(sor, query["id"], actor, lock_version=query["lock_version"])
    )
    return Answer(_view(record), message=Message("The key is revoked."))


def _tidy(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return *params* with its lists as the columns have them, however they were written."""
    tidied = dict(params)
    for name in ("scopes", "pipelines"):
        value = tidied.get(name)
        if isinstance(value, str):
            value = value.replace(" ", "").split(",")
        if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
            tidied[name] = comma_list(filter(None, value)) or None
    return tidied


def _view(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a key as it is told on its distributor's page."""
    return key_view(row, now()) | {
        "is_default": app_keys.is_default(row),
        "distributor_id": row["distributor_id"],
        "lock_version": row["lock_version"],
    }


def _with_secret(params: Mapping[str, Any], record: Mapping[str, Any], secret: Any) -> Answer:
    """Return a key's record with the secret; a page gets a widget that shows it."""
    body, message = _view(record), {"api_key": secret, "curl": curl_line(secret)}
    if str(params.get("_webbricks_", "")) != "1":
        return Answer({**body, **message}, headers=SECRET_HEADERS)
    expiry = record["expires_at"]
    options = {
        **message,
        "title": record["name"],
        "expires_at": iso(expiry) if expiry else None,
        "user_data": body,
    }
    return Answer({"widgettype": "ApiKey", "options": options}, headers=SECRET_HEADERS)
