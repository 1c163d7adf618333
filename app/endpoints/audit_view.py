"""An entry of the audit trail in words, as the description of a widget."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from app.base.clock import iso
from app.base.errors import Message
from app.base.i18n import title, translate
from app.base.shares import share_text
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
}
_SHOWN = 2000


def entry_view(entry: Mapping[str, Any], can_be_put_back: Iterable[str], lang: str) -> Widget:
    """Return *entry* (a row of `app_audit`) with its fields before and after."""
    model = tables().get(entry["table_name"])
    heading = Message(
        "{what} {label}: {action}",
        what=title(model.title, lang) if model else entry["table_name"],
        label=entry["label"],
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
    further = [f"{name}: {_plain(value)}" for name, value in detail.items()]
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
