"""
Rendering `.ui` and `.tmpl` files.

Replaces ahserver's template engine, which keeps the last visitor's values on cached templates
(TMPL-1), and BricksUIProcessor, which puts page JSON unescaped into the HTML frame (XSS-1).
"""

import json
from functools import cache, partial
from pathlib import Path
from typing import Any

from ahserver.baseProcessor import BricksUIProcessor, TemplateProcessor
from ahserver.serverenv import ServerEnv
from aiohttp import web
from jinja2 import BaseLoader, Environment, TemplateNotFound

from app.access.page_trim import without_refused_tools
from app.access.paths import WebPaths
from app.access.permissions import may_open
from app.access.rbac import Rights
from app.access.request_context import CONTEXT, RBAC, SETTINGS, WEB_PATHS
from app.base.version import version
from app.endpoints.views import list_views
from app.server.dspy import own_url
from app.web.responses import JSON_TYPE, is_page, json_response

HTML_TYPE = "text/html; charset=utf-8"


class PageLoader(BaseLoader):
    """Templates by their URL path; a path is its file or nothing."""

    def __init__(self, paths: WebPaths) -> None:
        self._paths = paths

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Any]:
        """Text and file of the template at URL path *template*."""
        target = self._paths.find(template)
        if target is None or target.suffix not in (".ui", ".tmpl", ".md"):
            raise TemplateNotFound(template)
        version = target.file.stat().st_mtime_ns
        file = target.file
        return (
            file.read_text("utf-8"),
            str(file),
            lambda: file.exists() and file.stat().st_mtime_ns == version,
        )


class PageEngine(Environment):
    """Jinja with nothing remembered between requests but compiled templates."""

    def __init__(self, paths: WebPaths) -> None:
        super().__init__(loader=PageLoader(paths), enable_async=True, autoescape=False)
        self.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": False}

    async def render(self, ___name: str, **values: Any) -> str:
        """Render the template at URL path *___name* with *values*."""
        return await self.get_template(___name).render_async(**values)

    async def renders(self, tmplstr: str, data: dict[str, Any]) -> str:
        """Render the template text *tmplstr* with *data*."""
        return await self.from_string(tmplstr).render_async(**data)


async def render_page(request: web.Request, url: str) -> str:
    """Render the `.ui` or `.tmpl` at *url* for this request."""
    env = ServerEnv()
    engine: PageEngine = env.tmpl_engine
    context = request[CONTEXT]
    return await engine.render(
        url,
        request=request,
        params_kw=context.params,
        lang=context.lang,
        actor=context.actor,
        may=partial(may_open, request),
        entire_url=lambda path: own_url(request, path),
        get_module_dbname=env.get_module_dbname,
        bricks_asset=lambda name: bricks_asset(request.app[SETTINGS].web_root, name),
        json=_PageJson,
        version=version(),
        list_views=partial(list_views, request),
        time_zone=request.app[SETTINGS].quota_time_zone,
    )


def _own_page(request: web.Request) -> str:
    """Return the URL of the page that was asked for."""
    target = request[CONTEXT].target
    assert target is not None
    return target.url


def _may_use(request: web.Request, rights: Rights, path: str) -> bool:
    """Return whether the caller may use what stands at *path*; nothing there is nothing refused."""
    target = request.app[WEB_PATHS].find(path)
    return target is None or rights.allows(request[CONTEXT].actor.roles, target.url)


class _PageJson:
    """What generated templates call `json`: they write request parameters into the page."""

    @staticmethod
    def dumps(value: Any, **options: Any) -> str:
        return json.dumps(value, default=str, **options)


@cache
def _manifest(file: Path, version: int) -> dict[str, str]:
    return dict(json.loads(file.read_text("utf-8")))


def bricks_asset(web_root: Path, name: str) -> str:
    """URL of the built front-end file called *name*, with its content's hash in it."""
    file = web_root / "bricks" / "manifest.json"
    try:
        manifest = _manifest(file, file.stat().st_mtime_ns)
    except FileNotFoundError:
        return f"/bricks/{name}"
    return f"/bricks/{manifest.get(name, name)}"


class TmplProcessor(TemplateProcessor):
    """`.tmpl` files: `pipeline_tmpl`."""

    @classmethod
    def isMe(cls, name: str) -> bool:
        return name == "pipeline_tmpl"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer the rendered template as HTML."""
        text = await render_page(request, _own_page(request))
        return json_response(text, content_type=HTML_TYPE)


class UiProcessor(BricksUIProcessor):
    """`.ui` pages: `pipeline_ui`. JSON for the runtime, a framed HTML page for a browser."""

    @classmethod
    def isMe(cls, name: str) -> bool:
        return name == "pipeline_ui"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Return the page's JSON, or the JSON between /bricks/header.tmpl and footer.tmpl."""
        text = await render_page(request, _own_page(request))
        rights = await request.app[RBAC].rights()
        text = without_refused_tools(text, partial(_may_use, request, rights))
        if is_page(request[CONTEXT].params):
            return json_response(text.encode("utf-8"), content_type=JSON_TYPE)
        return await with_frame(request, text)


async def with_frame(request: web.Request, page_json: str, status: int = 200) -> web.Response:
    """Return *page_json* inside the HTML frame; nothing in it can end the script element."""
    header = await render_page(request, "/bricks/header.tmpl")
    footer = await render_page(request, "/bricks/footer.tmpl")
    # In JSON a "<" stands in strings only, where this spelling means the same.
    safe = page_json.replace("<", "\\u003c")
    return json_response(f"{header}{safe}{footer}", status, content_type=HTML_TYPE)
