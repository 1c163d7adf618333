"""
The fast way of the common call and the general one: the same answers, headers and rows.

Two distributors with the same terms get the same requests at the same moments, one with the fast
way and one without it; what is told and written is compared, names and numbers aside.
"""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from app.base.errors import AppError
from app.base.json_codec import json_bytes
from app.db.transactions import in_transaction, reading
from pipeline_core.lifecycle import step_keys
from pipeline_dist.admission import service as admission
from pipeline_dist.admission.commands import BeginResult
from pipeline_dist.admission.common_call import CommonCalls, CommonResult
from pipeline_dist.admission.limits import rate_limit_headers
from tests.support.trade import EVENING, Clock, Trade, add_price, begin_call, make_trade

pytestmark = pytest.mark.usefixtures("pool")

# Often what is usual: hypothesis has each of a list as often as the others.
_few = st.sampled_from([None, None, None, 0, 4, 9, 30])
WORLDS = st.fixed_dictionaries({
    "quota_period": st.sampled_from(["none", "day", "month"]),
    "quota_calls": _few,
    "rate_limit_per_minute": st.sampled_from([None, None, 3, 12]),
    "spend_limit": st.sampled_from([None] * 3 + [Decimal(n) for n in ("0.5", 20, 1000, 10**6)]),
    "billing_mode": st.sampled_from(["postpaid"] * 3 + ["prepaid"]),
    "balance": st.sampled_from([Decimal(n) for n in (0, "2.5", 20, 999, 10**6)]),
    "spend_period": st.sampled_from(["none", "day", "month"]),
    "closed_month": st.sampled_from([None, None, "2026-10", "2026-11"]),
    "usage_day": st.sampled_from(["2026-11-01"] * 18 + [None, "2027-01-01"]),
    "link": st.fixed_dictionaries({"daily_quota": _few, "monthly_quota": _few}),
    "rate": st.sampled_from([None, Decimal("0.85"), Decimal("0.3333")]),
    "capacity": st.fixed_dictionaries({"daily_quota": _few, "monthly_quota": _few}),
    "has_capacity": st.sampled_from([True, True, True, False]),
    "price": st.sampled_from(["0.5", "0.5", "0.000001", "0.123457", "0", "9999999999"]),
    "unit_size": st.sampled_from([1, 3, 1000]),
    "own_price": st.booleans(),
    "packages": st.booleans(),
})  # fmt: skip
ITEMS = st.fixed_dictionaries({
    "unit": st.sampled_from(["call"] * 6 + ["token"] * 2 + ["pack", "none"]),
    "quantity": st.sampled_from(["1", "1", "1.000000", "2.5", "0", "7", "999999999999"]),
    "step_key": st.sampled_from([""] * 4 + ["known"] * 3 + ["unknown"]),
    "model": st.sampled_from(["", "", "m1", "模型 'x'\\\""]),
})  # fmt: skip
REQUESTS = st.fixed_dictionaries({
    "key": st.sampled_from(["a", "b", "it's \\ 1"]) | st.integers(0, 500).map(str),
    "status": st.sampled_from(["succeeded"] * 6 + ["failed", None]),
    "lines": st.sampled_from([1] * 8 + [0, 2]).flatmap(
        lambda count: st.lists(ITEMS, min_size=count, max_size=count)
    ),
    "client_ref": st.sampled_from([None, "ref", "订单 \"7\" \\ '"]),
    "error": st.sampled_from([None] * 7 + ["boom"]),
    "request_hash": st.sampled_from(["h"] * 5 + ["other"]),
})  # fmt: skip
BATCHES = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 40, 1800, 3600]), st.lists(REQUESTS, min_size=8, max_size=8)
    ),
    min_size=3, max_size=3,
)  # fmt: skip
# The first call of a day asks the ledger; those after it are common.
FIRST = {
    "key": "first", "status": "succeeded", "client_ref": None, "error": None, "request_hash": "h",
    "lines": [{"unit": "call", "quantity": "1"}],
}  # fmt: skip


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Switches the fast way off and on; counts the calls that went it."""
    decide = CommonCalls.decide
    state: dict[str, Any] = {"on": True, "fast": 0}

    def decide_or_not(self: CommonCalls, request: Any) -> BeginResult | None:
        result = decide(self, request) if state["on"] else None
        state["fast"] += result is not None
        return result

    monkeypatch.setattr(CommonCalls, "decide", decide_or_not)
    yield state
    assert state["fast"] > 60, "hardly any call went the fast way"


@settings(
    max_examples=100, deadline=None, derandomize=True, database=None,
    # A story takes a second: what fails is told as it is.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(world=WORLDS, batches=BATCHES)
async def test_both_ways_tell_and_write_the_same(
    hands: Clock, ways: dict[str, Any], world: dict[str, Any], batches: list[Any]
) -> None:
    stories = []
    for fast in (True, False):
        hands.moment = EVENING
        ways["on"] = fast
        trade, names = await make_world(world)
        stories.append(await live_through(hands, trade, names, [(0, [FIRST]), *batches]))

    assert stories[0] == stories[1]


async def make_world(world: dict[str, Any]) -> tuple[Trade, dict[str, str]]:
    """A distributor and a pipeline of these terms; and what their names are called in a story."""
    link = dict(world["link"])
    if world["rate"] is not None:
        link |= {"pricing_mode": "discount", "discount_rate": world["rate"]}
    own = (
        "quota_period", "quota_calls", "rate_limit_per_minute", "spend_limit", "spend_period",
        "billing_mode", "balance", "closed_month", "usage_day",
    )  # fmt: skip
    trade = await make_trade(
        distributors={name: world[name] for name in own},
        distributor_pipeline=link,
        pipeline_capacity=world["capacity"],
    )
    ids = {table: row["id"] for table, row in trade.rows.items()}
    if not world["has_capacity"]:
        await run("delete from pipeline_capacity where id = ${id}$", ids["pipeline_capacity"])
    price, size = Decimal(world["price"]), world["unit_size"]
    await add_price(trade, unit_price=price, unit_size=size)
    await add_price(trade, unit_price=price + 1, unit_size=size, model="m1")
    await add_price(trade, unit="token", unit_price=price, unit_size=size)
    if world["own_price"]:
        owner = {"distributor_id": ids["distributors"]}
        await add_price(trade, unit_price=Decimal("0.25"), step_key="known", **owner)
    if world["packages"]:
        await add_price(
            trade, unit="pack", pricing_type="package", package_size=5, package_price=Decimal(2)
        )
    step_keys._keys[ids["pipelines"], 1] = frozenset({"known"})
    names = {row_id: table for table, row_id in ids.items()}
    prices = await rows("select * from pipeline_pricing where pipeline_id = ${id}$ order by"
                        " unit, model, step_key", ids["pipelines"])  # fmt: skip
    names |= {row["id"]: f"price {number}" for number, row in enumerate(prices)}
    return trade, names | {trade.code: "the code"}


async def live_through(
    hands: Clock, trade: Trade, names: dict[str, str], batches: list[Any]
) -> list[Any]:
    """All that is told while *batches* are asked for, and what the tables say in the end."""
    story: list[Any] = []
    for seconds, requests in batches:
        hands.moment += timedelta(seconds=seconds)
        outcomes = await asyncio.gather(*(ask(trade, **request) for request in requests))
        for outcome in outcomes:
            if isinstance(outcome, BeginResult):
                names.setdefault(outcome.call["call_no"], f"call {len(names)}")
        story += [answer_of(outcome, hands, names) for outcome in outcomes]
    ledger = await rows(
        "select * from pipeline_usage_log where distributor_id = ${id}$ order by"
        " started_at, idempotency_key, line_no",
        trade.distributor_id,
    )
    names |= {row["id"]: f"row {number}" for number, row in enumerate(ledger)} | names
    story.append(with_names(ledger, names))
    for table, column in (
        ("distributors", "id"), ("distributor_pipeline", "distributor_id"),
        ("app_package_use", "distributor_id"), ("app_usage_dirty", "distributor_id"),
    ):  # fmt: skip
        records = await rows(
            f"select * from {table} where {column} = ${{id}}$", trade.distributor_id
        )
        story.append(with_names([without_name(row) for row in records], names))
    capacities = "select * from pipeline_capacity where pipeline_id = ${id}$"
    story.append(with_names(await rows(capacities, trade.rows["pipelines"]["id"]), names))
    return story


async def ask(trade: Trade, key: str, lines: list[dict[str, str]], **fields: Any) -> Any:
    items = [item | {"quantity": Decimal(item["quantity"])} for item in lines]
    if fields["status"] is None:
        items, fields["error"] = [], None
    command = begin_call(trade.code, idempotency_key=key, lines=items, **fields)
    try:
        return await admission.begin(trade.distributor_id, command)
    except AppError as exc:
        return exc


def answer_of(outcome: Any, hands: Clock, names: dict[str, str]) -> Any:
    """What a client hears, and of a call that was let in also what a program sees."""
    if isinstance(outcome, AppError):
        problems = [(p.field, p.code, str(p.text)) for p in outcome.problems]
        return with_names(
            [outcome.code, str(outcome.text), outcome.headers, outcome.extra, problems], names
        )
    assert isinstance(outcome, BeginResult)
    body = outcome.body
    if isinstance(outcome, CommonResult):
        assert body == json_bytes(outcome.answer)
    return with_names(
        [
            body if isinstance(body, bytes) else json_bytes(body),
            rate_limit_headers(outcome.limits, hands.moment),
            list(outcome.limits),
            outcome.replayed,
        ],
        names,
    )


def with_names(value: Any, names: dict[str, str]) -> str:
    """*value* as text, with the names that its story has for what is random."""
    text = repr(value)
    for word, name in names.items():
        text = text.replace(word, name)
    return text


def without_name(row: Any) -> dict[str, Any]:
    # The id of a package's row follows from its key, which is there.
    return {name: row[name] for name in row if not (name == "id" and "units_left" in row)}


async def rows(text: str, row_id: str) -> list[Any]:
    async with reading() as sor:
        records: list[Any] = await sor.sqlExe(text, {"id": row_id})
    return records


async def run(text: str, row_id: str) -> None:
    await in_transaction(lambda sor: sor.sqlExe(text, {"id": row_id}))
