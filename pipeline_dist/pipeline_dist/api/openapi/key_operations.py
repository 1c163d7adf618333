"""What a distributor does with its own keys, in the OpenAPI document."""

from typing import Any

from pipeline_dist.accounts.api_key import Scope
from pipeline_dist.accounts.app_keys import MAX_KEYS, MAX_PIPELINES
from pipeline_dist.api import keys as key_api
from pipeline_dist.api.input import KEY
from pipeline_dist.api.openapi import examples
from pipeline_dist.api.openapi.operation import JSON, Operation, link_by
from pipeline_dist.api.openapi.rule_schemas import body_schema, parameter
from pipeline_dist.api.openapi.schema import (
    PIPELINE,
    Schema,
    list_of,
    maybe,
    moment,
    number,
    record,
    ref,
    text,
)

KEYS = "keys"
_KEY_WORDS = (
    "A value of your own for each key. The same request again is answered with the record of the"
    " key that it made, without the key itself, which is stored nowhere: rotate it if the answer"
    " was lost."
)
_NAME = "What it is called; no two keys of the distributor have one name."
_SCOPE = text(
    "calls: begin, finish and book calls, quotes; read: look at all but statements; finance:"
    " statements and use; admin: look after keys.",
    enum=list(Scope),
)
_RATE = "Calls a minute by this key, beside the limits of the distributor."
_PIPELINES = "Codes of the only lines it may be used for; left out for all."
_ADDRESSES = "Where it may be used from, beside the distributor's: addresses and networks."
_EXPIRY = "When it ends."
_ID = "The key's id, of the list of keys."

KEY_REQUESTS: dict[str, Schema] = {
    "NewKey": body_schema(
        "A key to be made.",
        {name: rule for name, rule in key_api.KEY_RULES.items() if name != "allowed_ips"},
        {
            "name": _NAME,
            "rate_limit_per_minute": _RATE,
            "expires_at": _EXPIRY,
            "sandbox": "A key of the sandbox: the same answers and checks, on counters of their"
            " own; nothing of it is billed or stands among what is.",
        },
        "scopes",
        scopes=list_of(_SCOPE, "What it may be used for.", minItems=1),
        pipelines=maybe(list_of(text(PIPELINE["description"]), _PIPELINES, maxItems=MAX_PIPELINES)),
        allowed_ips=maybe(list_of(text("A network.", pattern=key_api.NETWORK), _ADDRESSES)),
    ),
    "KeyRotation": body_schema(
        "Which key gets a new secret.",
        key_api.ROTATE_RULES,
        {
            "key_id": _ID,
            "grace_hours": "So long the secret until now stays valid; {default} when left out, 0"
            " ends it at once.",
            "expires_at": "When the new one ends; left out: it lives as long as that before.",
            "end_previous": "End the secret that an earlier rotation left, which is still in its"
            " grace period.",
        },
    ),
    "KeyRevocation": body_schema("Which key ends.", key_api.REVOKE_RULES, {"key_id": _ID}),
}
_OF_KEY: dict[str, Schema] = {
    "id": text("The key's id."),
    "name": text(_NAME),
    "prefix": text("How it begins."),
    "scopes": list_of(_SCOPE, "What it may be used for."),
    "rate_limit_per_minute": maybe(number(_RATE)),
    "pipelines": maybe(list_of(PIPELINE, "The only lines it may be used for; null for all.")),
    "allowed_ips": list_of(text("A network."), "Where it may be used from; empty: anywhere."),
    "expires_at": maybe(moment("When it ends; null: never.")),
    "previous_expires_at": maybe(
        moment("Until when the secret before is valid; null where there is none.")
    ),
    "sandbox": {"type": "boolean", "description": "Whether it is a key of the sandbox."},
    "last_used_at": maybe(moment("When it was used last, to a minute; null: not yet.")),
    "last_used_ip": maybe(text("From where it was used last.")),
    "created_at": moment("When it was made."),
    "revoked_at": maybe(moment("When it was revoked.")),
}
KEY_ANSWERS: dict[str, Schema] = {
    "Key": record("A key, without its secret.", _OF_KEY),
    "KeyList": record(
        "Keys that are not revoked.", {"rows": list_of(ref("Key"), "The keys, the oldest first.")}
    ),
    "KeyWithSecret": record(
        "A key with its secret, which is shown only here.",
        {
            **_OF_KEY,
            "api_key": maybe(text("The key itself; null in an answer that comes again.")),
            "shown_before": {
                "type": "boolean",
                "description": "Whether the key was shown before, in the first answer.",
            },
        },
    ),
}


def _operation(name: str, path: str, method: str, call: Any, **more: Any) -> Operation:
    return Operation(
        tag=KEYS, name=name, path=f"/pipeline_dist/v1/keys{path}", method=method,
        scopes=call.scopes, **more,
    )  # fmt: skip


KEY_OPERATIONS = (
    _operation(
        "keys", "", "get", key_api.list_keys,
        summary="Your keys",
        description="All that are not revoked, without their secrets.",
        answers=((200, JSON, ref("KeyList"), {"answer": examples.KEYS}),),
    ),
    _operation(
        "make_key", "", "post", key_api.make_key,
        summary="Make a key",
        description=f"At most {MAX_KEYS}. It can have nothing that the key has not by which it is"
        " made: no other scope, line or address, no more calls a minute, no later end. The key is"
        " shown once, in this answer.",
        parameters=(parameter("Idempotency-Key", KEY, _KEY_WORDS, where="header"),),
        body="NewKey",
        body_examples={"key": examples.NEW_KEY},
        answers=((201, JSON, ref("KeyWithSecret"), {"answer": examples.KEY_WITH_SECRET}),),
        codes=(
            "too_many_keys", "key_name_taken", "beyond_own_key", "idempotency_key_required",
            "idempotency_key_reused",
        ),
        links={
            "rotate": link_by("rotate_key", "Give it a new secret.", "key_id", "id"),
            "revoke": link_by("revoke_key", "End it.", "key_id", "id"),
        },
        replays=True,
    ),
    _operation(
        "rotate_key", "/rotate", "post", key_api.rotate_key,
        summary="Give a key a new secret",
        description="The new one is shown once, in this answer; the one until now stays valid for"
        " the grace period.",
        body="KeyRotation",
        body_examples={"rotation": examples.KEY_ROTATION},
        answers=((200, JSON, ref("KeyWithSecret"), {"answer": examples.ROTATED_KEY}),),
        codes=("key_not_found", "beyond_own_key", "grace_running"),
        links={"revoke": link_by("revoke_key", "End it.", "key_id", "id")},
    ),
    _operation(
        "revoke_key", "/revoke", "post", key_api.revoke_key,
        summary="Revoke a key",
        description="It ends with the next request, the secret before it too. The last key with the"
        " scope admin only the operator can revoke.",
        body="KeyRevocation",
        body_examples={"revocation": examples.KEY_REVOCATION},
        answers=((200, JSON, ref("Key"), {"answer": examples.REVOKED_KEY}),),
        codes=("key_not_found", "last_admin_key"),
    ),
)  # fmt: skip
