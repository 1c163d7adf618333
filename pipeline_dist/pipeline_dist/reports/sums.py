"""
What is counted of the ledger's rows `u`, the same everywhere.

Calls are sum(calls), amounts sum(amount) and quantities sum(quantity) over all rows but top-ups,
whatever became of the call: what was voided is taken back by rows of its own.
"""

# Rows of a metered item, those that reverse one included.
IS_ITEM = "u.unit <> ''"
# The same, and what changes the bill by hand: all that amounts to something.
IS_BILLED = "(u.unit <> '' or u.entry_type = 'adjustment')"
# Of a group of items: the calls that have one there which was not reversed. A call can have items
# in several groups, so these do not add up to the calls of the whole.
CALLS_WITH_ITEM = "count(distinct if(u.status = 'voided' or u.unit = '', null, u.call_no))"
# Leaves out groups of which nothing is left.
NOT_ALL_REVERSED = " having calls <> 0 or quantity <> 0 or amount <> 0"
