"""
What a call did to packages: what was left before and after each of its rows, and how many packages
it bought or gave back, by the ledger replayed up to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.global_func import SafeSqlor
from pipeline_ops.ledger.package_check import EVENT, EVENTS_OF_PIPELINE
from pipeline_ops.ledger.package_replay import Replay
from pipeline_ops.ledger.package_rows import keys_of, read_old_keys
from pipeline_ops.rules.packages import PackageUse

# Of a month with more rows on packages nobody waits for the replay.
MAX_REPLAYED = 5_000
_PRICES = (
    "select id from pipeline_pricing where pipeline_id = ${pipeline_id}$"
    " and pricing_type = 'package' and unit in ${units}$"
)
_COUNT = (
    "select count(*) from (select 1 from pipeline_usage_log"
    " force index (pipeline_usage_log_distributor_month) where distributor_id <=> ${whose}$"
    " and month_key = ${month}$ and pricing_id in ${ids}$ limit ${most}$) x"
)


@dataclass(frozen=True, slots=True)
class PackageMove:
    """Units left before and after a row, and the packages that it bought; fewer than none: gave
    back."""

    before: Decimal
    after: Decimal
    packages: int


async def package_moves(
    sor: SafeSqlor, rows: Sequence[Mapping[str, Any]]
) -> dict[str, PackageMove]:
    """Return what each of the *rows* of one call did to packages, by id; without those that would
    take too long to tell."""
    charges = {row["id"]: key for row, key in await keys_of(sor, _charges(rows))}
    moves: dict[str, PackageMove] = {}
    for month in sorted({key.month_key for key in charges.values()}):
        units = sorted({key.unit for key in charges.values() if key.month_key == month})
        moves |= await _moves(sor, rows, month, units)
    return moves


def _charges(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["entry_type"] == "charge"]


async def _moves(
    sor: SafeSqlor, rows: Sequence[Mapping[str, Any]], month: str, units: list[str]
) -> dict[str, PackageMove]:
    header = rows[0]
    values: dict[str, Any] = {
        "pipeline_id": header["pipeline_id"], "of": header["pipeline_id"], "units": units,
        "whose": header["distributor_id"], "month": month, "most": MAX_REPLAYED + 1,
    }  # fmt: skip
    ids = set(await sor.firsts(_PRICES, values))
    ids |= {row["pricing_id"] for row in rows if row["pricing_id"]}
    values["ids"] = sorted(ids)
    if (await sor.firsts(_COUNT, values))[0] > MAX_REPLAYED:
        return {}
    whose = header["distributor_id"] or ""
    replay = Replay(await read_old_keys(sor, distributor_id=whose, month=month))
    own = {row["id"] for row in rows}
    moves: dict[str, PackageMove] = {}
    for event in await sor.tuples(EVENTS_OF_PIPELINE, values):
        row = dict(zip(EVENT, event, strict=True))
        uses = dict(replay.uses) if row["id"] in own else {}
        replay.add(row)
        if row["id"] not in own:
            continue
        for key, after in replay.uses.items():
            before = uses.get(key, PackageUse())
            if before is not after:
                count = _count(after) - _count(before)
                moves[row["id"]] = PackageMove(before.units_left, after.units_left, count)
    return moves


def _count(use: PackageUse) -> int:
    return sum(purchase.count for purchase in use.bought)
