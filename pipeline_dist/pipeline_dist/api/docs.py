"""
The document of the distributor API, as OpenAPI and as pages to read; needs no key.

What describes the API is imported for the first reader, in a thread: no call needs it.
"""

import asyncio
from typing import Any

from aiohttp import web

from app.global_func import CONTEXT, NOT_FOUND, Answer, answering, json_response, with_tag

JSON_TYPE = Answer.content_type
HTML_TYPE = "text/html; charset=utf-8"


@answering("GET")
async def openapi(request: web.Request, params: dict[str, Any]) -> web.StreamResponse:
    """Return the OpenAPI document, for tools."""
    return await _response(await asyncio.to_thread(_document_text, request[CONTEXT].lang))


@answering("GET")
async def docs(request: web.Request, params: dict[str, Any]) -> web.StreamResponse:
    """Return the page that shows the OpenAPI document, for people."""
    return await _response(await asyncio.to_thread(_page, request[CONTEXT].lang), HTML_TYPE)


@answering("GET")
async def guide(request: web.Request, params: dict[str, Any]) -> web.StreamResponse:
    """Return the page of the guide called `name`."""
    name = str(params.get("name", ""))
    text = await asyncio.to_thread(_guide, name, request[CONTEXT].lang)
    if text is None:
        raise NOT_FOUND()
    return await _response(text, HTML_TYPE)


@answering("GET")
async def search(request: web.Request, params: dict[str, Any]) -> web.StreamResponse:
    """Return what the pages' own search looks through."""
    return await _response(await asyncio.to_thread(_search_index, request[CONTEXT].lang))


async def _response(body: Any, content_type: str = JSON_TYPE) -> web.StreamResponse:
    answer = await with_tag(Answer(body, content_type=content_type), vary="Accept-Language")
    return json_response(answer.body, headers=answer.headers, content_type=content_type)


def _document_text(lang: str) -> bytes:
    from pipeline_dist.api.openapi.document import document_text

    return document_text(lang)


def _page(lang: str) -> str:
    from pipeline_dist.api.docs_page import page

    return page(lang)


def _guide(name: str, lang: str) -> str | None:
    from pipeline_dist.api.docs_page import guide_page

    return guide_page(name, lang)


def _search_index(lang: str) -> list[dict[str, str]]:
    from pipeline_dist.api.docs_page import search_index

    return search_index(lang)
