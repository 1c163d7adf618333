"""
What is counted of the ledger's rows `u`, the same everywhere.

Calls are sum(calls), amounts sum(amount) and quantities sum(quantity) over all rows but top-ups,
whatever became of the call: what was voided is taken back by rows of its own.
"""

# Rows of a metered item, those that reverse one included.
IS_ITEM = "u.unit <> ''"
# Of an archived settlement the stub: a price tells that it had an item.
_IS_ARCHIVED_ITEM = "u.archive_batch is not null and u.pricing_id is not null"
# Both, and what changes the bill by hand: all that amounts to something.
IS_BILLED = f"(u.unit <> '' or u.entry_type = 'adjustment' or {_IS_ARCHIVED_ITEM})"
# Of a group of items: the calls that have one there which was not reversed. A call can have items
# in several groups, so these do not add up to the calls of the whole.
_CALLS_WITH_ITEM = (
    f"count(distinct if((u.unit <> '' or {_IS_ARCHIVED_ITEM}) and u.entry_type = 'charge'"
    " and (u.status <> 'voided'{or_else}), u.call_no, null))"
)
# Of days, which have the reversals of their calls whenever these were voided.
CALLS_WITH_ITEM = _CALLS_WITH_ITEM.format(or_else="")
# Of a month's statement, which a later void does not change: its reversal stands in another one.
CALLS_WITH_ITEM_OF_MONTH = _CALLS_WITH_ITEM.format(
    or_else=" or not exists (select 1 from pipeline_usage_log r"
    " where r.reverses = u.id and r.month_key = u.month_key)"
)
# Leaves out groups of which nothing is left.
NOT_ALL_REVERSED = " having calls <> 0 or quantity <> 0 or amount <> 0"
