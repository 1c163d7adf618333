"""The document of the distributor API, as OpenAPI and as a page to read; needs no key."""

from typing import Any

from aiohttp import web

from app.global_func import CONTEXT, answering, json_response
from pipeline_dist.api import docs_page
from pipeline_dist.api.openapi.document import document_text


@answering("GET")
async def openapi(request: web.Request, params: dict[str, Any]) -> web.StreamResponse:
    """Return the OpenAPI document, for tools."""
    return json_response(document_text(request[CONTEXT].lang), headers={"Vary": "Accept-Language"})


@answering("GET")
async def docs(request: web.Request, params: dict[str, Any]) -> web.StreamResponse:
    """Return the page that shows the OpenAPI document, for people."""
    return json_response(
        docs_page.page(request[CONTEXT].lang),
        headers={"Vary": "Accept-Language"},
        content_type=docs_page.HTML_TYPE,
    )
