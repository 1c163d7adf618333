"""check-ledger over closed months: each statement against its ledger, its files and itself."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.db.transactions import in_transaction
from pipeline_dist.admission.credits import book_credit
from pipeline_dist.closing import store
from pipeline_dist.closing.store import Statement
from pipeline_ops.ledger.states import EntryType
from tests.database.test_closing import AFTER, NOVEMBER, close, trade  # noqa: F401  a fixture
from tests.support.installation import Installation
from tests.support.tampering import without_triggers
from tests.support.trade import Clock, Trade, differences

STATEMENT, FILE, LEDGER = "app_statement", "app_statement_file", "pipeline_usage_log"


@pytest.fixture
async def result(trade: Trade, hands: Clock) -> Statement:  # noqa: F811
    """November with 7 units at 0.5 and an adjustment of 2, closed."""
    await in_transaction(
        lambda sor: book_credit(
            sor, EntryType.ADJUSTMENT, trade.distributor_id, Decimal(2), "set-up", None,
            SYSTEM_ACTOR,
        )
    )  # fmt: skip
    hands.moment = AFTER
    statement = await close(trade)
    assert statement is not None
    assert await doubts() == set()
    return statement


async def doubts() -> set[str]:
    """What is wrong with statements."""
    return {item.counter for item in await differences() if item.table == STATEMENT}


@contextmanager
def with_change(
    pool: Installation, table: str, change: str, where: str, *values: Any
) -> Iterator[None]:
    """Change rows for a while, whatever keeps them."""
    before = pool.query(f"select * from {table} where {where}")
    with without_triggers(pool, table):
        pool.query(f"{change} where {where}", *values)
        try:
            yield
        finally:
            for row in before:
                marks = ", ".join(["%s"] * len(row))
                names = ", ".join(f"`{name}`" for name in row)
                pool.query(f"replace into {table} ({names}) values ({marks})", *row.values())


@pytest.mark.parametrize(
    ("change", "counters"),
    [
        ("total = total + 1", {"total", "total of the content"}),
        ("amount = amount + 1",
         {"amount", "amount of the content", "parts of the amount", "total"}),
        ("calls = calls + 1", {"calls", "calls of the content"}),
        ("row_count = row_count + 1", {"rows"}),
        ("number = '2026-11-0900'", {"number of the content"}),
        ("currency = 'KWD'", {"currency of the content"}),
        ("zone = 'UTC'", {"time_zone of the content"}),
        ("starts_at = starts_at + interval 1 day", {"from of the content"}),
        ("closed_at = closed_at + interval 1 day", {"closed_at of the content"}),
        ("entry_no = 1", {"rows settled after it"}),
        ("content = replace(content, 'call', 'cola')",
         {"content that is not of its checksum", "content that is no statement"}),
        ("content = '['",
         {"content that is not of its checksum", "content that is no statement"}),
    ],
)  # fmt: skip
async def test_a_statement_that_was_changed_is_found(
    pool: Installation, result: Statement, change: str, counters: set[str]
) -> None:
    with with_change(pool, STATEMENT, f"update {STATEMENT} set {change}", f"id = '{result.id}'"):
        assert await doubts() == counters
    assert await doubts() == set()


@pytest.mark.parametrize(
    ("old", "new", "counters"),
    [
        ('"total":"5.50"', '"total":"6.50"', {"total of the content"}),
        ('"unit_price":"0.5', '"unit_price":"0.6',
         {f"{name} of   call {price} 1" for name in ("quantity", "amount")
          for price in ("0.5", "0.6")}),
        ('"lines_amount":"3.5', '"lines_amount":"4.5', {"lines_amount", "parts of the amount"}),
        ('"reason":"set-up"', '"reason":"goodwill"', {"adjustment 2"}),
        ('"name":"', '"name":"other ', set()),
    ],
)  # fmt: skip
async def test_a_content_with_a_checksum_of_its_own_is_found(
    pool: Installation, result: Statement, old: str, new: str, counters: set[str]
) -> None:
    (content,) = (row["content"] for row in pool.query(f"select content from {STATEMENT}"
                                                       f" where id = '{result.id}'"))  # fmt: skip
    assert old in content
    text = content.replace(old, new)
    change = f"update {STATEMENT} set content = %s, checksum = %s"
    values = (text, hashlib.sha256(text.encode()).hexdigest())
    with with_change(pool, STATEMENT, change, f"id = '{result.id}'", *values):
        assert await doubts() == counters | {"file json that is not of the content"}


@pytest.mark.parametrize("kind", ["json", "csv", "xlsx", "print"])
async def test_a_file_that_was_changed_is_found(
    pool: Installation, result: Statement, kind: str
) -> None:
    where = f"statement_id = '{result.id}' and kind = '{kind}'"
    rows = pool.query(f"select * from {FILE} where {where} order by lang")
    names = {f"file {' '.join(filter(None, (kind, row['lang'])))}" for row in rows}
    packed = store._pack(store.unpack(rows[0]["content"])[:-1])
    for content in (packed, "not packed"):
        with with_change(pool, FILE, f"update {FILE} set content = %s", where, content):
            expected = {f"{name} that is not of its checksum" for name in names}
            also = {"file json that is not of the content"} if kind == "json" else set()
            assert await doubts() == expected | also


async def test_a_file_that_is_not_there_is_made_until_it_should_have_been(
    pool: Installation, result: Statement, hands: Clock
) -> None:
    where = f"statement_id = '{result.id}' and kind = 'csv'"
    with with_change(pool, FILE, f"delete from {FILE}", where):
        assert await doubts() == set()

        hands.moment = AFTER + timedelta(hours=1)
        assert await doubts() == {"files"}


@pytest.mark.parametrize(
    ("change", "counters"),
    [
        ("amount = amount + 1",
         {"amount", "amount of   call 0.5 1", "adjustment 2"}),
        ("entry_no = 9", {"rows settled after it", "adjustment 2", "adjustment 9"}),
        ("unit_price = 1",
         {f"{name} of   call {price} 1" for name in ("quantity", "amount")
          for price in ("0.5", "1")}),
        ("reason = 'goodwill'", {"adjustment 2"}),
    ],
)  # fmt: skip
async def test_a_statement_that_is_not_of_its_rows_is_found(
    pool: Installation, result: Statement, change: str, counters: set[str]
) -> None:
    where = f"distributor_id = '{result.distributor_id}'"
    if "entry_no" in change:
        where += " and entry_type = 'adjustment'"
    with with_change(pool, LEDGER, f"update {LEDGER} set {change}", where):
        assert await doubts() == counters


async def test_a_closed_month_without_its_statement_is_found(
    pool: Installation, result: Statement
) -> None:
    with with_change(pool, STATEMENT, f"delete from {STATEMENT}", f"id = '{result.id}'"):
        (deviation,) = [item for item in await differences() if item.table == STATEMENT]
    assert deviation.key.endswith(f" {NOVEMBER}")
    assert (deviation.says, deviation.should_be) == (0, 1)
