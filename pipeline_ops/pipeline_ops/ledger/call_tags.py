"""
The tags of calls, a row for each in app_call_tag: what filters and sums by a tag read, so that
nobody looks into the JSON of the ledger's headers.

They are written with the header, in its transaction, and never change. They stay when the call's
items are archived, as its header does.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from app.global_func import SafeSqlor, insert_texts, quote_of
from pipeline_ops.ledger.rows import Entry
from pipeline_ops.ledger.tag_texts import tags_of

TABLE = "app_call_tag"


class TagRow(NamedTuple):
    """A row: a tag, and of its call what lists and sums go by."""

    call_no: str
    tag_key: str
    tag_value: str
    distributor_id: str
    started_at: datetime
    day_key: str


def tag_rows(
    call_no: str, tags: str | None, distributor_id: str | None, started_at: datetime, day_key: str
) -> list[TagRow]:
    """Return the rows of a call with these *tags*, as its header has them."""
    of_call = (distributor_id or "", started_at, day_key)
    return [TagRow(call_no, key, value, *of_call) for key, value in sorted(tags_of(tags).items())]


def tag_texts(sor: SafeSqlor, entries: Iterable[Entry]) -> Iterable[str]:
    """Return the statements that write the tags of the calls among *entries* that are new."""
    rows = [
        row
        for one in entries
        if one.is_new and one.header.tags is not None
        for call in [one.header]
        for row in tag_rows(
            call.call_no, call.tags, call.distributor_id, call.started_at, call.day_key
        )
    ]
    return row_texts(sor, rows) if rows else ()


def row_texts(sor: SafeSqlor, rows: Iterable[TagRow]) -> Iterator[str]:
    """Return the statements that insert *rows*."""
    quote = quote_of(sor)
    return insert_texts(
        TABLE, TagRow._fields, ("(" + ",".join(map(quote, row)) + ")" for row in rows)
    )


async def read_rows(sor: SafeSqlor, call_nos: Sequence[str]) -> dict[str, list[TagRow]]:
    """Return the rows of calls by call_no, each in the order of their keys; calls without any are
    not in it."""
    rows_by_call: dict[str, list[TagRow]] = {}
    if not call_nos:
        return rows_by_call
    rows = await sor.tuples(
        f"select {', '.join(TagRow._fields)} from app_call_tag where call_no in ${{call_nos}}$"  # noqa: S608  constants
        " order by call_no, tag_key",
        {"call_nos": sorted(set(call_nos))},
    )
    for values in rows:
        row = TagRow(*values)
        rows_by_call.setdefault(row.call_no, []).append(row)
    return rows_by_call


async def read_tags(sor: SafeSqlor, call_nos: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the tags of calls by call_no; calls without any are not in it."""
    rows_by_call = await read_rows(sor, call_nos)
    return {
        call_no: {row.tag_key: row.tag_value for row in rows}
        for call_no, rows in rows_by_call.items()
    }
