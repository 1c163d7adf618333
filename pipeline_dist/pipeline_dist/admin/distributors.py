"""What the admin endpoints of this module do: a request's parameters in, a record out."""

from typing import Any

from app.global_func import (
    BAD_SEARCH,
    SECRET_HEADERS,
    Actor,
    Answer,
    FieldRule,
    Message,
    check_params,
    in_transaction,
    iso,
    public,
    reading,
    settings,
)
from pipeline_dist.accounts import app_keys, distributors
from pipeline_dist.admission.credits import book_credit
from pipeline_ops.ledger import entries as ledger
from pipeline_ops.ledger.states import EntryType

ALL = "全部"  # the generated pages' own word for "no filter"

_KEY_RULES = {
    "id": FieldRule(kind="str", required=True, length=32),
    "lock_version": FieldRule(kind="int", minimum=1),
}
_ADJUST_RULES = {
    "distributor_id": FieldRule(kind="str", required=True, length=32),
    "amount": FieldRule(kind="decimal", required=True, precision=20, scale=10),
    "reason": FieldRule(kind="str", required=True, length=500),
    "reference": FieldRule(kind="str", length=200),
}
_TOPUP_RULES = _ADJUST_RULES | {"reference": FieldRule(kind="str", required=True, length=200)}
_NEW_KEY_RULES = _KEY_RULES | {
    "grace_hours": FieldRule(kind="int", minimum=0, maximum=app_keys.MAX_GRACE_HOURS, default=0),
    "expires_at": FieldRule(kind="datetime"),
    "end_previous": FieldRule(kind="bool", default=0),
}


async def distributor_generate_key(actor: Actor, params: dict[str, Any]) -> Answer:
    """Make a new key: the record with `api_key`, told this once, and a `curl` line that uses it."""
    query = check_params(_NEW_KEY_RULES, params)
    record, api_key = await in_transaction(
        lambda sor: distributors.give_key(
            sor, query["id"], query["lock_version"], actor,
            grace_hours=query["grace_hours"], expires_at=query["expires_at"],
            end_previous=bool(query["end_previous"]),
        )
    )  # fmt: skip
    body = public(distributors.TABLE, record)
    message = {"api_key": api_key, "curl": curl_line(api_key)}
    if str(params.get("_webbricks_", "")) != "1":
        return Answer({**body, **message}, headers=SECRET_HEADERS)
    expiry = record["api_key_expires_at"]
    options = {
        **message,
        "title": record["name"],
        "expires_at": iso(expiry) if expiry else None,
        "user_data": body,
    }
    return Answer({"widgettype": "ApiKey", "options": options}, headers=SECRET_HEADERS)


async def distributor_revoke_key(actor: Actor, params: dict[str, Any]) -> Answer:
    """End all keys of a distributor at once."""
    query = check_params(_KEY_RULES, params)
    record = await in_transaction(
        lambda sor: distributors.revoke_keys(sor, query["id"], query["lock_version"], actor)
    )
    return Answer(record, table=distributors.TABLE, message=Message("The key is revoked."))


async def distributor_adjust(actor: Actor, params: dict[str, Any]) -> Answer:
    """Raise a distributor's bill by hand, or lower it; with a `reference` only once."""
    query = check_params(_ADJUST_RULES, params)
    record = await _book(EntryType.ADJUSTMENT, query, actor)
    return Answer(record, table=ledger.TABLE, message=Message("The adjustment is booked."))


async def distributor_topup(actor: Actor, params: dict[str, Any]) -> Answer:
    """Book what a prepaid distributor has paid in, or (negative) was paid back; each `reference`
    once."""
    query = check_params(_TOPUP_RULES, params)
    record = await _book(EntryType.TOPUP, query, actor)
    return Answer(record, table=ledger.TABLE, message=Message("The top-up is booked."))


async def _book(entry_type: EntryType, query: dict[str, Any], actor: Actor) -> dict[str, Any]:
    return await in_transaction(
        lambda sor: book_credit(
            sor, entry_type, query["distributor_id"], query["amount"], query["reason"],
            query["reference"], actor,
        )
    )  # fmt: skip


async def get_search_distributor_id(actor: Actor, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Choices for a search box: everything first, then at most 50 distributors matching `q`."""
    text = params.get("q") or ""
    if not isinstance(text, str) or len(text) > 128:
        raise BAD_SEARCH(most=128)
    async with reading() as sor:
        rows = await distributors.search(sor, text)
    return [{"value": "", "text": ALL}, *({"value": r["id"], "text": r["name"]} for r in rows)]


def curl_line(api_key: str) -> str:
    """Return a command to paste: asks who the key belongs to."""
    address = f"{settings().public_url}/pipeline_dist/v1/me"
    return f"curl -H 'Authorization: Bearer {api_key}' {address}"
