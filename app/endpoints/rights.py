"""The page /rights.ui asks here: `explain_rights`, which /rights.dspy calls."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from app.access.explain import read_facts, what_may, who_may
from app.access.explain_text import Section, explain_what_may, explain_who_may
from app.access.request_context import CONTEXT, WEB_PATHS
from app.base.catalogue.fields import PATH_OR_USER_REQUIRED
from app.base.refusals import InvalidFields
from app.schema.validation import FieldRule, check_params
from app.web.responses import is_page, json_response

_QUERY = {
    "path": FieldRule(kind="str", length=512, default=""),
    "username": FieldRule(kind="str", length=255, default=""),
}


async def explain_rights(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """
    Tell who may use `path`; or what `username` may do; or, with both, whether that user may use it,
    and why.

    A page gets it in words and tables, a program as JSON. Raises InvalidFields when neither is
    given, NotFound when Sage has no such user.
    """
    query = check_params(_QUERY, params)
    path, username = query["path"].strip(), query["username"]
    if not path and not username:
        raise InvalidFields([PATH_OR_USER_REQUIRED("path")])
    facts, find = await read_facts(), request.app[WEB_PATHS].find
    lang = request[CONTEXT].lang
    if username:
        answer = what_may(facts, username, path or None, find)
        sections = explain_what_may(answer, lang)
    else:
        answer = who_may(facts, path, find)
        sections = explain_who_may(answer, lang)
    return json_response(_view(sections) if is_page(params) else {"data": answer})


def _view(sections: Sequence[Section]) -> dict[str, Any]:
    first, *others = sections
    return {
        "widgettype": "VBox",
        "options": {"width": "100%", "gap": "12px"},
        "subwidgets": [
            {"widgettype": "Title5", "options": {"text": first.sentence}},
            *_table_of(first),
            *(widget for section in others for widget in _widgets(section)),
        ],
    }


def _widgets(section: Section) -> list[dict[str, Any]]:
    return [
        {"widgettype": "Text", "options": {"text": section.sentence, "wrap": True}},
        *_table_of(section),
    ]


def _table_of(section: Section) -> list[dict[str, Any]]:
    if not section.rows:
        return []
    lines = [section.headings, ["---"] * len(section.headings)]
    lines += [[_cell(text) for text in row] for row in section.rows]
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return [{"widgettype": "MdText", "options": {"mdtext": text}}]


def _cell(text: str) -> str:
    """Text of others in a table of Markdown: shown as it is, whatever signs it has."""
    plain = " ".join(text.replace("`", "ˋ").replace("|", "¦").split())
    return f"`{plain}`" if plain else ""
