"""
What no row of the ledger says by itself, and every bill rests on: one price in force at a time,
one live version of a pipeline, numbers that only rise, and no row whose parent is gone.

Locks and checks see to it when rows are written; here it is looked at from what is stored, as a
database is found after a repair by hand, or after two nodes that did not know of one another.
"""

from collections.abc import AsyncIterator

from app.global_func import Row, SafeSqlor, references
from pipeline_ops.ledger.counted import Difference
from pipeline_ops.rules.price_changes import KEY

_SAME_KEY = " and ".join(f"b.{name} = a.{name}" for name in KEY)
# An end before which another one begins; a price that ended as it began holds at no time.
_OVERLAPS = (
    "select a.id, p.code as name, a.unit, count(*) as faults from pipeline_pricing a"  # noqa: S608  constants
    f" join pipeline_pricing b on {_SAME_KEY} and b.id <> a.id and b.enabled = 1"
    " and b.effective_from <= a.effective_from"
    " and (b.effective_from < a.effective_from or b.id < a.id)"
    " and (b.effective_to is null or b.effective_to > a.effective_from)"
    " left join pipelines p on p.id = a.pipeline_id where a.enabled = 1"
    " and (a.effective_to is null or a.effective_to > a.effective_from)"
    " group by a.id, p.code, a.unit order by p.code, a.unit, a.id"
)
_LIVE_VERSIONS = (
    "select v.pipeline_id as id, coalesce(p.code, v.pipeline_id) as name, count(*) as versions"
    " from pipeline_versions v left join pipelines p on p.id = v.pipeline_id"
    " where v.status = 'published' group by v.pipeline_id, p.code having count(*) > 1"
)
# A change of prices raises the number of their line, and whatever is recorded has it: a number that
# went back would let the next change reach calls that began before it.
_TERMS_NUMBERS = (
    "select p.id, p.code as name, p.terms_no as says, greatest("
    "(select coalesce(max(greatest(r.terms_no, r.end_terms_no)), 0) from pipeline_pricing r"
    " where r.pipeline_id = p.id), coalesce(u.last, 0)) as last"
    " from pipelines p left join (select h.pipeline_id, max(h.terms_no) as last"
    " from pipeline_usage_log h force index (primary) group by h.pipeline_id) u"
    " on u.pipeline_id = p.id having says < last order by p.code"
)
# The values first, each once from its index: a ledger has millions of rows of a few pipelines.
_ORPHANS = (
    "select d.value as id from (select distinct {column} as value from {table}"
    " where {column} > '') d left join {parent} p on p.id = d.value where p.id is null"
)


async def structure_faults(sor: SafeSqlor) -> list[Difference]:
    """Return prices that hold at the same time, pipelines with several live versions or with a
    `terms_no` that others are beyond, and rows whose parent is gone (one for each parent), as *sor*
    sees them."""
    overlaps = await sor.sqlExe(_OVERLAPS, {})
    versions = await sor.sqlExe(_LIVE_VERSIONS, {})
    numbers = await sor.sqlExe(_TERMS_NUMBERS, {})
    return [
        *(_overlap(row) for row in overlaps),
        *(
            Difference("versions", row["name"], "live versions", row["versions"], 1, row["id"])
            for row in versions
        ),
        *(
            Difference("pipelines", row["name"], "terms_no", row["says"], row["last"], row["id"])
            for row in numbers
        ),
        *[orphan async for orphan in _orphans(sor)],
    ]


def _overlap(row: Row) -> Difference:
    key = f"{row['name'] or ''} {row['unit']} {row['id']}"
    return Difference("prices", key, "others in force when it begins", row["faults"], 0, row["id"])


async def _orphans(sor: SafeSqlor) -> AsyncIterator[Difference]:
    for table, column, parent in references():
        text = _ORPHANS.format(table=table, column=column, parent=parent)
        for row in await sor.sqlExe(text, {}):
            yield Difference("orphans", f"{table}.{column} {row['id']}", parent, 0, 1, row["id"])
