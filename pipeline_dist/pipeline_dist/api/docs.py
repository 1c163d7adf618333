"""
The document of the distributor API, as OpenAPI and as a page to read; needs no key.

What describes the API is imported for the first reader, in a thread: no call needs it.
"""

import asyncio
from typing import Any

from aiohttp import web

from app.global_func import CONTEXT, Answer, answering, json_response, with_tag

JSON_TYPE = Answer.content_type
HTML_TYPE = "text/html; charset=utf-8"


@answering("GET")
async def openapi(request: web.Request, params: dict[str, Any]) -> web.StreamResponse:
    """Return the OpenAPI document, for tools."""
    return await _with_tag(await asyncio.to_thread(_document_text, request[CONTEXT].lang))


@answering("GET")
async def docs(request: web.Request, params: dict[str, Any]) -> web.StreamResponse:
    """Return the page that shows the OpenAPI document, for people."""
    return await _with_tag(await asyncio.to_thread(_page, request[CONTEXT].lang), HTML_TYPE)


async def _with_tag(
    body: str | bytes, content_type: str = Answer.content_type
) -> web.StreamResponse:
    answer = await with_tag(Answer(body, content_type=content_type), vary="Accept-Language")
    return json_response(answer.body, headers=answer.headers, content_type=content_type)


def _document_text(lang: str) -> bytes:
    from pipeline_dist.api.openapi.document import document_text

    return document_text(lang)


def _page(lang: str) -> str:
    from pipeline_dist.api.docs_page import page

    return page(lang)
