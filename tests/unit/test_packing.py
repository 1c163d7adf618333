"""What answers are packed and what tags they have: the headers of HTTP, read as they are meant."""

import asyncio
import gzip
from types import SimpleNamespace
from typing import Any

import pytest
from multidict import CIMultiDict

from app.web.packing import (
    MAX_IN_LOOP_BYTES,
    MIN_PACKED_BYTES,
    Transfer,
    tag_of,
    takes_gzip,
    transfer as transfer_of,
)
from app.web.responses import JSON_TYPE

LONG = b"[" + b"1," * MIN_PACKED_BYTES + b"1]"
TAG = asyncio.run(tag_of(LONG))
PACKED_TAG = TAG[:-1] + '-gzip"'


def transfer(
    *lines: tuple[str, str],
    body: bytes = LONG,
    method: str = "GET",
    status: int = 200,
    kind: str = JSON_TYPE,
    **headers: str,
) -> Transfer:
    """How an answer of *body*, with *headers*, is sent to who sends these *lines* in the head."""
    request: Any = SimpleNamespace(method=method, headers=CIMultiDict(lines))
    own = {name.replace("_", "-"): value for name, value in headers.items()}
    return asyncio.run(transfer_of(request, status, own, kind, body))


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip", True), ("GZIP", True), ("x-gzip", True), ("gzip, deflate, br", True),
        ("br, gzip;q=0.1", True), ("gzip ; q=1", True), ("*", True), ("*;q=0.1", True),
        ("gzip;q=0.001", True), ("deflate, *;q=0.5", True), ("gzip;q=0.5, identity;q=0.5", True),
        ("", False), ("identity", False), ("br", False), ("gzip;q=0", False),
        ("gzip;q=0.000", False), ("gzip;q=0, *", False), ("*;q=0", False), ("notgzip", False),
        ("gzip;q=0.2, identity;q=0.3", False), ("gzip;q=x", False), ("gzip;q=nan", False),
        ("x-gzip;q=0, *", False), ("gzip;q=-1", False), (",,;=", False),
    ],
)  # fmt: skip
def test_who_takes_gzip(header: str, takes: bool) -> None:
    assert takes_gzip(header) is takes


def test_long_text_is_packed_for_who_takes_it() -> None:
    result = transfer(("Accept-Encoding", "br"), ("Accept-Encoding", "gzip"))

    assert gzip.decompress(result.body) == LONG
    assert result.headers == {"Vary": "Accept-Encoding", "Content-Encoding": "gzip"}
    assert len(result.body) < len(LONG) / 10


def test_who_does_not_take_it_hears_that_others_would_get_another_one() -> None:
    assert transfer() == Transfer(200, {"Vary": "Accept-Encoding"}, LONG)
    headers = transfer(Vary="Accept-Language").headers
    assert headers == {"Vary": "Accept-Language, Accept-Encoding"}


@pytest.mark.parametrize(
    "answer",
    [
        {"body": LONG[: MIN_PACKED_BYTES - 1]},
        {"kind": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
        {"Content_Encoding": "br"},
        {"Cache_Control": "no-store, no-transform"},
    ],
    ids=["short", "packed already", "encoded already", "secret"],
)
def test_the_rest_goes_out_as_it_is(answer: dict[str, Any]) -> None:
    result = transfer(("Accept-Encoding", "gzip"), **answer)

    assert (result.headers, result.body) == ({}, answer.get("body", LONG))


def test_each_representation_has_its_tag() -> None:
    packed = transfer(("Accept-Encoding", "gzip"), ETag=TAG)

    assert packed.headers["ETag"] == PACKED_TAG
    assert "ETag" not in transfer(ETag=TAG).headers


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        (TAG, 304), (f"W/{TAG}", 304), ("*", 304), (f'"x", {TAG}', 304),
        ('"x"', 200), (TAG.strip('"'), 200), (PACKED_TAG, 200), ("", 200),
    ],
)  # fmt: skip
def test_who_has_it_is_told_so(tags: str, status: int) -> None:
    result = transfer(("If-None-Match", tags), ETag=TAG)

    assert (result.status, result.body) == (status, b"" if status == 304 else LONG)
    assert result.headers == {"Vary": "Accept-Encoding"}


def test_who_has_it_packed_is_told_so_by_that_tag() -> None:
    asks = ("Accept-Encoding", "gzip")
    result = transfer(asks, ("If-None-Match", PACKED_TAG), ETag=TAG)

    assert result == Transfer(304, {"Vary": "Accept-Encoding", "ETag": PACKED_TAG}, b"")
    assert transfer(asks, ("If-None-Match", TAG), ETag=TAG).status == 200


@pytest.mark.parametrize("answer", [{"method": "POST"}, {"status": 404}])
def test_only_what_was_read_can_be_had_already(answer: dict[str, Any]) -> None:
    result = transfer(("If-None-Match", TAG), ETag=TAG, **answer)

    assert (result.status, result.body) == (answer.get("status", 200), LONG)


def test_what_is_very_long_is_packed_beside_the_loop() -> None:
    """Others are answered in the meantime: the loop never stands for as long as packing takes."""
    body = b"%d" * (100 * MAX_IN_LOOP_BYTES)
    turns = 0

    async def measure() -> Transfer:
        nonlocal turns
        request: Any = SimpleNamespace(
            method="GET", headers=CIMultiDict({"Accept-Encoding": "gzip"})
        )
        work = asyncio.ensure_future(transfer_of(request, 200, {}, JSON_TYPE, body))
        while not work.done():
            turns += 1
            await asyncio.sleep(0)
        return work.result()

    assert gzip.decompress(asyncio.run(measure()).body) == body
    assert turns > 2
