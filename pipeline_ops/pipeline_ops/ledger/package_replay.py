"""
What packages have cost and what is left of them, by the ledger alone: its charges and reversals
replayed in the order of settlement.

Rows of before app_package_use are held against the terms stored on them: packages were counted by
the sum of units under each price, so a row bought as many as its own units fill, and one more
where one was begun with it; all rows of one price together as many as their units need.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pipeline_ops.ledger.package_rows import OldKeys, key_of
from pipeline_ops.ledger.states import EntryType
from pipeline_ops.rules.package_use import PackageKey
from pipeline_ops.rules.packages import (
    PackageUse,
    carry_charge,
    carry_reversal,
    consume,
    package_count,
    release,
)
from pipeline_ops.rules.pricing import to_amount

Amounts = tuple[Decimal, Decimal]


@dataclass(slots=True)
class OldPrice:
    """What rows of before were charged under one price in one month, none of them voided then:
    units, packages, and the sizes of these."""

    units: Decimal = Decimal(0)
    packages: Decimal = Decimal(0)
    sizes: set[int] = field(default_factory=set)
    has_reversals: bool = False

    def add(self, row: Mapping[str, Any], *, is_reversal: bool) -> None:
        """Take in a row. A free package tells nothing of how many there were."""
        if is_reversal or not row["package_price"]:
            self.has_reversals = True
            return
        self.units += row["quantity"]
        self.packages += row["amount"] / row["package_price"]
        self.sizes.add(row["package_size"])

    @property
    def due_packages(self) -> int | None:
        """How many packages all units need; None where the rows do not tell."""
        if self.has_reversals or len(self.sizes) != 1:
            return None
        return package_count(self.units, next(iter(self.sizes)))


@dataclass(slots=True)
class Replay:
    """The packages of some rows of the ledger, taken in one after another as they were settled."""

    old_keys: OldKeys
    uses: dict[PackageKey, PackageUse] = field(default_factory=dict)
    # By row: what its amount is and should be.
    wrong_amounts: list[tuple[Mapping[str, Any], Amounts]] = field(default_factory=list)
    # By pricing_id.
    old_prices: dict[str, OldPrice] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        """Take in the next row; hold its amount against what it should be."""
        key = key_of(row, self.old_keys)
        before = self.uses.get(key, PackageUse()) if key is not None else PackageUse()
        after, amount = self._step(before, row)
        if key is not None:
            self.uses[key] = after
        if row["amount"] != amount:
            self.wrong_amounts.append((row, (row["amount"], amount)))

    def _step(self, use: PackageUse, row: Mapping[str, Any]) -> tuple[PackageUse, Decimal]:
        """Return the use after *row*, and the amount that it should have."""
        units, size, price = abs(row["quantity"]), row["package_size"], row["package_price"]
        is_reversal = row["entry_type"] == EntryType.REVERSAL
        if row["matched"] is None:
            self.old_prices.setdefault(row["pricing_id"], OldPrice()).add(
                row, is_reversal=is_reversal
            )
            carry = carry_reversal if is_reversal else carry_charge
            after = carry(use, units, size, price, abs(row["amount"]))
            return after, row["amount"] if is_reversal else _old_amount(row)
        if is_reversal:
            after, refund = release(use, units)
            return after, to_amount(-refund)
        after, cost = consume(use, units, size, price)
        return after, to_amount(cost)


def _old_amount(row: Mapping[str, Any]) -> Decimal:
    """Return the amount of a charge of before: it may have begun a package, or gone on with one."""
    count, price = package_count(row["quantity"], row["package_size"]), row["package_price"]
    amounts = [to_amount(number * price) for number in (count, count - 1)]
    is_one_more_at_most = row["quantity"] % row["package_size"] != 0
    if is_one_more_at_most and row["amount"] == amounts[1]:
        return amounts[1]
    return amounts[0]
