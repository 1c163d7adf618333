"""
Whose a price may be: the place where pipeline_dist hooks in.

This module may not ask pipeline_dist's tables, and a distributor's own price is one for a line that
it may call, in the currency that it is charged in. So pipeline_dist contributes what it knows.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.global_func import Contributions, FieldProblem, InvalidFields, SafeSqlor
from pipeline_ops.errors import NO_DISTRIBUTORS
from pipeline_ops.rules.terms import EVERYBODY

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PriceOwners:
    """
    Who keeps distributors: `problems` (sor, price) returns what is wrong with an own price of one,
    whose row is locked. `hear_change` (sor, pipeline_id, terms_no) hears that prices of a line,
    also everybody's, are recorded under this number, in the transaction that does.
    """

    problems: Callable[[SafeSqlor, Values], Awaitable[list[FieldProblem]]]
    hear_change: Callable[[SafeSqlor, str, int], Awaitable[None]]


# One at most.
PRICE_OWNERS = Contributions(PriceOwners, lambda _: "of distributors")


async def tell_owners(sor: SafeSqlor, pipeline_id: str, terms_no: int) -> None:
    """Tell who keeps distributors that prices are recorded under *terms_no*."""
    for owners in PRICE_OWNERS:
        await owners.hear_change(sor, pipeline_id, terms_no)


async def check_owner(sor: SafeSqlor, price: Values) -> None:
    """Raise InvalidFields where *price* cannot be its distributor's; the rows that it refers to are
    locked."""
    if price["distributor_id"] == EVERYBODY:
        return
    for owners in PRICE_OWNERS:
        if problems := await owners.problems(sor, price):
            raise InvalidFields(problems)
        return
    raise NO_DISTRIBUTORS()
