"""Section 3 of money over time: what was paid for is kept, whatever becomes of the price."""

from decimal import Decimal
from math import ceil

NOTHING = Decimal(0)


class PackageUse:
    """What a distributor has of packages for one kind of use in one month."""

    def __init__(self) -> None:
        self.rest = NOTHING
        # Size and price of each package bought and not taken back, the oldest first.
        self.bought: list[tuple[int, Decimal]] = []

    def charge(self, quantity: Decimal, size: int, price: Decimal) -> Decimal:
        """Use *quantity* units; what the packages cost that had to be bought for it."""
        if quantity <= self.rest:
            self.rest -= quantity
            return NOTHING
        lack = quantity - self.rest
        count = ceil(lack / size)
        self.bought += [(size, price)] * count
        self.rest = count * size - lack
        return count * price

    def give_back(self, quantity: Decimal) -> Decimal:
        """Take *quantity* units back; the price of the packages that go back with them, the newest
        first, each as far as no unit of it is in use."""
        self.rest += quantity
        correction = NOTHING
        staying = []
        for size, price in reversed(self.bought):
            if size <= self.rest:
                self.rest -= size
                correction += price
            else:
                staying.append((size, price))
        self.bought = staying[::-1]
        return correction
