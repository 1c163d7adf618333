"""Which months may be archived: the place where pipeline_dist, which closes them, hooks in."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from app.global_func import Contributions, SafeSqlor


class ClosedMonth(NamedTuple):
    """A month of a distributor that has a statement or, where it is not closed, will have one."""

    distributor_id: str
    code: str
    month: str
    is_closed: bool


@dataclass(frozen=True, slots=True)
class ClosedMonths:
    """
    What knows distributors: `months` (sor, before, code) returns the months before *before* of the
    distributor with this code (None: of all) that have rows in the ledger, each distributor's in
    order; `codes` (sor) returns the codes of all distributors by their ids.
    """

    months: Callable[[SafeSqlor, str, str | None], Awaitable[list[ClosedMonth]]]
    codes: Callable[[SafeSqlor], Awaitable[Mapping[str, str]]]


# One at most.
CLOSED_MONTHS = Contributions(ClosedMonths, lambda _: "of distributors")


async def months_before(sor: SafeSqlor, before: str, code: str | None) -> list[ClosedMonth]:
    """Return the months before *before*, as `ClosedMonths.months`; none without distributors."""
    for source in CLOSED_MONTHS:
        return await source.months(sor, before, code)
    return []


async def distributor_codes(sor: SafeSqlor) -> Mapping[str, str]:
    """Return the codes of all distributors by their ids."""
    for source in CLOSED_MONTHS:
        return await source.codes(sor)
    return {}
