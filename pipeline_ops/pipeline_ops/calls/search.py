"""Calls by their number or the customer's own, for the search over everything."""

from urllib.parse import quote

from app.global_func import MAX_HITS, Hit, SafeSqlor, SearchSource, iso, like_prefix

# Call numbers begin with their time: fewer characters would mean half of the ledger.
MIN_NUMBER_LENGTH = 8
_PAGE = "/pipeline_ops/calls.ui?period=all&call="

# A call number is known from its beginning on, as the index has it.
_BY_NUMBER = """
select call_no, min(client_ref) as client_ref, min(started_at) as started_at
  from pipeline_usage_log where call_no like ${prefix}$
 group by call_no limit ${most}$
"""
# The customer's numbers are indexed by distributor (none for calls of our own): each of these is
# asked for, none is read; and of a number that stands at a million calls no more than a few.
_BY_REFERENCE = """
select call_no, min(client_ref) as client_ref, min(started_at) as started_at
  from (select u.call_no, u.client_ref, u.started_at
          from (select distinct distributor_id from pipeline_usage_log) d
          straight_join pipeline_usage_log u force index (pipeline_usage_log_client_ref)
            on u.distributor_id <=> d.distributor_id and u.client_ref = ${text}$
         limit 500) rows_of_it
 group by call_no order by started_at desc limit ${most}$
"""


async def find_calls(sor: SafeSqlor, text: str) -> list[Hit]:
    """Return the calls whose number begins with *text*, and those whose `client_ref` it is."""
    rows = await sor.sqlExe(_BY_REFERENCE, {"text": text, "most": MAX_HITS})
    if len(text) >= MIN_NUMBER_LENGTH and text.isalnum():
        rows += await sor.sqlExe(_BY_NUMBER, {"prefix": like_prefix(text), "most": MAX_HITS})
    calls = {row["call_no"]: row for row in rows}
    return [
        Hit(_PAGE + quote(number), number, row["client_ref"] or "", iso(row["started_at"]))
        for number, row in list(calls.items())[:MAX_HITS]
    ]


SEARCH = SearchSource("calls", "pipeline_usage_log", find_calls)
