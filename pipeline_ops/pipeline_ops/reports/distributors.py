"""What the pages of use tell of distributors, in statements that pipeline_dist offers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DistributorStatements:
    """
    The statements that ask the distributors' tables.

    `names` finds the id and name of all in `ids`; `busiest` the id, name and currency, calls and
    amount of each in a `month`; each of `near_limit` the scope, id, name, used and limit of rows
    that have used up a share `near` of what is theirs on a `day` or in a `month`.
    """

    names: str
    busiest: str
    near_limit: tuple[str, ...]


_statements: list[DistributorStatements] = []


def offer_distributor_statements(statements: DistributorStatements) -> None:
    """Say how the distributors' tables are asked."""
    _statements[:] = [statements]


def distributor_statements() -> DistributorStatements:
    """Return the statements that are offered; pipeline_dist is part of every installation."""
    return _statements[0]
