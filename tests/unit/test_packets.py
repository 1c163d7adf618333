"""Packets come out as they were sent, wherever what comes is parted."""

import asyncio
import random
from types import SimpleNamespace
from typing import Any

import aiomysql
import pytest

from app.db.packets import PacketReader

FULL = 0xFFFFFF
BIG = bytes(random.Random(7).randbytes(FULL))


def framed(content: bytes) -> bytes:
    """*content* as the server sends it: what fills a packet is followed by another one."""
    parts = [content[start : start + FULL] for start in range(0, len(content) + 1, FULL)]
    return b"".join(len(part).to_bytes(3, "little") + b"\x07" + part for part in parts)


def connection_of(parts: list[bytes]) -> Any:
    """A connection on which *parts* come, each in a turn of the loop, and then nothing more."""
    coming = iter(parts)

    async def read(_: int) -> bytes:
        await asyncio.sleep(0)
        return next(coming, b"")

    return SimpleNamespace(_reader=SimpleNamespace(read=read), close=lambda: None)


async def packets_of(parts: list[bytes]) -> list[bytes]:
    reader, packets = PacketReader(connection_of(parts)), []
    with pytest.raises(aiomysql.OperationalError, match="Lost connection"):  # noqa: PT012
        while True:
            some = await reader.some()
            assert some
            packets += some
    return packets


@pytest.mark.parametrize("seed", range(30))
async def test_packets_are_whole_wherever_they_are_parted(seed: int) -> None:
    chance = random.Random(seed)
    contents = [chance.randbytes(chance.choice((0, 1, 3, 4, 60, 300, 5000))) for _ in range(60)]
    text = b"".join(map(framed, contents))
    places = sorted(chance.sample(range(1, len(text)), chance.choice((1, 40, 2000))))

    parts = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]

    assert await packets_of(parts) == contents


@pytest.mark.parametrize("extra", [-1, 0, 1, FULL])
async def test_what_is_longer_than_a_packet_is_one(extra: int) -> None:
    content = (BIG + BIG)[: FULL + extra]
    text = b"".join(map(framed, (b"before", content, b"", b"behind")))

    for size in (1 << 18, 100_003):
        parts = [text[start : start + size] for start in range(0, len(text), size)]
        assert await packets_of(parts) == [b"before", content, b"", b"behind"]


async def test_parts_of_a_long_packet_are_joined_once() -> None:
    text = framed(b"x" * 1_000_000)
    parts = [text[start : start + 1000] for start in range(0, len(text), 1000)]
    reader = PacketReader(connection_of(parts[:-1]))

    with pytest.raises(aiomysql.OperationalError):
        await reader.some()

    # Each is kept as it has come, but for the head of the first.
    assert [len(part) for part in reader._parts] == [996, *map(len, parts[1:-1])]
