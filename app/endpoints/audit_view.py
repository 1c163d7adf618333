"""An entry of the audit trail for its readers: names instead of ids, words instead of codes."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from app.access.user_names import USER_COLUMNS, names_of
from app.base.actor import USERS
from app.base.clock import iso
from app.base.errors import Message
from app.base.i18n import title, translate
from app.base.shares import share_text
from app.db.sqlor import SafeSqlor
from app.records.deletions import TOGETHER
from app.records.trail import STAMPS, label_of
from app.schema.tables import Column, Table, table as table_model, tables

Widget = dict[str, Any]
Cell = dict[str, str]

ACTIONS = {
    "create": "made",
    "update": "changed",
    "delete": "deleted",
    "move": "moved",
    "reorder": "put in another order",
    "publish": "published",
    "rollback": "rolled back",
    "import": "imported",
    "load": "loaded from a version",
    "request_publication": "going live asked for",
    "approve_publication": "going live approved",
    "cancel_publication": "request cancelled",
    "fail_publication": "did not go live at its time",
    "set_approval": "approval set",
    "set_status": "given another status",
    "put_back": "put back",
    "generate_key": "given a new key",
    "revoke_key": "key revoked",
    "void": "voided",
    "adjust": "adjusted",
    "topup": "topped up",
    "close_month": "a month closed",
    "sign_in": "signed in",
    "sign_in_failed": "could not sign in",
    "password": "new password",
    "password_link": "given a link for a new password",
    "invitation": "invited",
    "disable_user": "disabled",
    "enable_user": "enabled",
    "roles": "given other roles",
    "second_factor_on": "second factor turned on",
    "second_factor_off": "second factor turned off",
    "second_factor_reset": "second factor taken away",
    "recovery_codes": "given new recovery codes",
    "sessions": "ended other sessions",
}
# What `detail` says beside the columns.
DETAILS = {
    "after": "After",
    "alone_in_stage": "Alone in its stage",
    "amount": "Amount",
    "before": "Before",
    "by": "By",
    "change": "Done as",
    "cloned_from": "Copied from",
    "count": "How many",
    "entry": "Entry in the trail",
    "further": "Further",
    "reason": "Reason",
    "reference": "Reference",
    "renamed": "Renamed",
    "roles": "Roles",
    "second_factor": "Second factor",
    "version_no": "Version",
}
WORDS = {
    "bad_credentials": "wrong name or password",
    "wrong_code": "wrong or used code",
    "link": "one-time link",
    "only the log tells more of this hour": "only the log tells more of this hour",
}
MAX_CHARACTERS = 2000
_NOTHING = {"text": "–"}


async def entry_view(
    sor: SafeSqlor,
    entry: Mapping[str, Any],
    can_be_put_back: Iterable[str],
    lang: str,
    *,
    row: bool,
) -> Widget:
    """
    Return *entry* (a row of `app_audit`) as a widget `AuditEntry`: its fields before and after.

    *can_be_put_back* names fields; *row*: the row that it deleted can be. Times are told as they
    are in the database: the page writes them in its reader's zone.
    """
    model = tables().get(entry["table_name"])
    heading = Message(
        "{what} {label}: {action}",
        what=_what(entry, model, lang),
        label=_label_of(entry),
        action=Message(ACTIONS.get(entry["action"], entry["action"])),
    )
    before, after, detail = (
        json.loads(entry[part] or "{}") for part in ("before", "after", "detail")
    )
    is_change = bool(before) and bool(after)
    names = [
        name
        for name in dict.fromkeys([*before, *after])
        if not _is_bookkeeping(model, name)
        # Of a row that came or went only what it says.
        if is_change or {**before, **after}[name] not in (None, "")
    ]
    texts = await _names(sor, model, names, (before, after))
    fields = set(can_be_put_back)

    def cell(part: Mapping[str, Any], name: str) -> Cell | None:
        return _cell(part[name], _column(model, name), texts, lang) if name in part else None

    return {
        "widgettype": "AuditEntry",
        "options": {
            "id": entry["id"],
            "heading": translate(heading, lang),
            "time": iso(entry["created_at"]),
            "who": entry["username"] or entry["user_id"] or "–",
            "address": entry["address"] or "–",
            "request": entry["request_id"] or "–",
            "further": [
                {
                    "label": translate(Message(DETAILS.get(name, name)), lang),
                    **_of_detail(value, lang),
                }
                for name, value in detail.items()
                if name != TOGETHER
            ],
            "row": row,
            "fields": [
                {
                    "name": name,
                    "label": _label(model, name, lang),
                    "before": cell(before, name),
                    "after": cell(after, name),
                    "put_back": name in fields,
                }
                for name in names
            ],
        },
    }


def _what(entry: Mapping[str, Any], model: Table | None, lang: str) -> str:
    if entry["table_name"] == USERS:
        return translate(Message("User"), lang)
    return title(model.title, lang) if model else str(entry["table_name"])


def _label_of(entry: Mapping[str, Any]) -> str | Message:
    # A name that nobody has is not kept.
    is_nobody = entry["table_name"] == USERS and not entry["label"]
    return Message("(no user of this name)") if is_nobody else str(entry["label"])


def _of_detail(value: Any, lang: str) -> Cell:
    if value is True:
        return {"text": translate(Message("yes"), lang)}
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return {"text": ", ".join(value)} if value else _NOTHING
    if isinstance(value, str) and value in WORDS:
        return {"text": translate(Message(WORDS[value]), lang)}
    return _plain(value)


def _column(model: Table | None, name: str) -> Column | None:
    return model.columns.get(name) if model else None


def _is_bookkeeping(model: Table | None, name: str) -> bool:
    """Return whether a column is kept only for the row to be put back."""
    column = _column(model, name)
    return name in STAMPS or (column is not None and column.unaudited)


def _label(model: Table | None, name: str, lang: str) -> str:
    column = _column(model, name)
    return title(column.title, lang) if column else name


async def _names(
    sor: SafeSqlor, model: Table | None, names: Iterable[str], parts: Iterable[Mapping[str, Any]]
) -> dict[str, str]:
    """Return by what name people call the records and users whose ids are in *parts*."""
    texts: dict[str, str] = {}
    for name in names:
        ids = sorted({str(part[name]) for part in parts if part.get(name)})
        column = _column(model, name)
        if not ids or column is None:
            continue
        if name in USER_COLUMNS:
            texts |= await names_of(ids)
        elif column.references is not None:
            parent = table_model(column.references)
            rows = await sor.sqlExe(
                f"select * from `{parent.name}` where id in ${{ids}}$",  # noqa: S608  of the models
                {"ids": ids},
            )
            texts |= {row["id"]: row.get("name") or label_of(parent, row) for row in rows}
    return texts


def _cell(value: Any, column: Column | None, texts: Mapping[str, str], lang: str) -> Cell:
    if value is None or value == "" or column is None:
        return _plain(value)
    if column.kind == "datetime":
        return {"time": str(value)}
    if column.format == "share":
        return {"text": share_text(Decimal(value), lang)}
    if column.boolean:
        return {"text": translate(Message("yes" if value else "no"), lang)}
    if str(value) in column.choices:
        return {"text": title(column.choices[str(value)], lang)}
    is_id = column.references is not None or column.name in USER_COLUMNS
    return {"text": texts.get(str(value), str(value))} if is_id else _plain(value)


def _plain(value: Any) -> Cell:
    if value is None or value == "":
        return _NOTHING
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return {"text": text if len(text) <= MAX_CHARACTERS else text[:MAX_CHARACTERS] + "…"}
