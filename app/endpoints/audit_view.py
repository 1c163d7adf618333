"""An entry of the audit trail in words, as the description of a widget."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from app.base.clock import iso
from app.base.errors import Message
from app.base.i18n import title, translate
from app.base.shares import share_text
from app.records.trail import USERS
from app.schema.tables import Column, Table, tables

Widget = dict[str, Any]

ACTIONS = {
    "create": "made",
    "update": "changed",
    "delete": "deleted",
    "move": "moved",
    "reorder": "put in another order",
    "publish": "published",
    "rollback": "rolled back",
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
# What an entry adds to it.
DETAILS = {
    "reason": "why", "further": "further", "before": "before", "after": "after", "roles": "roles",
    "count": "how many", "by": "by", "second_factor": "second factor",
}  # fmt: skip
WORDS = {
    "bad_credentials": "wrong name or password", "wrong_code": "wrong or used code",
    "link": "one-time link",
    "only the log tells more of this hour": "only the log tells more of this hour",
}  # fmt: skip
_SHOWN = 2000


def entry_view(entry: Mapping[str, Any], can_be_put_back: Iterable[str], lang: str) -> Widget:
    """Return *entry* (a row of `app_audit`) with its fields before and after."""
    model = tables().get(entry["table_name"])
    heading = Message(
        "{what} {label}: {action}",
        what=_what(entry, model, lang),
        label=entry["label"] or Message("(no user of this name)"),
        action=Message(ACTIONS.get(entry["action"], entry["action"])),
    )
    place = Message(
        "{who}, {when}, from {address}, request {request}",
        who=entry["username"] or entry["user_id"] or "–",
        when=iso(entry["created_at"]),
        address=entry["address"] or "–",
        request=entry["request_id"] or "–",
    )
    detail = json.loads(entry["detail"] or "{}")
    further = [f"{_word(DETAILS, name, lang)}: {_of_detail(value, lang)}" for name, value in
               detail.items()]  # fmt: skip
    names = set(can_be_put_back)
    before, after = (json.loads(entry[part] or "{}") for part in ("before", "after"))
    return {
        "widgettype": "VScrollPanel",
        "options": {"width": "100%", "height": "100%", "gap": "8px", "padding": "4px"},
        "subwidgets": [
            {"widgettype": "Title5", "options": {"text": translate(heading, lang)}},
            *(_text(line) for line in (translate(place, lang), *further)),
            *(
                _field(entry, model, name, before, after, lang, button=name in names)
                for name in dict.fromkeys([*before, *after])
            ),
        ],
    }


def _what(entry: Mapping[str, Any], model: Table | None, lang: str) -> str:
    if entry["table_name"] == USERS:
        return translate(Message("User"), lang)
    return title(model.title, lang) if model else str(entry["table_name"])


def _of_detail(value: Any, lang: str) -> str:
    if value is True:
        return translate(Message("yes"), lang)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) or "–"
    return _word(WORDS, value, lang) if isinstance(value, str) else _plain(value)


def _word(words: Mapping[str, str], name: str, lang: str) -> str:
    return translate(Message(words[name]), lang) if name in words else _plain(name)


def _field(
    entry: Mapping[str, Any],
    model: Table | None,
    name: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    lang: str,
    *,
    button: bool,
) -> Widget:
    column = model.columns.get(name) if model else None
    label = title(column.title, lang) if column else name
    words = [_value(part[name], column, lang) for part in (before, after) if name in part]
    line = f"{label} ({name}): {' → '.join(words)}"
    further = [_put_back_button(entry["id"], name, label, lang)] if button else []
    return {
        "widgettype": "HBox",
        "options": {"width": "100%", "gap": "8px", "wrap": True},
        "subwidgets": [_text(line), *further],
    }


def _put_back_button(entry_id: str, name: str, field_label: str, lang: str) -> Widget:
    question = translate(
        Message("Put {field} back to what it was before this change?", field=field_label), lang
    )
    label = translate(Message("Put back"), lang)
    return {
        "widgettype": "Button",
        "options": {"label": label, "tooltip": question},
        "binds": [
            {
                "wid": "self",
                "event": "click",
                "actiontype": "urlwidget",
                "target": "self",
                "conform": {"title": label, "message": question},
                "options": {
                    "method": "POST",
                    "url": "/appbase/audit_put_back.dspy",
                    "params": {"id": entry_id, "field": name},
                },
            }
        ],
    }


def _text(text: str) -> Widget:
    return {"widgettype": "Text", "options": {"text": text, "wrap": True}}


def _value(value: Any, column: Column | None, lang: str) -> str:
    if value is not None and column is not None and column.format == "share":
        return share_text(Decimal(value), lang)
    return _plain(value)


def _plain(value: Any) -> str:
    if value is None or value == "":
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
