"""Waiting in a test's own event loop."""

import asyncio
from collections.abc import Callable

from tests.support.installation import Installation

WITHIN_SECONDS = 30


async def until(is_so: Callable[[], object]) -> None:
    """Return once *is_so*; fails where that takes longer than any machine does."""
    async with asyncio.timeout(WITHIN_SECONDS):
        while not is_so():
            await asyncio.sleep(0.005)


async def until_row_is_waited_for(installation: Installation) -> None:
    """Return once a transaction waits for a row that another has locked."""
    admin = installation.mariadb.admin_connection()
    assert admin is not None
    waiting = "select 1 from information_schema.innodb_trx where trx_state = 'LOCK WAIT'"
    with admin.open() as connection, connection.cursor() as cursor:
        async with asyncio.timeout(WITHIN_SECONDS):
            while not cursor.execute(waiting):
                # The server looks anew only when nobody has asked for a tenth of a second.
                await asyncio.sleep(0.15)
