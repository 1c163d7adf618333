"""Keys that are looked up in the same turn of the loop share a statement, and nothing else."""

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from app.access.api_request import NO_QUERY, ApiRequest
from app.access.request_context import RequestContext
from app.base.clock import now, quota_month
from app.base.errors import AppError
from app.base.refusals import MethodNotAllowed
from app.db import shared_reads
from app.db.sqlor import SafeSqlor
from app.db.transactions import in_transaction, reading
from app.web.responses import Answer
from pipeline_dist.accounts import keys
from pipeline_dist.accounts.authentication import Credentials, authenticate
from pipeline_dist.api.endpoints import ENDPOINTS
from tests.support.trade import make_trade

pytestmark = pytest.mark.usefixtures("pool")


@pytest.fixture
def statements(monkeypatch) -> list[int]:
    """One entry for each statement that several may share."""
    entries: list[int] = []

    @asynccontextmanager
    async def counting():
        entries.append(len(entries))
        async with reading() as sor:
            yield sor

    monkeypatch.setattr(shared_reads, "reading", counting)
    return entries


def credentials(key: str) -> Credentials:
    return Credentials(keys.digest(key), keys.prefix(key), "127.0.0.1")


async def distributor_with(**fields: object) -> str:
    """The id of a distributor whose row has *fields*."""
    trade = await make_trade(distributors=dict(fields))
    return trade.distributor_id


async def run(sql: str, **values: object) -> None:
    await in_transaction(lambda sor: sor.sqlExe(sql, values))


async def ask(*all_keys: str) -> list[object]:
    """The distributor's id, or the refusal's code, for each key, asked for at once."""
    answers: list[Any] = await asyncio.gather(
        *(authenticate(credentials(key)) for key in all_keys), return_exceptions=True
    )
    return [answer.code if isinstance(answer, AppError) else answer.id for answer in answers]


async def test_everybody_gets_their_own_row_of_one_statement(statements):
    own = [keys.mint() for _ in range(8)]
    ids = [await distributor_with(api_key_hash=keys.digest(key)) for key in own]
    old, new = keys.mint(), keys.mint()
    rotated = await distributor_with(
        api_key_hash=keys.digest(new),
        previous_key_hash=keys.digest(old),
        previous_key_expires_at=now().replace(year=2099),
    )

    answers = await ask(*own, old, keys.mint(), own[0], new)

    assert answers == [*ids, rotated, "invalid_key", ids[0], rotated]
    assert len(statements) == 1


async def test_each_has_a_row_of_its_own_to_change():
    key = keys.mint()
    await distributor_with(api_key_hash=keys.digest(key))

    first, second = await asyncio.gather(*(authenticate(credentials(key)) for _ in range(2)))

    assert first.distributor == second.distributor
    assert first.distributor is not second.distributor


async def test_a_key_that_was_revoked_between_two_turns_is_none(statements):
    key, other = keys.mint(), keys.mint()
    own = await distributor_with(api_key_hash=keys.digest(key))
    others = await distributor_with(api_key_hash=keys.digest(other))

    assert await ask(key, other) == [own, others]
    await run("update app_key set hash = null where distributor_id = ${id}$", id=own)
    assert await ask(key, other) == ["invalid_key", others]
    await run("update distributors set status = 'suspended' where id = ${id}$", id=others)
    assert await ask(other, key) == ["distributor_suspended", "invalid_key"]
    assert len(statements) == 3


async def test_who_asks_while_a_statement_is_on_its_way_is_not_answered_by_it(monkeypatch):
    key = keys.mint()
    own = await distributor_with(api_key_hash=keys.digest(key))
    has_read, go_on = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def slow():
        async with reading() as sor:
            yield sor
        has_read.set()
        await go_on.wait()

    monkeypatch.setattr(shared_reads, "reading", slow)
    before = asyncio.create_task(authenticate(credentials(key)))
    await has_read.wait()
    await run("update app_key set hash = null where distributor_id = ${id}$", id=own)
    after = asyncio.create_task(authenticate(credentials(key)))
    await asyncio.sleep(0.01)
    go_on.set()

    assert (await before).id == own
    with pytest.raises(AppError) as caught:
        await after
    assert caught.value.code == "invalid_key"


async def test_one_who_goes_takes_nobody_along():
    key = keys.mint()
    own = await distributor_with(api_key_hash=keys.digest(key))
    stays = asyncio.create_task(authenticate(credentials(key)))
    goes = asyncio.create_task(authenticate(credentials(key)))
    await asyncio.sleep(0)
    goes.cancel()

    assert (await stays).id == own


async def test_what_fails_is_told_to_each_in_an_error_of_their_own(monkeypatch):
    @asynccontextmanager
    async def away():
        if keys:
            raise MethodNotAllowed("GET", "POST")  # any refusal with a header
        yield

    monkeypatch.setattr(shared_reads, "reading", away)
    answers: list[Any] = await asyncio.gather(
        *(authenticate(credentials(keys.mint())) for _ in range(3)), return_exceptions=True
    )

    assert [answer.code for answer in answers] == ["method_not_allowed"] * 3
    answers[0].headers["X"] = "1"
    assert "X" not in answers[1].headers
    assert answers[1].headers["Allow"] == "POST"


async def me(key: str) -> Answer:
    """What `GET /me` with this key is answered."""
    request = ApiRequest()
    request.method, request.query, request.query_string = "GET", NO_QUERY, ""
    request.headers = CIMultiDictProxy(CIMultiDict({"Authorization": f"Bearer {key}"}))
    request.context = RequestContext("id", "127.0.0.1", "en", is_for_programs=True, params={})
    answer = ENDPOINTS["v1_me"].direct
    assert answer is not None
    return await answer(request)


async def test_before_the_first_call_of_a_month_those_who_ask_at_once_are_counted_for_together(
    statements,
):
    own = [keys.mint() for _ in range(3)]
    for number, key in enumerate(own):
        await distributor_with(
            api_key_hash=keys.digest(key), quota_period="month", quota_calls=5 + number,
            quota_used=4, quota_key="2020-01",
        )  # fmt: skip

    answers = await asyncio.gather(*(me(key) for key in (*own, own[0])))

    assert [answer.body["quota_remaining"] for answer in answers] == [5, 6, 7, 5]
    assert len(statements) == 2  # of their keys, of their calls


async def test_me_is_one_statement(monkeypatch):
    key = keys.mint()
    await distributor_with(
        api_key_hash=keys.digest(key), quota_period="month", quota_calls=5, quota_used=2,
        quota_key=quota_month(now()), rate_limit_per_minute=7, spend_limit=3, spend_used=1,
    )  # fmt: skip
    statements: list[str] = []
    for name in ("tuples", "sqlExe", "statement"):
        monkeypatch.setattr(SafeSqlor, name, noting(getattr(SafeSqlor, name), statements))
    answer = await me(key)

    assert len(statements) == 1
    assert answer.body["quota_remaining"] == 3
    assert answer.headers["RateLimit-Remaining"] == "3"


def noting(plain, statements):
    """*plain*, a method of SafeSqlor, with what it is asked put into *statements*."""

    async def note(self, sql, *values):
        statements.append(sql)
        return await plain(self, sql, *values)

    return note


async def test_more_than_fit_go_into_a_second_statement(statements, monkeypatch):
    monkeypatch.setattr(shared_reads, "MAX_QUESTIONS", 3)
    own = [keys.mint() for _ in range(7)]
    ids = [await distributor_with(api_key_hash=keys.digest(key)) for key in own]

    assert await ask(*own) == ids
    assert len(statements) == 3
