"""
The document of the distributor API, as OpenAPI and as a page to read; needs no key.

What describes the API is imported for the first reader, in a thread: no call needs it.
"""

import asyncio
from typing import Any

from aiohttp import web

from app.global_func import CONTEXT, answering, json_response

HTML_TYPE = "text/html; charset=utf-8"
_BY_LANGUAGE = {"Vary": "Accept-Language"}


@answering("GET")
async def openapi(request: web.Request, params: dict[str, Any]) -> web.StreamResponse:
    """Return the OpenAPI document, for tools."""
    text = await asyncio.to_thread(_document_text, request[CONTEXT].lang)
    return json_response(text, headers=_BY_LANGUAGE)


@answering("GET")
async def docs(request: web.Request, params: dict[str, Any]) -> web.StreamResponse:
    """Return the page that shows the OpenAPI document, for people."""
    page = await asyncio.to_thread(_page, request[CONTEXT].lang)
    return json_response(page, headers=_BY_LANGUAGE, content_type=HTML_TYPE)


def _document_text(lang: str) -> bytes:
    from pipeline_dist.api.openapi.document import document_text

    return document_text(lang)


def _page(lang: str) -> str:
    from pipeline_dist.api.docs_page import page

    return page(lang)
