"""
The search over everything, for the command palette: `/appbase/search.dspy`.

What is searched the modules say (SearchSource); whoever may see the list of a table hears of its
records here, and nobody else.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

from app.access.permissions import may_list_any
from app.base.catalogue.records import LIST_TOO_SLOW
from app.base.contributions import Contributions
from app.base.errors import AppError
from app.db.sqlor import SafeSqlor
from app.db.transactions import reading
from app.records.filters import any_case, like_pattern
from app.schema.tables import table as table_model
from app.schema.validation import FieldRule, check_params
from app.web.endpoint import answering
from app.web.responses import json_response

MAX_HITS = 8  # of each kind: who wants more writes more letters, or opens the list

_QUERY = {"q": FieldRule(kind="str", required=True, length=200)}


@dataclass(frozen=True, slots=True)
class Hit:
    """
    A record: its page's address, what people call it, what tells it from others of that name, and
    when it began (ISO 8601), where that says something.
    """

    url: str
    text: str
    detail: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class SearchSource:
    """Records of `table` by what somebody types: at most MAX_HITS, the best first."""

    name: str
    table: str
    find: Callable[[SafeSqlor, str], Awaitable[list[Hit]]]


SEARCH_SOURCES = Contributions(SearchSource, lambda source: source.name)


def records_by_name(table: str, url: str) -> Callable[[SafeSqlor, str], Awaitable[list[Hit]]]:
    """
    Return a search in `code` and `name` of *table*, whose records have pages at *url* and their id.

    What is the code or the name comes first, then what begins with the text, then what has it
    anywhere.
    """

    async def find(sor: SafeSqlor, text: str) -> list[Hit]:
        code, pattern = any_case("code", like_pattern(text))
        name, _ = any_case("name", pattern)
        rows = await sor.sqlExe(
            f"select id, code, name from `{table_model(table).name}`"  # noqa: S608  a model's name
            f" where {code} like ${{pattern}}$ or {name} like ${{pattern}}$"
            f" order by {code} = ${{text}}$ or {name} = ${{text}}$ desc,"
            f" {code} like ${{prefix}}$ or {name} like ${{prefix}}$ desc, name"
            f" limit {MAX_HITS}",
            {"pattern": pattern, "prefix": pattern[1:], "text": text},
        )
        return [Hit(url + row["id"], row["name"], row["code"]) for row in rows]

    return find


async def _hits(source: SearchSource, text: str) -> list[Hit] | None:
    """Return None where it would take too long: the others are told all the same."""
    try:
        async with reading(refusal=LIST_TOO_SLOW) as sor:
            return await source.find(sor, text)
    except AppError as exc:
        if exc.code != LIST_TOO_SLOW.code:
            raise
        return None


@answering("GET")
async def search_everything(request: web.Request, params: Mapping[str, Any]) -> web.Response:
    """
    Return `{data: [{name, hits: [{url, text, detail, at}]}], too_slow: [name]}`: what there is of
    *q*, by kind, as far as the caller may see it; kinds without any are left out, and `too_slow`
    names those that would have taken too long.
    """
    text = check_params(_QUERY, params)["q"].strip()
    sources = [
        source
        for source in SEARCH_SOURCES
        if await may_list_any(request, [table_model(source.table)])
    ]
    hits = {source.name: await _hits(source, text) for source in sources}
    return json_response(
        {
            "data": [
                {"name": name, "hits": [asdict(hit) for hit in some]}
                for name, some in hits.items()
                if some
            ],
            "too_slow": [name for name, some in hits.items() if some is None],
        }
    )
