"""
What modules' tables say about a line.

This module may not import the others, so each of them contributes the statements that ask its own
tables.
"""

from dataclasses import dataclass
from typing import Any

from app.global_func import Contributions, Message, SafeSqlor, now, translate
from pipeline_core.definition.validate import ValidationContext


@dataclass(frozen=True, slots=True)
class Referrer:
    """A table whose rows keep a line from being deleted, and what to call `count` of them."""

    table: str
    label: str
    condition: str = "1 = 1"

    @property
    def statement(self) -> str:
        """The statement for how many such rows there are, and the id of one of them."""
        return (
            f"select count(*) as count, min(id) as id from {self.table}"  # noqa: S608
            f" where pipeline_id = ${{id}}$ and {self.condition}"
        )


@dataclass(frozen=True, slots=True)
class PipelineFacts:
    """
    What one module knows of lines.

    `prices` finds the step_key and model of each price that is in force `at` a moment for the line
    `id`, `capacity` a row when its capacity is set, `models` all models that are named anywhere.
    """

    referrers: tuple[Referrer, ...] = ()
    prices: str = ""
    capacity: str = ""
    models: str = ""


OWN_FACTS = PipelineFacts(
    referrers=(
        Referrer("pipeline_versions", "{count} version(s) that were live", "status <> 'saved'"),
    ),
    models="select model from pipeline_steps where model is not null and model <> ''",
)
FACTS = Contributions(PipelineFacts)


async def validation_context(sor: SafeSqlor, pipeline_id: str) -> ValidationContext:
    """Return what the validator wants to know: prices in force now, and whether capacity is set."""
    values = {"id": pipeline_id, "at": now()}
    prices = [
        price for facts in FACTS if facts.prices for price in await sor.sqlExe(facts.prices, values)
    ]
    has_capacity = [
        await sor.one(facts.capacity, values) is not None for facts in FACTS if facts.capacity
    ]
    return ValidationContext(
        prices=frozenset((price["step_key"], price["model"]) for price in prices),
        has_capacity=any(has_capacity),
    )


async def models_in_use(sor: SafeSqlor) -> list[str]:
    """Return the models that steps name or prices are set for, by name."""
    statements = " union ".join(facts.models for facts in FACTS if facts.models)
    return [row["model"] for row in await sor.sqlExe(f"{statements} order by model limit 1000", {})]


async def referrers(sor: SafeSqlor, pipeline_id: str, lang: str) -> list[dict[str, Any]]:
    """Return what stands in the way of deleting the line: `{table, id, count, label}`, label in
    *lang*."""
    result = []
    for referrer in [item for facts in FACTS for item in facts.referrers]:
        row = await sor.one(referrer.statement, {"id": pipeline_id})
        if row is not None and row["count"]:
            text = translate(Message(referrer.label, count=row["count"]), lang)
            result.append(
                {"table": referrer.table, "id": row["id"], "count": row["count"], "label": text}
            )
    return result
