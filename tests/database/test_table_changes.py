"""Changes of tables wait shortly, say so, and are tried again; the fence is for all others."""

import asyncio

import pytest

from app.db import table_changes
from app.db.migrate import migrate
from app.db.numbered import MigrationError
from tests.support.installation import Installation


async def test_a_change_lets_others_by_while_a_transaction_holds_its_table(
    bare_pool: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_changes, "MAX_WAIT_SECONDS", 1)
    monkeypatch.setattr(table_changes, "PAUSE_SECONDS", 0.1)
    bare_pool.query("alter table pipeline_pricing drop index pipeline_pricing_owner")
    waits = asyncio.Event()
    with bare_pool.connect() as connection, connection.cursor() as cursor:
        connection.begin()
        cursor.execute("select count(*) from pipeline_pricing")
        work = asyncio.create_task(
            migrate(tell=lambda line: waits.set() if "waiting" in line else None)
        )
        await waits.wait()
        # Whoever comes now does not wait behind the change for longer than that.
        rows = await asyncio.to_thread(bare_pool.query, "select id from pipeline_pricing")
        connection.rollback()
    lines = await work

    assert rows == []
    assert lines[:2] == [
        "pipeline_pricing: waiting for a transaction that uses it",
        "pipeline_pricing: added index pipeline_pricing_owner",
    ]


async def test_a_table_that_stays_in_use_is_named(
    bare_pool: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("MAX_WAIT_SECONDS", 1), ("PAUSE_SECONDS", 0), ("TRIES", 1)):
        monkeypatch.setattr(table_changes, name, value)
    bare_pool.query("alter table pipeline_pricing drop index pipeline_pricing_owner")
    with bare_pool.connect() as connection, connection.cursor() as cursor:
        connection.begin()
        cursor.execute("select count(*) from pipeline_pricing")
        with pytest.raises(MigrationError, match="pipeline_pricing: a transaction uses it all"):
            await migrate()
        connection.rollback()
    await migrate()
