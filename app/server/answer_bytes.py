"""An answer as the bytes that go out: those that aiohttp's response would write."""

import re
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus

from aiohttp.helpers import rfc822_formatted_time
from multidict import CIMultiDict

from app.web.responses import Answer, body_bytes, usual_headers

# What ends a header's value, or is no text; as aiohttp has it.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def answer_bytes(answer: Answer, request_id: str, *, is_last: bool = False) -> bytes:
    """Return *answer* to the request of this id, in HTTP/1.1, with *is_last* the connection's last
    one; raises ValueError for a header that would be more than one."""
    body = body_bytes(answer.body, answer.content_type)
    own = answer.headers
    if own and _CONTROL.search("".join([*own, *own.values()])):
        raise ValueError("a control character in a header")
    usual, head = (
        usual_headers(answer.content_type),
        _usual_head(answer.status, answer.content_type),
    )
    for name, value in own.items():
        if name in usual:
            head = _head(answer.status, _with(usual, own))
            break
        head += f"{name}: {value}\r\n"
    if is_last:
        head += "Connection: close\r\n"
    length = "" if answer.status == 304 else f"Content-Length: {len(body)}\r\n"
    return (
        f"{head}X-Request-Id: {request_id}\r\n{length}Date: {rfc822_formatted_time()}\r\n\r\n"
    ).encode() + body


# What they are made of does not change once requests are answered (`insist_on_https`).
@lru_cache(maxsize=256)
def _usual_head(status: int, content_type: str) -> str:
    return _head(status, usual_headers(content_type))


def _with(usual: CIMultiDict[str], own: Mapping[str, str]) -> CIMultiDict[str]:
    headers = usual.copy()
    headers.update(own)
    return headers


def _head(status: int, headers: Mapping[str, str]) -> str:
    start = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
    # Without a body there is nothing to be of a type.
    untold = "Content-Type" if status == 304 else None
    return start + "".join(
        [f"{name}: {value}\r\n" for name, value in headers.items() if name != untold]
    )
