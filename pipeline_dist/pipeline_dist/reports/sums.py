"""
What is counted of the ledger's rows `u`, the same everywhere.

Calls are sum(calls), amounts sum(amount) and quantities sum(quantity) over all rows but top-ups,
whatever became of the call: what was voided is taken back by rows of its own.
"""

# Rows of a metered item, those that reverse one included.
IS_ITEM = "u.unit <> ''"
# Of a group of items: the calls that have one there which was not reversed. A call can have items
# in several groups, so these do not add up to the calls of the whole.
CALLS_WITH_ITEM = "count(distinct if(u.status = 'voided', null, u.call_no))"
# Leaves out groups of which nothing is left.
NOT_ALL_REVERSED = " having calls <> 0 or quantity <> 0 or amount <> 0"
