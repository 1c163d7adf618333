"""
Running `.dspy` files.

Replaces ahserver's PythonScriptProcessor, which reads, indents and compiles a script for every
request, copies some 220 names through wrapper objects and passes answers through an e-mail parser
(kernel D1). Here a file is compiled once per version, with `params_kw` and the request as its only
arguments: request parameters can never become names (A5).
"""

import ast
import inspect
import textwrap
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from ahserver.baseProcessor import PythonScriptProcessor
from ahserver.serverenv import ServerEnv
from aiohttp import web

from app.access.paths import STATIC_TYPES, Target
from app.access.request_context import CONTEXT
from app.web.endpoint import Endpoint
from app.web.responses import json_response

# Functions of the ecosystem's scripts that belong to one request.
REQUEST_NAMES: dict[str, Callable[[web.Request], Any]] = {
    "get_user": lambda request: _later(request[CONTEXT].actor.user_id),
    "get_username": lambda request: _later(request[CONTEXT].actor.username),
    "get_userorgid": lambda request: _later(request[CONTEXT].actor.org_id),
    "get_userinfo": lambda request: _later(
        {
            "userid": request[CONTEXT].actor.user_id,
            "username": request[CONTEXT].actor.username,
            "userorgid": request[CONTEXT].actor.org_id,
        }
    ),
    "entire_url": lambda request: partial(own_url, request),
}


@dataclass(frozen=True, slots=True)
class Script:
    """
    A compiled file: what runs, which of REQUEST_NAMES it names, and the endpoint it calls;
    `is_doorway`: it calls that and does nothing else.
    """

    run: Callable[..., Awaitable[Any]]
    request_names: tuple[str, ...]
    endpoint: Endpoint | None
    is_doorway: bool


class DspyProcessor(PythonScriptProcessor):
    """The script processor that conf/config.json names `pipeline_dspy`."""

    # By URL; each as of a version of its file.
    _scripts: ClassVar[dict[str, tuple[int, Script]]] = {}

    @classmethod
    def isMe(cls, name: str) -> bool:
        return name == "pipeline_dspy"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Run the script and answer with what it returned."""
        context = request[CONTEXT]
        assert context.target is not None
        script = self.load(context.target)
        if script.request_names:
            own = {name: REQUEST_NAMES[name](request) for name in script.request_names}
            value = await script.run(request, context.params, **own)
        else:
            value = await script.run(request, context.params)
        if isinstance(value, web.StreamResponse):
            return value
        if isinstance(value, str):
            return json_response(value, content_type="text/plain; charset=utf-8")
        return json_response(value)

    @classmethod
    def load(cls, target: Target) -> Script:
        """Return the script of *target*, compiled once for each version of its file."""
        entry = cls._scripts.get(target.url)
        if entry is not None and entry[0] == target.version:
            return entry[1]
        text = target.file.read_text("utf-8")
        script = compile_script(text, str(target.file), dict(ServerEnv()))
        cls._scripts[target.url] = (target.version, script)
        return script


def allowed_methods(target: Target | None) -> str:
    """
    Return the methods that *target* answers to, as the header `Allow` names them: those of the
    endpoint that its script calls; what reads, as lists and pages do, takes both.
    """
    if target is not None and target.suffix in STATIC_TYPES:
        return "GET"
    endpoint = endpoint_at(target)
    return ", ".join(("GET", "POST") if endpoint is None else endpoint.methods)


def endpoint_at(target: Target | None) -> Endpoint | None:
    """Return the endpoint that the script of *target* calls; None where it calls none."""
    if target is None or target.suffix != ".dspy":
        return None
    return DspyProcessor.load(target).endpoint


def direct_endpoint(target: Target | None) -> Endpoint | None:
    """Return the endpoint that answers requests for *target* straight from the parser; None where
    it has none, or its script does more than to call it."""
    if target is None or target.suffix != ".dspy":
        return None
    script = DspyProcessor.load(target)
    endpoint = script.endpoint if script.is_doorway else None
    return None if endpoint is None or endpoint.direct is None else endpoint


def compile_script(text: str, file: str, env: dict[str, Any]) -> Script:
    """Compile *text* to an async function that sees the names of *env*."""
    source = f"async def _script(request, params_kw):\n{textwrap.indent(text, '    ')}\n"
    body = ast.parse(source, file)
    names_in_script = [node.id for node in ast.walk(body) if isinstance(node, ast.Name)]
    names = tuple(sorted(REQUEST_NAMES.keys() & names_in_script))
    values = (env.get(name) for name in names_in_script)
    endpoint = next((value for value in values if isinstance(value, Endpoint)), None)
    function = body.body[0]
    if not isinstance(function, ast.AsyncFunctionDef):
        raise SyntaxError(f"{file}: not a script")
    function.args.kwonlyargs = [ast.arg(arg=name) for name in names]
    function.args.kw_defaults = [None for _ in names]
    ast.fix_missing_locations(body)
    namespace = dict(env)
    exec(compile(body, file, "exec"), namespace)  # noqa: S102  the scripts are our own files
    run = namespace["_script"]
    if not inspect.iscoroutinefunction(run):
        raise SyntaxError(f"{file}: not a script")
    return Script(run, names, endpoint, _is_doorway(function))


def _is_doorway(function: ast.AsyncFunctionDef) -> bool:
    match function.body:
        case [
            ast.Return(
                ast.Await(
                    ast.Call(ast.Name(), [ast.Name("request"), ast.Name("params_kw")], keywords=[])
                )
            )
        ]:
            return True
    return False


def own_url(request: web.Request, url: str) -> str:
    """
    Return *url* as a path from the server's root, relative to the page's folder; never a host name,
    so that nobody's Host header can end up in a page (CC-1, HOST-1).
    """
    if url.startswith(("/", "http://", "https://")):
        return url
    target = request[CONTEXT].target
    parts = target.url.split("/")[:-1] if target is not None else [""]
    for piece in url.split("/"):
        if piece == "..":
            parts = parts[:-1] or [""]
        elif piece not in ("", "."):
            parts.append(piece)
    return "/".join(parts) or "/"


def _later(value: Any) -> Callable[[], Awaitable[Any]]:
    async def answer() -> Any:
        return value

    return answer
