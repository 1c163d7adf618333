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


def row_is_waited_for(installation: Installation) -> bool:
    """Whether a transaction waits for a row that another has locked."""
    admin = installation.mariadb.admin_connection()
    assert admin is not None
    with admin.open() as connection, connection.cursor() as cursor:
        waiting = "select 1 from information_schema.innodb_trx where trx_state = 'LOCK WAIT'"
        return bool(cursor.execute(waiting))
