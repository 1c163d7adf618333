"""HTTP as bytes, for requests that a well-behaved client would not send."""

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class RawAnswer:
    """Status, headers (lower case) and body of an answer."""

    status: int
    headers: dict[str, str]
    body: str


def send_raw(base_url: str, request: str | bytes, timeout: float = 15) -> RawAnswer:
    """Send *request* byte for byte on a connection of its own and read to the end."""
    place = urlsplit(base_url)
    assert place.hostname is not None
    with socket.create_connection((place.hostname, place.port or 80), timeout) as connection:
        connection.sendall(request.encode() if isinstance(request, str) else request)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    return RawAnswer(int(lines[0].split()[1]), headers, body.decode("utf-8", "replace"))


def get_raw(base_url: str, path: str, *lines: str, host: str | None = None) -> RawAnswer:
    """GET *path* exactly as written, with further header lines."""
    name = host if host is not None else urlsplit(base_url).netloc
    head = "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {name}", "Connection: close", *lines])
    return send_raw(base_url, head + "\r\n\r\n")
