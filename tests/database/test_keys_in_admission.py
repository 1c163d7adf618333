"""What a worker knows of a key holds in admission until a key of the distributor is changed; the
fast way of common calls and the general one let in, and refuse, the same."""

from decimal import Decimal
from typing import Any

import pytest

from app.base.errors import AppError
from app.db.transactions import in_transaction
from pipeline_dist.accounts import keys
from pipeline_dist.accounts.api_key import Scope
from pipeline_dist.accounts.authentication import Credentials
from pipeline_dist.accounts.key_lookups import read_key
from pipeline_dist.admission import service as admission, workset
from pipeline_dist.admission.common_call import CommonCalls, CommonResult
from tests.support.trade import Clock, Trade, add_price, begin_call, make_trade

pytestmark = pytest.mark.usefixtures("pool")
CALLS = frozenset({Scope.CALLS})
LINES = [{"unit": "call", "quantity": Decimal(1)}]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The digests of keys that admission has read again."""
    digests: list[str] = []

    async def note(sor: Any, digest: str) -> Any:
        digests.append(digest)
        return await read_key(sor, digest)

    monkeypatch.setattr(workset, "read_key", note)
    return digests


async def make_caller() -> tuple[Trade, Credentials]:
    key = keys.mint()
    trade = await make_trade(
        distributors={"api_key_hash": keys.digest(key), "usage_day": "2026-11-01"}
    )
    await add_price(trade, unit_price=1)
    return trade, Credentials(keys.digest(key), keys.prefix(key), "127.0.0.1", CALLS)


async def book(trade: Trade, credentials: Credentials, name: str) -> Any:
    """What booking a call is answered with: its result, or the refusal's code."""
    command = begin_call(trade.code, idempotency_key=name, status="succeeded", lines=LINES)
    try:
        return await admission.begin(credentials, command)
    except AppError as exc:
        return exc.code


async def change(trade: Trade, assignment: str) -> None:
    """Change the trade's key, as whoever changes keys does."""
    await in_transaction(
        lambda sor: sor.sqlExe(
            "update app_key k join distributors d on d.id = k.distributor_id"
            f" set k.{assignment}, d.keys_no = d.keys_no + 1 where d.id = ${{id}}$",
            {"id": trade.distributor_id},
        )
    )


async def test_it_is_read_again_only_when_one_was_changed(hands: Clock, reads: list[str]) -> None:
    trade, credentials = await make_caller()
    results = [await book(trade, credentials, name) for name in "abc"]

    assert [type(result) is CommonResult for result in results] == [False, True, True]
    assert reads == []
    await change(trade, "name = 'other'")
    assert not isinstance(await book(trade, credentials, "d"), str)
    assert type(await book(trade, credentials, "e")) is CommonResult
    assert len(reads) == 1


@pytest.mark.parametrize("fast", [True, False])
async def test_both_ways_refuse_what_was_changed(
    hands: Clock, monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    if not fast:
        monkeypatch.setattr(CommonCalls, "decide", lambda self, request: None)
    trade, credentials = await make_caller()
    story: list[Any] = []
    for number, assignment in enumerate(
        (
            "scopes = 'read'", "scopes = 'calls'", "pipelines = 'other'", "pipelines = null",
            "allowed_ips = '203.0.113.0/24'", "allowed_ips = null", "rate_limit_per_minute = 1",
            "rate_limit_per_minute = 1", "rate_limit_per_minute = null",
            "expires_at = '2020-01-01'", "expires_at = null", "hash = null",
        )
    ):  # fmt: skip
        await change(trade, assignment)
        result = await book(trade, credentials, str(number))
        story.append(result if isinstance(result, str) else "booked")

    assert story == [
        "scope_missing", "booked", "pipeline_not_found", "booked", "ip_not_allowed", "booked",
        "booked", "rate_limited", "booked", "invalid_key", "booked", "invalid_key",
    ]  # fmt: skip
