"""app_call_tag held against the tags on the headers of the ledger, both ways."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.global_func import SafeSqlor, in_transaction
from pipeline_ops.ledger import call_tags
from pipeline_ops.ledger.call_tags import TABLE, TagRow, tag_rows
from pipeline_ops.ledger.counted import CountedTable, Difference, Sums
from pipeline_ops.ledger.tag_texts import tags_text

_PORTION = 5_000
# In the order of the calls, whose headers' ids are their numbers: by the key of each table.
_HEADERS = (
    "select id, call_no, tags, distributor_id, started_at, day_key from pipeline_usage_log"
    " force index (primary) where id > ${after}$ and tags is not null and line_no = 0"
    " order by id limit ${most}$"
)
_CALLS_WITH_TAGS = (
    "select distinct t.call_no from app_call_tag t where t.call_no > ${after}$"
    " order by t.call_no limit ${most}$"
)
_TAGGED = (
    "select call_no, tags from pipeline_usage_log force index (pipeline_usage_log_call)"
    " where call_no in ${call_nos}$ and line_no = 0"
)


async def _compare(sor: SafeSqlor, sums: Sums, month: str | None) -> list[Difference]:
    """Hold the tags of all calls, or of those that began in *month*, against their rows."""
    return [*await _wrong_rows(sor, month), *await _rows_too_many(sor, month)]


async def _wrong_rows(sor: SafeSqlor, month: str | None) -> list[Difference]:
    differences: list[Difference] = []
    after = ""
    while headers := await sor.tuples(_HEADERS, {"after": after, "most": _PORTION}):
        after = headers[-1][0]
        calls = [row[1:] for row in headers if month is None or row[5].startswith(month)]
        rows = await call_tags.read_rows(sor, [call[0] for call in calls])
        for call_no, tags, distributor_id, started_at, day_key in calls:
            should_be = tag_rows(call_no, tags, distributor_id, started_at, day_key)
            if rows.get(call_no, []) != should_be:
                says = tags_text({row.tag_key: row.tag_value for row in rows.get(call_no, [])})
                differences.append(Difference(TABLE, call_no, "tags", says, tags, call_no))
    return differences


async def _rows_too_many(sor: SafeSqlor, month: str | None) -> list[Difference]:
    """Return the rows of calls that have no tags, or are none."""
    differences: list[Difference] = []
    after = ""
    while call_nos := await sor.firsts(_CALLS_WITH_TAGS, {"after": after, "most": _PORTION}):
        after = call_nos[-1]
        tagged = dict(await sor.tuples(_TAGGED, {"call_nos": call_nos}))
        wrong = [call_no for call_no in call_nos if tagged.get(call_no) is None]
        for call_no, rows in (await call_tags.read_rows(sor, wrong)).items():
            if month is None or rows[0].day_key.startswith(month):
                says = tags_text({row.tag_key: row.tag_value for row in rows})
                differences.append(Difference(TABLE, call_no, "tags", says, None, call_no))
    return differences


async def _rewrite(call_no: str) -> None:
    """Write the rows of a call's tags anew, by its header."""

    async def work(sor: SafeSqlor) -> None:
        text = (
            "select tags, distributor_id, started_at, day_key from pipeline_usage_log"
            " where call_no = ${call_no}$ and line_no = 0 for update"
        )
        headers: Sequence[Sequence[Any]] = await sor.tuples(text, {"call_no": call_no})
        values: Mapping[str, Any] = {"call_no": call_no}
        await sor.sqlExe("delete from app_call_tag where call_no = ${call_no}$", values)
        rows: list[TagRow] = []
        for tags, distributor_id, started_at, day_key in headers:
            rows += tag_rows(call_no, tags, distributor_id, started_at, day_key)
        for text in call_tags.row_texts(sor, rows):
            await sor.write(text)

    await in_transaction(work)


CALL_TAGS = CountedTable(TABLE, _compare, {}, rebuild=_rewrite)
