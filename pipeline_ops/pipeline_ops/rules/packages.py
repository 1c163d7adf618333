"""
Packages: units that are bought in whole packages, and what is left of them.

Units paid for are kept, whatever becomes of the price, until the month's turn. One `PackageUse` is
what a distributor (or calls of our own) has bought of one pipeline, step, model and unit in one
month, as a row of `app_package_use` keeps it. Pure arithmetic: reading, locking and writing the
row is the caller's.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

_NOTHING = Decimal(0)
# The longest quantity times the highest price has 32 digits, more than Decimal keeps by itself.
_EXACT = Context(prec=80)


@dataclass(frozen=True, slots=True)
class Purchase:
    """Packages of *size* units that were bought one after another at the same *price* each."""

    size: int
    price: Decimal
    count: int


@dataclass(frozen=True, slots=True)
class PackageUse:
    """Units that are paid for and not used, and the packages bought and not taken back, the
    oldest first."""

    units_left: Decimal = _NOTHING
    bought: tuple[Purchase, ...] = ()

    def dump(self) -> str:
        """Return `bought` as a row keeps it: JSON, prices as texts without zeros that say
        nothing."""
        return json.dumps(
            [[x.size, format(x.price.normalize(_EXACT), "f"), x.count] for x in self.bought]
        )


def load_use(units_left: Decimal, bought: str) -> PackageUse:
    """Return the use that a row keeps as *units_left* and *bought*."""
    rows: list[list[Any]] = json.loads(bought)
    purchases = tuple(Purchase(size, Decimal(price), count) for size, price, count in rows)
    return PackageUse(units_left, purchases)


def consume(
    use: PackageUse, units: Decimal, size: int, price: Decimal
) -> tuple[PackageUse, Decimal]:
    """
    Take *units* out of what is left; return the use after that, and what it costs.

    For what is missing, ceil(missing / *size*) packages are bought at *price* each; the rest of
    the last one is left.
    """
    missing = units - use.units_left
    if missing <= 0:
        return PackageUse(use.units_left - units, use.bought), _NOTHING
    count = package_count(missing, size)
    bought = _merge((*use.bought, Purchase(size, price, count)))
    return PackageUse(count * size - missing, bought), _EXACT.multiply(Decimal(count), price)


def release(use: PackageUse, units: Decimal) -> tuple[PackageUse, Decimal]:
    """
    Put *units* back; return the use after that, and what is to be paid back, never negative.

    Every package that would fit into what is left is taken back at the price paid for it, the
    newest bought first.
    """
    free = use.units_left + units
    refund = _NOTHING
    rest: list[Purchase] = []
    for purchase in reversed(use.bought):
        count = min(purchase.count, int(free // purchase.size))
        free -= count * purchase.size
        refund = _EXACT.add(refund, _EXACT.multiply(Decimal(count), purchase.price))
        if count < purchase.count:
            rest.append(Purchase(purchase.size, purchase.price, purchase.count - count))
    return PackageUse(free, _merge(reversed(rest))), refund


def carry_charge(
    use: PackageUse, units: Decimal, size: int, price: Decimal, amount: Decimal
) -> PackageUse:
    """
    Return the use after a charge of before this rule, when packages were counted by the sum of
    units under each price: it bought what its *amount* says, whatever was left.
    """
    if not price:
        return consume(use, units, size, price)[0]
    count = int(amount // price)
    bought = (*use.bought, Purchase(size, price, count)) if count else use.bought
    return _cover(use.units_left + count * size - units, bought)


def carry_reversal(
    use: PackageUse, units: Decimal, size: int, price: Decimal, amount: Decimal
) -> PackageUse:
    """Return the use after the reversal of a charge of before this rule: its *units* came back and
    its *amount* was given back, so the packages that it bought went."""
    free = use.units_left + units
    due_count = int(amount // price) if price else int(free // size)
    rest: list[Purchase] = []
    for purchase in reversed(use.bought):
        count = 0
        if (purchase.size, purchase.price) == (size, price):
            count = min(due_count, purchase.count)
        due_count -= count
        free -= count * size
        if count < purchase.count:
            rest.append(Purchase(purchase.size, purchase.price, purchase.count - count))
    return _cover(free, _merge(reversed(rest)))


def _cover(free: Decimal, bought: tuple[Purchase, ...]) -> PackageUse:
    """
    Return the use with *free* units, which may be fewer than none.

    By the old rule a package could go while others used it. What they used is not charged anew:
    units that were bought for nothing stand for it.
    """
    if free < 0:
        count = math.ceil(-free)
        bought, free = (*bought, Purchase(1, _NOTHING, count)), free + count
    return PackageUse(free, _merge(bought))


def package_count(units: Decimal, size: int) -> int:
    """Return the packages needed for *units*: a package that is begun counts whole."""
    top, bottom = units.as_integer_ratio()
    return -(-top // (bottom * size))


def _merge(purchases: Iterable[Purchase]) -> tuple[Purchase, ...]:
    """Return neighbours with the same terms as one, so that a month is a short row."""
    result: list[Purchase] = []
    for item in purchases:
        last = result[-1] if result else None
        if last is not None and (last.size, last.price) == (item.size, item.price):
            result[-1] = Purchase(item.size, item.price, last.count + item.count)
        else:
            result.append(item)
    return tuple(result)
