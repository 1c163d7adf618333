"""Waiting in a test's own event loop."""

import asyncio
from collections.abc import Callable

WITHIN_SECONDS = 10


async def until(is_so: Callable[[], object]) -> None:
    """Return once *is_so*; fails where that takes longer than any machine does."""
    async with asyncio.timeout(WITHIN_SECONDS):
        while not is_so():
            await asyncio.sleep(0.005)
