"""A page of calls is read without what is on no page: by its size and the groups there are, however
many calls of other lines, states, references and tags the distributor has. Counted by the reads of
the database, of rows and of entries of an index, and held against the ledger as a whole."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR
from app.base.json_codec import to_json
from app.db.sqlor import SafeSqlor
from app.db.transactions import in_transaction, reading
from app.records.rows import insert_row
from pipeline_dist.reports import call_rows, calls
from pipeline_ops.ledger.call_tags import tag_texts
from pipeline_ops.ledger.entries import insert_entries
from pipeline_ops.ledger.rows import Entry
from pipeline_ops.ledger.states import CallStatus
from tests.support.reads import reads_of
from tests.support.trade import EVENING, Clock, Trade, make_trade, past_call

MANY, ROWS = 1000, 3
# Far below MANY: for every entry of a page a look at the index, the row, its line, its amount; for
# each line and state a look, and a page of entries where there are any.
MAX_READS = 150
RARE = {"client_ref": "rare", "tags": to_json({"team": "rare"})}


def call_of(trade: Trade, pipeline_id: str, started_at: datetime, **fields: Any) -> Entry:
    """A call in the ledger; *fields* are of its header."""
    return Entry(replace(past_call(pipeline_id, trade.distributor_id, started_at).header, **fields))


def half_minutes(last: datetime, number: int) -> datetime:
    """Two at a time, so that the ids decide as well."""
    return last - timedelta(minutes=number // 2)


@pytest.fixture
async def trade(hands: Clock) -> Trade:
    """Many calls of one line, newer than the few of another one, of other states and labels."""
    trade = await make_trade()
    name = f"{trade.code}-b"
    other = {"code": name, "name": name, "status": "published", "current_version": 1}
    row = await in_transaction(lambda sor: insert_row(sor, "pipelines", other, SYSTEM_ACTOR))
    trade.rows["other"] = row
    common, rare = trade.rows["pipelines"]["id"], row["id"]
    usual = {"client_ref": "usual", "tags": to_json({"team": "usual"})}
    states = [CallStatus.FAILED, CallStatus.CANCELLED, CallStatus.EXPIRED]
    old = EVENING - timedelta(days=30)
    entries = [
        *(
            call_of(trade, common, EVENING - timedelta(minutes=n // 2), **usual)
            for n in range(MANY)
        ),
        *(call_of(trade, rare, old - timedelta(minutes=n // 2), **RARE) for n in range(7)),
        *(
            call_of(trade, common, old - timedelta(minutes=n), status=status)
            for n in range(5)
            for status in states
        ),
    ]

    async def work(sor: SafeSqlor) -> None:
        await insert_entries(sor, entries)
        for text in tag_texts(sor, entries):
            await sor.write(text)

    await in_transaction(work)
    return trade


async def read_pages(
    sor: SafeSqlor, trade: Trade, only: set[str] | None, query: dict[str, Any]
) -> list[str]:
    """The numbers of all calls of a list, no page of which reads more than it may."""
    call_nos: list[str] = []
    before = None
    while True:
        window = call_rows.Page(ROWS, before=before, **query)
        work = calls.list_calls(sor, "me", trade.distributor_id, window, only)
        answer, reads = await reads_of(sor, work)
        assert reads < MAX_READS, (query, only, reads)
        call_nos += [row["call_no"] for row in answer["rows"]]
        if answer["next"] is None or len(call_nos) > 30:
            return call_nos
        last = answer["rows"][-1]
        before = (last["started_at"], last["call_no"])


async def newest_of(sor: SafeSqlor, trade: Trade, condition: str) -> list[str]:
    """The same list by the ledger as a whole."""
    text = "select call_no from pipeline_usage_log where distributor_id = ${d}$ and line_no = 0"
    values = {"d": trade.distributor_id, "rare": trade.rows["other"]["id"], "old": EVENING
              - timedelta(days=9), "evening": EVENING - timedelta(hours=1)}  # fmt: skip
    return await sor.firsts(f"{text} and {condition} order by started_at desc, id desc", values)


OF_THE_OTHER, OF_ALL = "pipeline_id = ${rare}$", "true"
CASES: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "all": (OF_ALL, {}, None),
    "failed": ("status = 'failed'", {"status": "failed"}, None),
    "none that run": ("status = 'reserved'", {"status": "reserved"}, None),
    "old": ("started_at < ${old}$", {"last": EVENING - timedelta(days=9)}, None),
    "within an hour": (
        "started_at >= ${evening}$", {"first": EVENING - timedelta(hours=1)}, None,
    ),
    "old and failed": (
        "started_at < ${old}$ and status = 'failed'",
        {"last": EVENING - timedelta(days=9), "status": "failed"}, None,
    ),
    "a line": (OF_THE_OTHER, {"pipeline": "other"}, None),
    "a line's, failed": ("false", {"pipeline": "other", "status": "failed"}, None),
    "a reference": (OF_THE_OTHER, {"client_ref": "rare"}, None),
    "a tag": (OF_THE_OTHER, {"tags": (("team", "rare"),)}, None),
    "a key of the line": (OF_THE_OTHER, {}, "other"),
    "a key of both lines": (OF_ALL, {}, "both"),
    "a key of both lines, expired": ("status = 'expired'", {"status": "expired"}, "both"),
}  # fmt: skip


@pytest.mark.parametrize("groups", [call_rows.MAX_GROUPS, 2])
async def test_pages(trade: Trade, monkeypatch: pytest.MonkeyPatch, groups: int) -> None:
    monkeypatch.setattr(call_rows, "MAX_GROUPS", groups)
    codes = {"other": trade.rows["other"]["code"], "common": trade.code}
    for name, (condition, query, key) in CASES.items():
        only = {"both": set(codes.values()), "other": {codes["other"]}, None: None}[key]
        parameters = dict(query)
        if "pipeline" in query:
            parameters["pipeline"] = codes[query["pipeline"]]
        async with reading(snapshot=True) as sor:
            call_nos = await read_pages(sor, trade, only, parameters)
            expected = await newest_of(sor, trade, condition)
        assert call_nos == expected[: len(call_nos)], name
        assert len(call_nos) == len(expected) or len(call_nos) > 30, name
