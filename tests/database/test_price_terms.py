"""Prices in the database: what ends, what succeeds it, and what a call that began before sees."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.base.errors import AppError
from app.base.ids import new_id
from app.db.transactions import in_transaction, reading, transaction
from app.records.rows import insert_row
from app.schema.validation import check_new
from pipeline_ops.rules.pricing import prices_in_force
from pipeline_ops.tables.prices import SERVICE, TABLE
from tests.support.trade import EVENING, Clock

HOUR = timedelta(hours=1)


class Prices:
    """The prices of a new line, and a clock."""

    def __init__(self, pipeline_id: str, hands: Clock) -> None:
        self.pipeline_id = pipeline_id
        self.hands = hands

    async def add(self, **fields: Any) -> dict[str, Any]:
        values = {"pipeline_id": self.pipeline_id, "unit": "call", "unit_price": "1", **fields}
        return await SERVICE.create_from(values, SYSTEM_ACTOR)

    async def change(self, price: dict[str, Any], **fields: Any) -> dict[str, Any]:
        row = await self.read(price)
        values = {"id": price["id"], "lock_version": row["lock_version"], **fields}
        return await SERVICE.update_from(values, SYSTEM_ACTOR)

    async def remove(self, price: dict[str, Any]) -> dict[str, Any]:
        return await SERVICE.delete_from({"id": price["id"]}, SYSTEM_ACTOR)

    async def read(self, price: dict[str, Any]) -> dict[str, Any]:
        return (await self.rows(id=price["id"]))[0]

    async def rows(self, **where: Any) -> Sequence[dict[str, Any]]:
        async with reading() as sor:
            rows: Sequence[dict[str, Any]] = await sor.R(
                TABLE, {"pipeline_id": self.pipeline_id, **where}
            )
        return rows

    async def number(self) -> int:
        """The line's terms_no: that of a call which begins now."""
        async with reading() as sor:
            (row,) = await sor.R("pipelines", {"id": self.pipeline_id})
        return int(row["terms_no"])

    async def applying(self, number: int | None = None) -> list[Decimal | None]:
        """The unit prices of a call that begins now, or began now when *number* was the line's."""
        terms_no = await self.number() if number is None else number
        async with reading() as sor:
            terms = await prices_in_force(
                sor, self.pipeline_id, self.hands.moment, terms_no=terms_no
            )
        return [one.unit_price for one in terms]


@pytest.fixture
async def prices(hands: Clock) -> Prices:
    name = new_id().lower()
    row = await in_transaction(
        lambda sor: insert_row(sor, "pipelines", {"code": name, "name": name}, SYSTEM_ACTOR)
    )
    return Prices(row["id"], hands)


async def refusal(work: Awaitable[Any]) -> AppError:
    with pytest.raises(AppError) as caught:
        await work
    return caught.value


async def test_a_price_in_force_is_succeeded_in_one_go(prices: Prices) -> None:
    old = await prices.add(remark="as agreed")
    prices.hands.moment += HOUR

    assert (await refusal(prices.change(old, unit_price="2"))).code == "in_use"
    new = await prices.change(old, unit_price="2", change_from="now")

    assert (new["replaces"], new["unit_price"], new["effective_from"]) == (
        old["id"], Decimal(2), prices.hands.moment,
    )  # fmt: skip
    assert new["ended"]["id"] == old["id"]
    assert (await prices.read(old))["effective_to"] == prices.hands.moment
    assert await prices.applying() == [Decimal(2)]


async def test_the_successor_may_begin_later_and_be_of_another_type(prices: Prices) -> None:
    old = await prices.add()
    start = prices.hands.moment + HOUR

    new = await prices.change(
        old, pricing_type="package", package_size=10, package_price="7", unit_price=None,
        change_from=start.isoformat(),
    )  # fmt: skip

    assert (new["effective_from"], new["package_price"], new["unit_price"]) == (start, 7, None)
    assert await prices.applying() == [Decimal(1)]
    prices.hands.moment = start
    assert await prices.applying() == [None]


async def test_the_end_of_before_is_the_successor_s(prices: Prices) -> None:
    end = prices.hands.moment + 2 * HOUR
    old = await prices.add(effective_to=end.isoformat())

    new = await prices.change(old, unit_price="2", change_from="now")

    assert new["effective_to"] == end


async def test_a_time_that_is_over_is_refused(prices: Prices) -> None:
    old = await prices.add()

    error = await refusal(
        prices.change(old, unit_price="2", change_from=(prices.hands.moment - HOUR).isoformat())
    )

    assert [problem.field for problem in error.problems] == ["change_from"]


@pytest.mark.parametrize("way", ["switch off", "delete"])
async def test_what_is_in_force_ends_now_and_its_row_stays(prices: Prices, way: str) -> None:
    old = await prices.add()
    prices.hands.moment += HOUR

    record = await (prices.remove(old) if way == "delete" else prices.change(old, enabled=0))

    assert (record["enabled"], record["effective_to"]) == (1, prices.hands.moment)
    assert await prices.rows() == [record]
    prices.hands.moment += HOUR
    for again in (prices.remove(old), prices.change(old, effective_to=None)):
        assert (await refusal(again)).code == "in_use"


async def test_a_draft_is_edited_and_deleted(prices: Prices) -> None:
    later = (prices.hands.moment + HOUR).isoformat()
    for draft in (await prices.add(enabled=0), await prices.add(effective_from=later)):
        edited = await prices.change(draft, unit_price="3", unit="image")
        assert (edited["id"], edited["unit_price"]) == (draft["id"], Decimal(3))
        await prices.remove(draft)
    assert await prices.rows() == []


async def test_deleting_a_successor_gives_the_end_back(prices: Prices) -> None:
    end = prices.hands.moment + 3 * HOUR
    old = await prices.add(effective_to=end.isoformat())
    start = prices.hands.moment + HOUR
    new = await prices.change(old, unit_price="2", change_from=start.isoformat())
    # Edited as a draft, the end of before is not forgotten.
    await prices.change(new, effective_to=(start + HOUR / 2).isoformat())

    await prices.remove(new)

    row = await prices.read(old)
    assert (row["effective_to"], row["succeeded_by"]) == (end, None)


async def test_the_end_is_given_back_up_to_the_next_price(prices: Prices) -> None:
    old = await prices.add()
    start = prices.hands.moment + HOUR
    new = await prices.change(old, unit_price="2", change_from=start.isoformat())
    await prices.change(new, effective_to=(start + HOUR).isoformat())
    await prices.add(unit_price="3", effective_from=(start + HOUR).isoformat())

    await prices.remove(new)

    assert (await prices.read(old))["effective_to"] == start + HOUR


@pytest.mark.parametrize("what", ["moved", "passed"])
async def test_an_end_that_was_moved_or_has_passed_is_not_given_back(
    prices: Prices, what: str
) -> None:
    old = await prices.add()
    start = prices.hands.moment + HOUR
    new = await prices.change(old, unit_price="2", change_from=start.isoformat())
    end = start
    if what == "moved":
        end = prices.hands.moment + HOUR / 2
        await prices.change(old, effective_to=end.isoformat())
    else:
        await prices.change(new, enabled=0)
        prices.hands.moment = start

    await prices.remove(new)

    assert (await prices.read(old))["effective_to"] == end


async def test_prices_of_one_key_do_not_overlap(prices: Prices) -> None:
    old = await prices.add()
    other = await prices.add(model="m")
    start = (prices.hands.moment + HOUR).isoformat()

    for work in (
        prices.add(),
        prices.add(effective_from=start),
        prices.change(other, model="", change_from=start),
        prices.change(await prices.add(enabled=0), enabled=1),
    ):
        assert (await refusal(work)).code == "price_overlap"
    await prices.change(old, effective_to=start)
    later = await prices.add(effective_from=start)
    assert (await refusal(prices.change(old, effective_to=None))).code == "price_overlap"
    assert later["terms_no"] == later["end_terms_no"] == await prices.number()


# Known when the call began.


async def test_a_call_that_began_before_keeps_its_price(prices: Prices) -> None:
    old = await prices.add()
    terms_no = await prices.number()
    # The same millisecond: no clock could tell.
    await prices.change(old, unit_price="2", change_from="now")
    prices.hands.moment += timedelta(milliseconds=1)

    assert await prices.applying(terms_no) == [Decimal(1)]
    assert await prices.applying() == [Decimal(2)]


async def test_a_price_entered_with_a_start_in_the_past_reaches_no_call_of_before(
    prices: Prices,
) -> None:
    terms_no = await prices.number()
    await prices.add(effective_from=(EVENING - HOUR).isoformat())

    assert await prices.applying(terms_no) == []
    assert await prices.applying() == [Decimal(1)]


async def test_enabling_a_draft_records_it_then(prices: Prices) -> None:
    draft = await prices.add(enabled=0)
    terms_no = await prices.number()

    await prices.change(draft, enabled=1)

    assert await prices.applying(terms_no) == []
    assert await prices.applying() == [Decimal(1)]


async def test_every_change_raises_and_writes_the_number(prices: Prices) -> None:
    numbers = [await prices.number()]
    old = await prices.add()
    numbers.append(await prices.number())
    new = await prices.change(
        old, unit_price="2", change_from=(prices.hands.moment + HOUR).isoformat()
    )
    numbers.append(await prices.number())
    await prices.change(new, unit_price="3")
    numbers.append(await prices.number())
    await prices.remove(new)
    numbers.append(await prices.number())
    await prices.change(old, effective_to=(prices.hands.moment + HOUR).isoformat())
    numbers.append(await prices.number())
    await prices.remove(old)
    numbers.append(await prices.number())

    assert numbers == sorted(set(numbers))


async def test_a_price_of_before_there_were_numbers_is_known_to_every_call(prices: Prices) -> None:
    row = {
        "pipeline_id": prices.pipeline_id, "unit": "call", "unit_price": Decimal(1),
        "effective_from": EVENING - 2 * HOUR, "effective_to": EVENING - HOUR,
    }  # fmt: skip
    await in_transaction(lambda sor: insert_row(sor, TABLE, row, SYSTEM_ACTOR))

    assert await prices.applying(0) == []
    prices.hands.moment -= 2 * HOUR
    assert await prices.applying(0) == [Decimal(1)]


async def test_a_remark_changes_no_number(prices: Prices) -> None:
    price = await prices.add()
    terms_no = await prices.number()

    record = await prices.change(price, remark="as agreed")

    assert (record["remark"], await prices.number()) == ("as agreed", terms_no)


async def test_two_who_enter_the_same_price_write_the_same_row(prices: Prices) -> None:
    """What tells them apart on two database nodes: the second waits here, and is refused."""
    fields = {"pipeline_id": prices.pipeline_id, "unit": "call", "unit_price": "1"}
    before = await prices.number()
    async with transaction() as sor:
        await SERVICE.create(sor, check_new(TABLE, fields), SYSTEM_ACTOR)
        second = asyncio.ensure_future(prices.add())
        await asyncio.sleep(0.2)
        assert not second.done()
    assert await prices.number() == before + 1
    assert (await refusal(second)).code == "price_overlap"


# Currencies.


async def test_another_currency_is_asked_about(prices: Prices) -> None:
    await prices.add(currency="CNY")

    error = await refusal(prices.add(unit="image", currency="USD"))
    assert (error.status, error.code) == (409, "confirm_currency")
    assert error.extra["ask"]["name"] == "confirm_currency"
    dollars = await prices.add(unit="image", currency="USD", confirm_currency=1)

    assert dollars["currency"] == "USD"
    await prices.add(unit="second", currency="USD")  # one of the line's currencies now


async def test_a_change_of_the_currency_is_asked_about(prices: Prices) -> None:
    old, _ = await prices.add(), await prices.add(unit="image")

    error = await refusal(prices.change(old, currency="USD", change_from="now"))
    new = await prices.change(old, currency="USD", change_from="now", confirm_currency=1)

    assert (error.code, new["currency"]) == ("confirm_currency", "USD")


async def test_the_only_price_of_a_line_may_be_in_any_currency(prices: Prices) -> None:
    old = await prices.add()

    new = await prices.change(old, currency="JPY", change_from="now")

    assert new["currency"] == "JPY"
    assert (await refusal(prices.change(new, currency="XYZ", change_from="now"))).status == 400
