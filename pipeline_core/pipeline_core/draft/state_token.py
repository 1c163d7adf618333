"""
The state of a line as a page shows it, in one word that the page sends back.

Who publishes, rolls back, imports over a draft or loads another version into it decides by what
they saw. The token says what that was: the draft's content, its status and its live version. Where
that is another now, nothing is done, and the refusal names who changed what, and when.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from app.global_func import (
    AUDIT_ACTIONS,
    Actor,
    FieldRule,
    Message,
    Row,
    SafeSqlor,
    canonical_json,
    iso,
    translate,
)
from pipeline_core.definition.snapshot import Definition, definition_of, freeze
from pipeline_core.draft.draft import steps_of
from pipeline_core.errors import STATE_MOVED

# As endpoints take it: who sends none is not asked. A form's empty field sends none.
STATE = FieldRule(kind="str", length=72)
REQUIRED_STATE = FieldRule(kind="str", length=72, required=True)
MAX_CHANGES = 10
_DIGEST_LENGTH = 32

LAST_ENTRY = """
select max(id) as id from app_audit where pipeline_id = ${pipeline_id}$
"""
_OF_THE_LINE = """
 where pipeline_id = ${pipeline_id}$
   and table_name in ('pipelines', 'pipeline_steps', 'pipeline_versions')
"""
ENTRIES_AFTER = f"""
select * from app_audit {_OF_THE_LINE} and id > ${{id}}$ order by id desc limit ${{limit}}$
"""  # noqa: S608
LATEST_ENTRY = f"select * from app_audit {_OF_THE_LINE} order by id desc limit 1"  # noqa: S608


async def state_of(
    sor: SafeSqlor, pipeline: Mapping[str, Any], definition: Definition | None = None
) -> str:
    """
    Return the token of *pipeline*'s state; *definition* is its draft's, where that was read.

    It stays the same as long as draft, status and live version do. The part after the dot is the
    last entry of the audit trail, from which a refusal tells what came later.
    """
    last = await sor.one(LAST_ENTRY, {"pipeline_id": pipeline["id"]})
    entry_id = "" if last is None else last["id"] or ""
    return f"{await _digest(sor, pipeline, definition)}.{entry_id}"


async def check_state(
    sor: SafeSqlor, pipeline: Mapping[str, Any], state: str | None, actor: Actor
) -> None:
    """
    Raise Conflict `state_moved` unless the locked *pipeline* is as it was when *state* was made;
    None: whatever it is like.
    """
    if state is None:
        return
    digest, _, entry_id = state.partition(".")
    if digest == await _digest(sor, pipeline, None):
        return
    entries = await _later(sor, pipeline, entry_id)
    raise STATE_MOVED(
        extra={"changes": [_as_answer(entry, actor.lang) for entry in entries]},
        changes=reduce(_behind, map(_in_words, entries)) if entries else "?",
    )


async def _digest(
    sor: SafeSqlor, pipeline: Mapping[str, Any], definition: Definition | None
) -> str:
    if definition is None:
        definition = definition_of(pipeline, await steps_of(sor, pipeline["id"]))
    content = [freeze(definition).checksum, pipeline["status"], pipeline["current_version"]]
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()[:_DIGEST_LENGTH]


async def _later(sor: SafeSqlor, pipeline: Mapping[str, Any], entry_id: str) -> Sequence[Row]:
    """Return the entries after *entry_id*, the newest first. One that was begun before it and
    committed after it has a smaller id: then the newest there is says most."""
    values = {"pipeline_id": pipeline["id"], "id": entry_id, "limit": MAX_CHANGES}
    entries: Sequence[Row] = await sor.sqlExe(ENTRIES_AFTER, values)
    return entries or await sor.sqlExe(LATEST_ENTRY, {"pipeline_id": pipeline["id"]})


def _behind(first: Message, rest: Message) -> Message:
    return Message("{first}; {rest}", first=first, rest=rest)


def _in_words(entry: Mapping[str, Any]) -> Message:
    return Message(
        "{who}, {when}, {what}",
        who=_who(entry),
        when=entry["created_at"],
        what=_deed(entry),
    )


def _deed(entry: Mapping[str, Any]) -> Message:
    action = Message(AUDIT_ACTIONS.get(entry["action"], entry["action"]))
    return Message("{name}: {action}", name=entry["label"], action=action)


def _who(entry: Mapping[str, Any]) -> str:
    return str(entry["username"] or entry["user_id"] or "?")


def _as_answer(entry: Mapping[str, Any], lang: str) -> dict[str, str]:
    return {
        "who": _who(entry),
        "when": iso(entry["created_at"]),
        "what": translate(_deed(entry), lang),
        "table": entry["table_name"],
        "action": entry["action"],
    }
