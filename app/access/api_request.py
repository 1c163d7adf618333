"""
A request as the functions of an API for programs see it, whichever way it came: by aiohttp's own
request object, or straight from the HTTP parser (app/server/direct.py).
"""

from aiohttp import web
from multidict import CIMultiDictProxy, MultiDict, MultiDictProxy, MultiMapping

from app.access.request_context import CONTEXT, RequestContext

NO_QUERY: MultiMapping[str] = MultiDictProxy(MultiDict())


class ApiRequest:
    """
    What was asked for, its head under the names that aiohttp has for it, so that whoever looks at a
    head alone takes either. `body`: all of it where it came straight from the parser, else None:
    then the context has what was read.
    """

    __slots__ = (
        "app", "body", "body_exists", "client_max_size", "content_length", "content_type",
        "context", "headers", "host", "method", "path", "query", "query_string", "raw_path",
        "remote",
    )  # fmt: skip

    app: web.Application
    body: bytes | None
    body_exists: bool
    client_max_size: int
    content_length: int | None
    content_type: str
    context: RequestContext
    headers: CIMultiDictProxy[str]
    host: str
    method: str
    path: str
    query: MultiMapping[str]
    query_string: str
    raw_path: str
    remote: str | None

    def __getitem__(self, key: "web.RequestKey[RequestContext]") -> RequestContext:
        """Return what is known of the request; CONTEXT is the only key."""
        return self.context

    @classmethod
    def of(cls, request: web.Request) -> "ApiRequest":
        """Return *request*, of which all has been read, as such a one."""
        own = cls()
        own.app, own.body = request.app, None
        own.body_exists, own.client_max_size = request.body_exists, request.client_max_size
        own.content_length, own.content_type = request.content_length, request.content_type
        own.context, own.headers, own.host = request[CONTEXT], request.headers, request.host
        own.method, own.path, own.raw_path = request.method, request.path, request.raw_path
        own.query, own.query_string = request.query, request.query_string
        own.remote = request.remote
        return own


AnyRequest = web.Request | ApiRequest
