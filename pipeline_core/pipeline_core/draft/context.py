"""
What other modules' tables say about a line.

This module may not import the others, so it reads their tables by name. All such names stand
here.
"""

from typing import Any

from app.global_func import SafeSqlor, Text, now, say
from pipeline_core.definition.validate import Surroundings

# table, which of its rows count, what to call so many of them
REFERRERS = (
    ("pipeline_usage_log", "line_no = 0", "{count} call(s) in the usage log"),
    ("pipeline_versions", "status <> 'saved'", "{count} version(s) that were live"),
    ("pipeline_pricing", "1 = 1", "{count} price(s)"),
    ("pipeline_capacity", "1 = 1", "the capacity"),
    ("distributor_pipeline", "1 = 1", "{count} distributor(s) who sell it"),
)  # fmt: skip
_COUNT = (
    "select count(*) as count, min(id) as id from {table} where pipeline_id = ${{id}}$ and {cond}"
)
_COUNTS = {table: _COUNT.format(table=table, cond=cond) for table, cond, _ in REFERRERS}

PRICES = """
select distinct step_key, model from pipeline_pricing
 where pipeline_id = ${id}$ and enabled = 1
   and effective_from <= ${at}$ and (effective_to is null or effective_to > ${at}$)
"""
MODELS = """
select model from pipeline_pricing where model <> ''
union select model from pipeline_steps where model is not null and model <> ''
 order by model limit 1000
"""
CAPACITY = "select id from pipeline_capacity where pipeline_id = ${id}$"


async def surroundings(sor: SafeSqlor, pipeline_id: str) -> Surroundings:
    """What the validator wants to know: prices in force now, and whether capacity is set."""
    prices = await sor.sqlExe(PRICES, {"id": pipeline_id, "at": now()})
    capacity = await sor.one(CAPACITY, {"id": pipeline_id})
    return Surroundings(
        prices=frozenset((price["step_key"], price["model"]) for price in prices),
        has_capacity=capacity is not None,
    )


async def models_in_use(sor: SafeSqlor) -> list[str]:
    """The models that steps name or prices are set for, by name."""
    return [row["model"] for row in await sor.sqlExe(MODELS, {})]


async def referrers(sor: SafeSqlor, pipeline_id: str, lang: str) -> list[dict[str, Any]]:
    """What stands in the way of deleting the line: `{table, id, count, label}`, label in *lang*."""
    found = []
    for table, _, label in REFERRERS:
        row = await sor.one(_COUNTS[table], {"id": pipeline_id})
        if row is not None and row["count"]:
            text = say(Text(label, count=row["count"]), lang)
            found.append({"table": table, "id": row["id"], "count": row["count"], "label": text})
    return found
