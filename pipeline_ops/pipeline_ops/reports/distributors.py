"""What the pages of use tell of distributors, in statements that pipeline_dist contributes."""

from dataclasses import dataclass

from app.global_func import Contributions


@dataclass(frozen=True, slots=True)
class DistributorStatements:
    """
    The statements that ask the distributors' tables.

    `names` finds the id and name of all in `ids`, `all_ids` every id; each of `near_limit` the
    scope, id, name, used and limit of rows that have used up a share `near` of what is theirs on a
    `day` or in a `month`.
    """

    names: str
    all_ids: str
    near_limit: tuple[str, ...]


# One at most.
DISTRIBUTOR_STATEMENTS = Contributions(DistributorStatements, lambda _: "of distributors")


def distributor_statements() -> DistributorStatements:
    """Return the statements; pipeline_dist is part of every installation."""
    return next(iter(DISTRIBUTOR_STATEMENTS))
