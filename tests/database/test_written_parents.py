"""
What refers to a row writes that row: a lock holds on one database node, and what two nodes must
agree on is told apart by what both have written.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.db.transactions import in_transaction
from app.records.table_service import TABLE_SERVICES, TableService
from app.schema.tables import tables
from tests.support.trade import Trade, make_trade

pytestmark = pytest.mark.usefixtures("hands")

NEW: Mapping[str, dict[str, Any]] = {
    "pipeline_steps": {"step_key": "s", "name": "S", "model": "m"},
    "pipeline_versions": {"notes": "first"},
    "pipeline_capacity": {},
    "pipeline_pricing": {"unit": "call", "unit_price": "1"},
    "distributor_pipeline": {},
}


def service(table: str) -> TableService:
    item = TABLE_SERVICES.get(table)
    assert item is not None
    return item


def parents(table: str) -> list[tuple[str, str]]:
    columns = tables()[table].columns.items()
    return [(name, column.references) for name, column in columns if column.references]


async def numbers(trade: Trade, table: str) -> list[int]:
    return [(await trade.row(parent))["lock_no"] for _, parent in parents(table)]


def keys(trade: Trade, table: str) -> dict[str, str]:
    return {name: trade.rows[parent]["id"] for name, parent in parents(table)}


async def make_alone() -> Trade:
    """A line and a distributor that have nothing to do with each other."""
    trade = await make_trade()

    async def work(sor: Any) -> None:
        for table in ("distributor_pipeline", "pipeline_capacity"):
            await sor.D(table, {"id": trade.rows[table]["id"]})

    await in_transaction(work)
    return trade


@pytest.mark.parametrize("table", NEW)
async def test_a_new_row_writes_those_it_refers_to(table: str) -> None:
    # A price of its own has only who has the line.
    trade = await (make_trade() if table == "pipeline_pricing" else make_alone())
    before = await numbers(trade, table)

    await service(table).create_from(NEW[table] | keys(trade, table), SYSTEM_ACTOR)

    assert all(new > old for new, old in zip(await numbers(trade, table), before, strict=True))


async def test_what_ends_a_link_writes_the_distributor() -> None:
    trade = await make_trade()
    before = (await trade.row("distributors"))["lock_no"]
    link = trade.rows["distributor_pipeline"]

    await service("distributor_pipeline").delete_from({"id": link["id"]}, SYSTEM_ACTOR)

    assert (await trade.row("distributors"))["lock_no"] > before


async def test_what_changes_a_step_writes_the_pipeline() -> None:
    trade = await make_alone()
    steps = service("pipeline_steps")
    step = await steps.create_from(
        NEW["pipeline_steps"] | keys(trade, "pipeline_steps"), SYSTEM_ACTOR
    )
    before = (await trade.row("pipelines"))["lock_no"]

    await steps.update_from({"id": step["id"], "lock_version": 1, "name": "T"}, SYSTEM_ACTOR)

    assert (await trade.row("pipelines"))["lock_no"] > before
