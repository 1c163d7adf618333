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
from functools import partial
from typing import Any, ClassVar

from ahserver.baseProcessor import PythonScriptProcessor
from ahserver.serverenv import ServerEnv
from aiohttp import web

from app.access.paths import STATIC_TYPES, Target
from app.base.errors import AppError
from app.web.responses import json_response

Script = Callable[..., Awaitable[Any]]

# Functions of the ecosystem's scripts that belong to one request.
REQUEST_NAMES: dict[str, Callable[[web.Request], Any]] = {
    "get_user": lambda request: _later(request["actor"].user_id),
    "get_username": lambda request: _later(request["actor"].username),
    "get_userorgid": lambda request: _later(request["actor"].org_id),
    "get_userinfo": lambda request: _later(
        {
            "userid": request["actor"].user_id,
            "username": request["actor"].username,
            "userorgid": request["actor"].org_id,
        }
    ),
    "entire_url": lambda request: partial(own_url, request),
}


class DspyProcessor(PythonScriptProcessor):
    """The script processor that conf/config.json names `pipeline_dspy`."""

    _scripts: ClassVar[dict[str, tuple[int, Script, tuple[str, ...]]]] = {}

    @classmethod
    def isMe(cls, name: str) -> bool:
        return name == "pipeline_dspy"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Run the script and answer with what it returned."""
        script, names = self.load(request["target"])
        if names:
            request_names = {name: REQUEST_NAMES[name](request) for name in names}
            value = await script(request, request["params"], **request_names)
        else:
            value = await script(request, request["params"])
        if isinstance(value, web.StreamResponse):
            return value
        if isinstance(value, str):
            return json_response(value, content_type="text/plain; charset=utf-8")
        return json_response(value)

    @classmethod
    def load(cls, target: Target) -> tuple[Script, tuple[str, ...]]:
        """The compiled script of *target* and which request functions it names."""
        entry = cls._scripts.get(target.url)
        if entry is not None and entry[0] == target.version:
            return entry[1], entry[2]
        text = target.file.read_text("utf-8")
        script, names = compile_script(text, str(target.file), dict(ServerEnv()))
        cls._scripts[target.url] = (target.version, script, names)
        return script, names


def allowed_methods(target: Target | None) -> str:
    """
    The methods that *target* answers to, as the header `Allow` names them: those of the endpoint
    that its script calls; what reads, as lists and pages do, takes both.
    """
    if target is not None and target.suffix in STATIC_TYPES:
        return "GET"
    methods = getattr(_endpoint_of(target), "methods", ("GET", "POST"))
    return ", ".join(methods)


async def decorate_refusal(request: web.Request, refusal: AppError) -> AppError:
    """
    *refusal*, raised before the script of *request* ran, as the endpoint that it calls tells it:
    an endpoint that has a `complete` may add headers, or look at something of its own first.
    """
    complete = getattr(_endpoint_of(request["target"]), "complete", None)
    return refusal if complete is None else await complete(request, refusal)


async def admit(request: web.Request) -> None:
    """
    Before a body is read that may be large: let the endpoint that the script of *request* calls
    look who is asking, if it has an `admit`. Raises what that raises.
    """
    look = getattr(_endpoint_of(request["target"]), "admit", None)
    if look is not None:
        await look(request)


def _endpoint_of(target: Target | None) -> Any:
    """The endpoint that the script of *target* calls; None where it calls none."""
    if target is None or target.suffix != ".dspy":
        return None
    script, _ = DspyProcessor.load(target)
    values = [script.__globals__.get(name) for name in script.__code__.co_names]
    return next((value for value in values if getattr(value, "methods", None)), None)


def compile_script(text: str, file: str, env: dict[str, Any]) -> tuple[Script, tuple[str, ...]]:
    """*text* as an async function, and the names of REQUEST_NAMES it uses."""
    source = f"async def _script(request, params_kw):\n{textwrap.indent(text, '    ')}\n"
    body = ast.parse(source, file)
    names_in_script = {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}
    names = tuple(sorted(names_in_script & REQUEST_NAMES.keys()))
    function = body.body[0]
    if not isinstance(function, ast.AsyncFunctionDef):
        raise SyntaxError(f"{file}: not a script")
    function.args.kwonlyargs = [ast.arg(arg=name) for name in names]
    function.args.kw_defaults = [None for _ in names]
    ast.fix_missing_locations(body)
    namespace = dict(env)
    exec(compile(body, file, "exec"), namespace)  # noqa: S102  the scripts are our own files
    script = namespace["_script"]
    if not inspect.iscoroutinefunction(script):
        raise SyntaxError(f"{file}: not a script")
    return script, names


def own_url(request: web.Request, url: str) -> str:
    """
    *url* as a path from the server's root, relative to the page's folder; never a host name,
    so that nobody's Host header can end up in a page (CC-1, HOST-1).
    """
    if url.startswith(("/", "http://", "https://")):
        return url
    parts = request["target"].url.split("/")[:-1]
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
