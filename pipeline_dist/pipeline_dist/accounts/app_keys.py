"""
A distributor's keys: made, changed, rotated and revoked, each with a name and what it may do.

Whoever changes one has locked the distributor's row, and raises its `keys_no`: so admission, which
locks that row, knows whether what it read of a key is still so, on every database node.

The key named `default` is the one that the operator makes on the distributor's page. What the
columns `api_key_…` and `previous_key_…` of distributors say of it is written here, with its row;
keys are asked for in `app_key` alone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.global_func import (
    Actor,
    InvalidFields,
    Record,
    Row,
    SafeSqlor,
    check_lock_version,
    get_row,
    insert_row,
    iso,
    now,
    update_locked_row,
    update_row,
)
from pipeline_dist.accounts import keys
from pipeline_dist.accounts.api_key import Scope, words
from pipeline_dist.accounts.authentication import AuthenticatedDistributor, lock_caller
from pipeline_dist.accounts.key_lifetimes import end_as_before, with_end, with_grace
from pipeline_dist.accounts.key_powers import check_end, check_within
from pipeline_dist.errors import (
    END_PREVIOUS,
    GRACE_RUNNING,
    IDEMPOTENCY_KEY_REUSED,
    IN_THE_PAST,
    KEY_NAME_TAKEN,
    KEY_NOT_FOUND,
    LAST_ADMIN_KEY,
    NAME_RESERVED,
    NOT_OWN_PIPELINES,
    TOO_MANY_KEYS,
    TOO_MANY_PIPELINES,
)

TABLE = "app_key"
DEFAULT = "default"
MAX_KEYS = 20
MAX_PIPELINES = 100
# So many revoked ones are kept of a distributor; the audit trail has all.
MAX_REVOKED = 100
MAX_GRACE_HOURS = 90 * 24

_LIVE = "select * from app_key where distributor_id = ${id}$ and revoked_at is null"
_NO_SECRETS = {"hash": None, "previous_hash": None, "previous_expires_at": None}
# Columns of distributors: what they say of the default key.
MIRRORED = {
    "api_key_prefix": "prefix",
    "api_key_hash": "hash",
    "api_key_created_at": "made_at",
    "api_key_expires_at": "expires_at",
    "previous_key_hash": "previous_hash",
    "previous_key_expires_at": "previous_expires_at",
}


async def live_keys(sor: SafeSqlor, distributor_id: str) -> list[Row]:
    """Return a distributor's keys that are not revoked, in the order in which they were made."""
    rows: list[Row] = await sor.sqlExe(
        f"{_LIVE} order by created_at, id",
        {"id": distributor_id},
    )
    return rows


async def default_key(sor: SafeSqlor, distributor_id: str) -> Row | None:
    """Return the key that the operator makes on the distributor's page; None without one."""
    return next((row for row in await live_keys(sor, distributor_id) if is_default(row)), None)


def is_default(row: Mapping[str, Any]) -> bool:
    """Return whether a key that is not revoked is its distributor's default one."""
    return bool(row["name"] == DEFAULT)


def mirrored(row: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a distributor's columns say of its default key *row*; None: it has none."""
    return {column: row and row[name] for column, name in MIRRORED.items()}


async def create_key(
    sor: SafeSqlor,
    distributor_id: str,
    values: Mapping[str, Any],
    actor: Actor,
    *,
    maker: AuthenticatedDistributor | None = None,
    request: tuple[str, str] | None = None,
) -> tuple[Record, str | None]:
    """
    Make a key of checked *values*: the record, and the key, which is told only here. *maker*: the
    distributor that does it itself; *request*: its idempotency key and hash. None in place of the
    key where this request has made it before.

    Raises Conflict `too_many_keys`, `key_name_taken`; Forbidden `beyond_own_key`;
    `idempotency_key_reused`; InvalidFields; of a *maker* what `lock_caller` does.
    """
    moment = now()
    if maker is None:
        await get_row(sor, "distributors", distributor_id, lock=True)
    else:
        maker = await lock_caller(sor, maker)
        # What another key has made is told to none that could not make it.
        check_within(maker.key, values)
        check_end(values["expires_at"], maker.key_expires_at)
    if request is not None and (before := await _made_before(sor, distributor_id, *request)):
        return before, None
    await _check_values(sor, distributor_id, values, moment)
    if maker is not None or values.get("sandbox"):
        _check_name(values)
    await _make_room(sor, distributor_id, values["name"])
    key, secret_columns = _new_secret(moment, sandbox=bool(values.get("sandbox")))
    request_key, request_hash = request or (None, None)
    columns = {
        **values, **secret_columns, "distributor_id": distributor_id,
        "request_key": request_key, "request_hash": request_hash,
    }  # fmt: skip
    record = await insert_row(sor, TABLE, columns, actor)
    await _note_change(sor, record, actor, "generate_key")
    return record, key


async def update_key(
    sor: SafeSqlor, key_id: str, lock_version: int | None, values: Mapping[str, Any], actor: Actor
) -> Record:
    """Change a key by checked *values*; its record. Raises NotFound `key_not_found`, EditConflict,
    Conflict `key_name_taken`, InvalidFields."""
    current, _ = await _lock(sor, key_id)
    check_lock_version(TABLE, current, lock_version)
    moment = now()
    await _check_values(sor, current["distributor_id"], values, moment)
    name = values.get("name", current["name"])
    if name != current["name"]:
        if is_default(current):
            raise InvalidFields([NAME_RESERVED("name")])
        _check_name(values)
        others = await live_keys(sor, current["distributor_id"])
        _check_free([row for row in others if row["id"] != key_id], name)
    if values.get("expires_at", current["expires_at"]) != current["expires_at"]:
        values = {**values, **with_end(current, values["expires_at"], moment)}
    record = await update_locked_row(sor, TABLE, current, values, actor)
    await _note_change(sor, record, actor, "update")
    return record


async def rotate_key(
    sor: SafeSqlor,
    key_id: str,
    actor: Actor,
    *,
    grace_hours: int = 0,
    expires_at: datetime | None = None,
    end_previous: bool = False,
    lock_version: int | None = None,
    maker: AuthenticatedDistributor | None = None,
) -> tuple[Record, str]:
    """
    Give a key a new secret: the record, and the key, which is told only here.

    The secret until now stays valid for *grace_hours* (0: ends at once), not beyond its own expiry.
    Without *expires_at* the new one lives as long as that was made for; it has no end where that
    had none. A secret before that, in its own grace period, ends now: with *end_previous* only,
    else Conflict `grace_running` is raised, since a program that still uses it would stop.

    A *maker* gives no key more than it has: Forbidden `beyond_own_key`; and raises what
    `lock_caller` does.
    """
    moment = now()
    if expires_at is not None and expires_at <= moment:
        raise InvalidFields([IN_THE_PAST("expires_at")])
    current, maker = await _lock(sor, key_id, maker)
    check_lock_version(TABLE, current, lock_version)
    lasting = end_as_before(current, moment)
    if maker is not None:
        expires_at = _end_by(maker, current, expires_at, lasting)
    if not end_previous:
        _refuse_within_grace(current, moment)
    key, secret_columns = _new_secret(moment, sandbox=bool(current["sandbox"]))
    values = {
        **secret_columns,
        "expires_at": expires_at or lasting,
        **with_grace(current, moment, grace_hours),
    }
    record = await update_locked_row(sor, TABLE, current, values, actor, action="generate_key")
    await _note_change(sor, record, actor, "generate_key")
    return record, key


async def revoke_key(
    sor: SafeSqlor,
    key_id: str,
    actor: Actor,
    *,
    lock_version: int | None = None,
    maker: AuthenticatedDistributor | None = None,
) -> Record:
    """End a key at once, its secret before too; the record. Raises NotFound `key_not_found`,
    EditConflict; for a *maker* Conflict `last_admin_key`, and what `lock_caller` raises."""
    current, maker = await _lock(sor, key_id, maker)
    check_lock_version(TABLE, current, lock_version)
    if maker is not None:
        await _refuse_last_admin(sor, current)
    values = {**_NO_SECRETS, "revoked_at": now(), "revoked_by": actor.user_id}
    record = await update_locked_row(sor, TABLE, current, values, actor, action="revoke_key")
    await _note_change(sor, record, actor, "revoke_key")
    return record


async def delete_keys(sor: SafeSqlor, distributor_id: str) -> None:
    """Delete all keys of a distributor that is deleted."""
    await sor.sqlExe("delete from app_key where distributor_id = ${id}$", {"id": distributor_id})


async def _lock(
    sor: SafeSqlor, key_id: str, maker: AuthenticatedDistributor | None = None
) -> tuple[Row, AuthenticatedDistributor | None]:
    """Lock the owner of a key, then the key: it, and its *maker* as that is then. Raises NotFound
    `key_not_found`, also for a revoked one, and for one that is not its *maker*'s to see."""
    text = "select distributor_id from app_key where id = ${id}$"
    owners = await sor.firsts(text, {"id": key_id})
    if not owners or (maker is not None and owners[0] != maker.id):
        raise KEY_NOT_FOUND()
    if maker is None:
        await get_row(sor, "distributors", owners[0], lock=True)
    else:
        maker = await lock_caller(sor, maker)
    row: Row | None = await sor.one(
        "select * from app_key where id = ${id}$ for update", {"id": key_id}
    )
    if row is None or row["id"] != key_id or row["revoked_at"] is not None:
        raise KEY_NOT_FOUND()
    if maker is not None and maker.key.sandbox and not row["sandbox"]:
        raise KEY_NOT_FOUND()
    return row, maker


async def _note_change(
    sor: SafeSqlor, record: Mapping[str, Any], actor: Actor, action: str
) -> None:
    """Raise the owner's number of changes; and let its columns say what its default key is."""
    owner_id = record["distributor_id"]
    await sor.sqlExe(
        "update distributors set keys_no = keys_no + 1 where id = ${id}$", {"id": owner_id}
    )
    if is_default(record):
        values = mirrored(None if record["revoked_at"] is not None else record)
        await update_row(sor, "distributors", owner_id, None, values, actor, action=action)


async def _made_before(
    sor: SafeSqlor, distributor_id: str, request_key: str, request_hash: str
) -> Row | None:
    """Return the key that this request made before, also one that was revoked since; raises
    `idempotency_key_reused` for another request."""
    row: Row | None = await sor.one(
        "select * from app_key where distributor_id = ${id}$ and request_key = ${key}$",
        {"id": distributor_id, "key": request_key},
    )
    if row is not None and row["request_hash"] != request_hash:
        raise IDEMPOTENCY_KEY_REUSED()
    return row


async def _check_values(
    sor: SafeSqlor, distributor_id: str, values: Mapping[str, Any], moment: datetime
) -> None:
    expires_at, codes = values.get("expires_at"), words(values.get("pipelines"))
    problems = []
    if expires_at is not None and expires_at <= moment:
        problems.append(IN_THE_PAST("expires_at"))
    if len(codes) > MAX_PIPELINES:
        problems.append(TOO_MANY_PIPELINES("pipelines", most=MAX_PIPELINES))
    elif codes:
        own = await sor.firsts(
            "select p.code from distributor_pipeline l join pipelines p on p.id = l.pipeline_id"
            " where l.distributor_id = ${id}$ and p.code in ${codes}$",
            {"id": distributor_id, "codes": codes},
        )
        if others := sorted(set(codes) - set(own)):
            problems.append(NOT_OWN_PIPELINES("pipelines", codes=", ".join(others)))
    if problems:
        raise InvalidFields(problems)


def _check_name(values: Mapping[str, Any]) -> None:
    if values["name"].casefold() == DEFAULT:
        raise InvalidFields([NAME_RESERVED("name")])


async def _make_room(sor: SafeSqlor, distributor_id: str, name: str) -> None:
    """Let a distributor have one more key, of this name; raises Conflict `key_name_taken`,
    `too_many_keys`."""
    rows = await live_keys(sor, distributor_id)
    _check_free(rows, name)
    if len(rows) >= MAX_KEYS:
        raise TOO_MANY_KEYS(most=MAX_KEYS)
    await _forget_revoked(sor, distributor_id)


def _new_secret(moment: datetime, *, sandbox: bool) -> tuple[str, dict[str, Any]]:
    """Return a new secret, and the columns of its key that say which it is."""
    key = keys.mint(sandbox=sandbox)
    return key, {"prefix": keys.prefix(key), "hash": keys.digest(key), "made_at": moment}


def _check_free(rows: list[Row], name: str) -> None:
    if any(row["name"].casefold() == name.casefold() for row in rows):
        raise KEY_NAME_TAKEN(name=name)


def _end_by(
    maker: AuthenticatedDistributor,
    current: Mapping[str, Any],
    expires_at: datetime | None,
    lasting: datetime | None,
) -> datetime | None:
    """Return when the new secret ends that *maker* gives the key *current*; *lasting*: one that
    lives as long as that before. Raises Forbidden `beyond_own_key`."""
    check_within(maker.key, current)
    if current["hash"] == maker.credentials.digest:
        # It renews itself, for no longer than it was made for: its present secret, and not one that
        # was replaced and only has some hours left.
        check_end(expires_at or lasting, lasting)
        return expires_at
    # The key's own end says what it may; that of its new secret must not be later either.
    check_end(current["expires_at"], maker.key_expires_at)
    if expires_at is None and lasting is not None and maker.key_expires_at is not None:
        return min(lasting, maker.key_expires_at)
    check_end(expires_at or lasting, maker.key_expires_at)
    return expires_at


async def _refuse_last_admin(sor: SafeSqlor, current: Mapping[str, Any]) -> None:
    """Raise Conflict `last_admin_key` where no other key could look after the keys."""
    if Scope.ADMIN not in words(current["scopes"]):
        return
    moment = now()
    for row in await live_keys(sor, current["distributor_id"]):
        is_valid = row["expires_at"] is None or row["expires_at"] > moment
        if row["sandbox"] and not current["sandbox"]:
            continue  # it looks after those of the sandbox only
        if row["id"] != current["id"] and is_valid and Scope.ADMIN in words(row["scopes"]):
            return
    raise LAST_ADMIN_KEY()


async def _forget_revoked(sor: SafeSqlor, distributor_id: str) -> None:
    """Delete the oldest revoked keys beyond `MAX_REVOKED`."""
    ids = await sor.firsts(
        "select id from app_key where distributor_id = ${id}$ and revoked_at is not null"
        " order by revoked_at desc limit ${most}$, 1000",
        {"id": distributor_id, "most": MAX_REVOKED},
    )
    if ids:
        await sor.sqlExe("delete from app_key where id in ${ids}$", {"ids": ids})


def _refuse_within_grace(current: Mapping[str, Any], moment: datetime) -> None:
    """Raise Conflict `grace_running` while the secret before the present one is still valid."""
    ends = current["previous_expires_at"]
    if current["previous_hash"] is None or ends is None or ends <= moment:
        return
    raise GRACE_RUNNING(
        problems=[END_PREVIOUS("end_previous")],
        extra={"previous_key_expires_at": ends},
        when=iso(ends),
    )
