"""Keys as a distributor looks after them itself, by a key with the scope admin."""

import re
from collections.abc import Mapping
from typing import Any

from app.global_func import (
    BAD_ADDRESS,
    BAD_CHOICE,
    REQUIRED,
    Actor,
    ApiRequest,
    FieldProblem,
    FieldRule,
    InvalidFields,
    check_params,
    in_transaction,
    now,
    reading,
)
from pipeline_dist.accounts import app_keys
from pipeline_dist.accounts.api_key import Scope, comma_list
from pipeline_dist.accounts.authentication import AuthenticatedDistributor
from pipeline_dist.accounts.key_views import key_view
from pipeline_dist.admission.request_hash import request_hash
from pipeline_dist.api import input as api_input
from pipeline_dist.api.endpoint import Reply, endpoint, needs
from pipeline_dist.errors import NOT_OWN_PIPELINES

# Beside the lists `scopes` and `pipelines`.
KEY_RULES = {
    "name": FieldRule(kind="str", required=True, length=64),
    "rate_limit_per_minute": FieldRule(kind="int", minimum=1, maximum=2**31 - 1),
    "allowed_ips": FieldRule(kind="str", length=2000, format="cidr_list"),
    "expires_at": FieldRule(kind="datetime"),
    "sandbox": FieldRule(kind="bool", default=0),
}
ROTATE_RULES = {
    "key_id": FieldRule(kind="str", required=True, length=32),
    "grace_hours": FieldRule(kind="int", minimum=0, maximum=app_keys.MAX_GRACE_HOURS, default=24),
    "expires_at": FieldRule(kind="datetime"),
    "end_previous": FieldRule(kind="bool", default=0),
}
REVOKE_RULES = {"key_id": ROTATE_RULES["key_id"]}
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_PART = "[0-9a-fA-F]{1,4}"
_V6 = (
    f"(?:{_PART}:){{7}}{_PART}",
    *(f"(?:{_PART}:){{1,{7 - count}}}(?::{_PART}){{1,{count}}}" for count in range(1, 7)),
    f"(?:{_PART}:){{1,7}}:",
    f":(?::{_PART}){{1,7}}",
    "::",
)
# An address or a network, as a document can say what that is.
NETWORK = (
    rf"^(?:{_BYTE}(?:\.{_BYTE}){{3}}(?:/(?:3[0-2]|[12]?[0-9]))?"
    rf"|(?:{'|'.join(_V6)})(?:/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9]))?)$"
)
_is_network = re.compile(NETWORK.removeprefix("^").removesuffix("$")).fullmatch
_is_code = re.compile("[a-z0-9][a-z0-9_-]{0,63}").fullmatch
_LISTS = {name: FieldRule(kind="json", json="list") for name in ("scopes", "pipelines")}


@needs(Scope.ADMIN, is_shared=True)
async def list_keys(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Return the distributor's keys, without their secrets."""
    api_input.query(request, {})
    async with reading() as sor:
        rows = await app_keys.live_keys(sor, caller.id)
    moment = now()
    # Who has a key of the sandbox sees those of the sandbox.
    visible_rows = [row for row in rows if row["sandbox"] or not caller.key.sandbox]
    return Reply(body={"rows": [key_view(row, moment) for row in visible_rows]})


@needs(Scope.ADMIN, is_shared=True)
async def make_key(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Make a key, told only here; a repeated request is answered without it."""
    request_key = api_input.idempotency_key(request)
    body = api_input.json_body(request)
    values = _key_values(body)
    origin = (request_key, str(request_hash(values, body)))
    actor = _actor(request, caller)
    record, secret = await in_transaction(
        lambda sor: app_keys.create_key(sor, caller.id, values, actor, maker=caller, request=origin)
    )
    headers = {"Idempotent-Replayed": "true"} if secret is None else {}
    return Reply(body=_with_secret(record, secret), status=201, headers=headers, holds_secret=True)


@needs(Scope.ADMIN, is_shared=True)
async def rotate_key(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Give a key a new secret, told only here."""
    values = check_params(ROTATE_RULES, api_input.json_body(request), strict=True)
    actor = _actor(request, caller)
    record, secret = await in_transaction(
        lambda sor: app_keys.rotate_key(
            sor, values["key_id"], actor, grace_hours=values["grace_hours"],
            expires_at=values["expires_at"], end_previous=bool(values["end_previous"]),
            maker=caller,
        )
    )  # fmt: skip
    return Reply(body=_with_secret(record, secret), holds_secret=True)


@needs(Scope.ADMIN, is_shared=True)
async def revoke_key(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """End a key at once."""
    values = check_params(REVOKE_RULES, api_input.json_body(request), strict=True)
    actor = _actor(request, caller)
    record = await in_transaction(
        lambda sor: app_keys.revoke_key(sor, values["key_id"], actor, maker=caller)
    )
    return Reply(body=key_view(record, now()))


def _with_secret(record: Mapping[str, Any], secret: str | None) -> dict[str, Any]:
    """Return a key's record with its secret; without it for who asks again, since it is stored
    nowhere."""
    return {**key_view(record, now()), "api_key": secret, "shown_before": secret is None}


def _key_values(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of the key that *body* asks for; raises InvalidFields."""
    values = check_params(KEY_RULES | _LISTS, body, strict=True)
    problems = []
    if not values["scopes"] or not values["scopes"].value:
        problems.append(REQUIRED("scopes"))
    for name in _LISTS:
        entries = values[name].value if values[name] else []
        for number, entry in enumerate(entries):
            # Whether there are such pipelines is asked of the database.
            if name == "scopes" and entry not in tuple(Scope):
                problems.append(BAD_CHOICE(f"scopes/{number}", choices=", ".join(Scope)))
            elif not isinstance(entry, str) or not _is_code(entry):
                problems.append(NOT_OWN_PIPELINES(f"{name}/{number}", codes=str(entry)[:64]))
        values[name] = entries
    problems += _address_problems(body.get("allowed_ips"))
    if problems:
        raise InvalidFields(problems[: InvalidFields.MAX_TOLD])
    return values | {name: comma_list(values[name]) or None for name in _LISTS}


def _address_problems(entries: Any) -> list[FieldProblem]:
    """Return what is wrong with a list of networks beside what its rule says, which forms go by:
    theirs may have blanks, and nothing between two commas."""
    if entries is None:
        return []
    if not isinstance(entries, list):
        return [BAD_ADDRESS("allowed_ips", part=str(entries)[:60])]
    return [
        BAD_ADDRESS(f"allowed_ips/{number}", part=str(entry)[:60])
        for number, entry in enumerate(entries)
        if not isinstance(entry, str) or not _is_network(entry)
    ]


def _actor(request: ApiRequest, caller: AuthenticatedDistributor) -> Actor:
    """Return who changes the keys, for the audit trail: the key it was done by."""
    context = request.context
    return Actor(
        user_id=f"key {caller.key_prefix}", username=caller.distributor.code,
        ip=context.client_ip, request_id=context.request_id, lang=context.lang,
    )  # fmt: skip


KEY_ENDPOINTS = {
    "v1_keys": endpoint(GET=list_keys, POST=make_key),
    "v1_keys_rotate": endpoint(POST=rotate_key),
    "v1_keys_revoke": endpoint(POST=revoke_key),
}
