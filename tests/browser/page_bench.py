"""
A bench for the runtime of the pages: the built bundle, and a server whose every answer a test sets.

The runtime must cope with any server that speaks the page format (plain-text 500s, empty answers,
errors with status 200), so what it is fed here is what ahserver and xls2ui really send.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app.base.settings import ROOT
from app.runtime.processes import wait_until
from tests.browser.slowness import delay

BRICKS = ROOT / "app" / "wwwroot" / "bricks"
# Stricter than the application's own: the runtime needs no inline style either.
CONTENT_POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'"
WITHIN_SECONDS = 15
TYPES = {".js": "text/javascript", ".css": "text/css", ".json": "application/json"}


@dataclass
class Request:
    """A request that the page made; `params` of query and body, single values as they are; `file`
    is a body that is neither a form nor JSON."""

    method: str
    path: str
    params: dict[str, Any]
    file: bytes = b""


@dataclass
class Reply:
    """An answer that is more than JSON with status 200; parts of bytes are sent as they come."""

    body: Any
    status: int = 200
    content_type: str = "application/json; utf-8=; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


Answer = Any | Callable[[Request], Any]


class Bench:
    """Answers by path, and every request so far."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[Request] = []
        self.page: Any = {"widgettype": "VBox"}
        self.base_url = ""
        self._gates: list[threading.Event] = []

    def requests_of(self, path: str) -> list[Request]:
        """The requests for *path*, oldest first."""
        return [request for request in self.requests if request.path == path]

    def last(self, path: str) -> dict[str, Any]:
        """What the last request for *path* sent, without the runtime's own parameters."""
        params = self.requests_of(path)[-1].params
        return {name: value for name, value in params.items() if not name.startswith("_")}

    def expect_requests(self, path: str, count: int) -> list[Request]:
        """Wait until so many requests for *path* have come, not more; all of them."""
        assert wait_until(lambda: len(self.requests_of(path)) >= count, WITHIN_SECONDS)
        assert len(self.requests_of(path)) == count
        return self.requests_of(path)

    def gate(self) -> threading.Event:
        """What an answer waits for, however long the test takes; open when the test is over."""
        gate = threading.Event()
        self._gates.append(gate)
        return gate

    def open_gates(self) -> None:
        """Let every answer go that still waits."""
        for gate in self._gates:
            gate.set()

    def answer(self, request: Request) -> Reply:
        """The reply to *request*: what the test set, else 404 as ahserver says it."""
        if request.path == "/page":
            return Reply(self.html(), content_type="text/html; charset=utf-8")
        self.requests.append(request)
        if request.path not in self.answers:
            return Reply("404: Not Found", 404, "text/plain")
        value = self.answers[request.path]
        value = value(request) if callable(value) else value
        return value if isinstance(value, Reply) else Reply(value)

    def html(self) -> str:
        """The page's description in a frame like the application's."""
        names = json.loads((BRICKS / "manifest.json").read_text("utf-8"))
        page = json.dumps(self.page).replace("<", "\\u003c")
        return (
            "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>bench</title>"
            f"<link rel='stylesheet' href='/bricks/{names['bricks.css']}'>"
            f"<meta name='bricks-i18n-zh' content='/bricks/{names['i18n-zh.json']}'>"
            f"<meta name='bricks-i18n-en' content='/bricks/{names['i18n-en.json']}'>"
            f"<script type='module' src='/bricks/{names['bricks.js']}'></script></head><body>"
            f"<script type='application/json' id='bricks-page'>{page}</script></body></html>"
        )


@contextmanager
def running_bench() -> Iterator[Bench]:
    """A bench that listens on a free port of this machine."""
    bench = Bench()

    class Handler(_Handler):
        owner = bench

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    bench.base_url = f"http://127.0.0.1:{server.server_port}"
    # So many seconds it takes at most to shut down.
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield bench
    finally:
        bench.open_gates()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    owner: Bench

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self._serve(self.rfile.read(length))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the test says what went wrong."""

    def _serve(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        if parts.path.startswith("/bricks/"):
            self._send_file(BRICKS / parts.path.removeprefix("/bricks/"))
            return
        kind = self.headers.get("Content-Type") or ""
        is_json = "json" in kind
        file = body if kind == "application/octet-stream" else b""
        form = parts.query if is_json or file else f"{parts.query}&{body.decode('utf-8')}"
        params: dict[str, Any] = {
            name: values[0] if len(values) == 1 else values
            for name, values in parse_qs(form, keep_blank_values=True).items()
        }
        if is_json:
            params |= json.loads(body)
        reply = self.owner.answer(Request(self.command, parts.path, params, file))
        delay()
        if isinstance(reply.body, Iterator):
            self._send_parts(reply)
            return
        text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        self._send(reply.status, reply.content_type, text.encode(), reply.headers)

    def _send_file(self, file: Path) -> None:
        if not file.is_file():
            self._send(404, "text/plain", b"", {})
            return
        self._send(200, TYPES.get(file.suffix, "text/plain"), file.read_bytes(), {})

    def _send(self, status: int, content_type: str, body: bytes, headers: dict[str, str]) -> None:
        with suppress(ConnectionError):  # of a page that has been left
            self._start(status, content_type, {"Content-Length": str(len(body)), **headers})
            self.wfile.write(body)

    def _send_parts(self, reply: Reply) -> None:
        """The connection's end is the answer's, as in HTTP/1.0; whoever is gone misses the rest."""
        self._start(reply.status, reply.content_type, reply.headers)
        with suppress(OSError):
            for part in reply.body:
                self.wfile.write(part)

    def _start(self, status: int, content_type: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Security-Policy", CONTENT_POLICY)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
