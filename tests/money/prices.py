"""
Sections 1 and 2 of money over time: prices that are ended and succeeded, own ones before general
ones, and which of them applies to a call by what was known when it began.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from tests.money.refusal import Refusal

# Most specific first: what a line names of step and model, and how that is called.
MATCHES = ((True, True, "step+model"), (True, False, "step"), (False, True, "model"),
           (False, False, "all"))  # fmt: skip
# A price is in force for a moment at least, also one that ends in the moment in which it began.
SHORTEST = timedelta(milliseconds=1)
_TENTH_DECIMAL = Decimal("1e-10")


@dataclass(frozen=True, slots=True)
class Terms:
    """`price` for `size` units: of each unit in proportion, or of whole packages."""

    pricing_type: str
    price: Decimal
    size: int

    def reduced(self, rate: Decimal) -> "Terms":
        """The terms at a discount."""
        return replace(self, price=self.price * rate)

    def unit_amount(self, quantity: Decimal) -> Decimal:
        """What *quantity* costs by the unit: ten decimals, half up."""
        return (quantity * self.price / self.size).quantize(_TENTH_DECIMAL, ROUND_HALF_UP)


@dataclass(slots=True, kw_only=True)
class Price:
    """A row of prices. `recorded_no` and `end_no`: the numbers of the pipeline's terms at which the
    price was last recorded, and its end was."""

    ref: str
    distributor: str = ""
    step: str = ""
    model: str = ""
    unit: str
    terms: Terms
    currency: str
    start: datetime
    end: datetime | None = None
    enabled: bool = True
    recorded_no: int = 0
    end_no: int = 0
    replaces: str | None = None
    successor: str | None = None
    former_end: datetime | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What no two enabled prices may have at one time."""
        return self.distributor, self.step, self.model, self.unit

    def is_draft(self, now: datetime) -> bool:
        """Whether it never was in force."""
        return not self.enabled or self.start > now

    def is_over(self, now: datetime) -> bool:
        """Whether its end has passed."""
        return self.end is not None and self.end <= now

    def applies(self, moment: datetime, number: int) -> bool:
        """Whether it is in force for a call of *moment* by what was known at *number*."""
        if not self.enabled or self.recorded_no > number or self.start > moment:
            return False
        return self.end is None or moment < self.end or self.end_no > number


@dataclass(frozen=True, slots=True)
class Match:
    """The price of one line, and how it was come to."""

    price: Price
    terms: Terms
    scope: str
    matched_by: str


class PriceBook:
    """The prices of one pipeline; `number` counts their changes."""

    def __init__(self) -> None:
        self.number = 0
        self.prices: dict[str, Price] = {}

    def create(self, price: Price) -> None:
        """Enter *price*."""
        self._check_overlap(price)
        price.recorded_no = price.end_no = self._raise()
        self.prices[price.ref] = price

    def edit(self, ref: str, now: datetime, **fields: object) -> None:
        """Change fields of a draft; a price that was in force stays as it is."""
        price = self.prices[ref]
        if not price.is_draft(now):
            raise Refusal("in_use")
        self._check_overlap(replace(price, **fields))  # type: ignore[arg-type]
        for name, value in fields.items():
            setattr(price, name, value)
        price.recorded_no = price.end_no = self._raise()

    def move_end(self, ref: str, now: datetime, end: datetime | None) -> None:
        """Let a price in force end at another time, not before now."""
        price = self.prices[ref]
        if price.is_draft(now):
            self.edit(ref, now, end=end)
            return
        if price.is_over(now):
            raise Refusal("in_use")
        if end is not None and end < now:
            raise Refusal("invalid_fields")
        self._check_overlap(replace(price, end=end))
        price.end, price.end_no = end, self._raise()

    def succeed(self, ref: str, successor: str, now: datetime, moment: datetime,
                terms: Terms) -> None:  # fmt: skip
        """End a price in force at *moment* (change_from) and begin its successor then."""
        price = self.prices[ref]
        if moment < now:
            raise Refusal("invalid_fields")
        if price.is_over(now):
            raise Refusal("in_use")
        moment = max(moment, price.start + SHORTEST)
        if price.end and moment >= price.end:
            raise Refusal("invalid_fields")
        later = replace(price, ref=successor, terms=terms, start=moment, replaces=ref,
                        successor=None, former_end=None)  # fmt: skip
        price.former_end, price.successor = price.end, successor
        price.end = moment
        price.end_no = later.recorded_no = later.end_no = self._raise()
        self.prices[successor] = later

    def end(self, ref: str, now: datetime) -> None:
        """Delete a draft, or end what is in force now."""
        price = self.prices[ref]
        if price.is_draft(now):
            self._delete(price)
        elif price.is_over(now):
            raise Refusal("in_use")
        else:
            price.end, price.end_no = max(now, price.start + SHORTEST), self._raise()

    def drop_own(self, distributor: str, now: datetime) -> None:
        """End a distributor's own prices with its link: one made again starts without."""
        for price in [p for p in self.prices.values() if p.distributor == distributor]:
            if not price.is_over(now):
                self.end(price.ref, now)

    def choose(
        self, *, distributor: str, currency: str, moment: datetime, number: int,
        step: str, model: str, unit: str, mode: str, rate: Decimal | None,
    ) -> Match:  # fmt: skip
        """The price of a line: own ones first, then the general ones by the link's terms; raises
        price_missing."""
        able = [
            price for price in self.prices.values()
            if price.unit == unit and price.currency == currency and price.applies(moment, number)
        ]  # fmt: skip
        own = _most_specific((p for p in able if distributor and p.distributor == distributor),
                             step, model)  # fmt: skip
        if own is not None:
            return Match(own[0], own[0].terms, "own", own[1])
        general = _most_specific((p for p in able if not p.distributor), step, model)
        if general is None or mode == "fixed":
            raise Refusal("price_missing")
        price, matched_by = general
        terms = price.terms.reduced(rate) if mode == "discount" and rate else price.terms
        return Match(price, terms, "general", matched_by)

    def check_currency(self, *, distributor: str, currency: str, moment: datetime, number: int,
                       mode: str) -> None:  # fmt: skip
        """Refuse a call whose prices are all in another currency than the distributor's."""
        owners = (distributor,) if mode == "fixed" else (distributor, "")
        currencies = {
            price.currency for price in self.prices.values()
            if price.distributor in owners and price.applies(moment, number)
        }  # fmt: skip
        if currencies and currency not in currencies:
            raise Refusal("price_missing")

    def _delete(self, price: Price) -> None:
        del self.prices[price.ref]
        number = self._raise()
        before = self.prices.get(price.replaces or "")
        if before is not None and before.successor == price.ref and before.end == price.start:
            before.end, before.end_no = before.former_end, number
            before.successor = before.former_end = None

    def _check_overlap(self, price: Price) -> None:
        if price.enabled and any(
            other.ref != price.ref and other.enabled and other.key == price.key
            and (other.end is None or price.start < other.end)
            and (price.end is None or other.start < price.end)
            for other in self.prices.values()
        ):  # fmt: skip
            raise Refusal("price_overlap")

    def _raise(self) -> int:
        self.number += 1
        return self.number


def _most_specific(prices: Iterable[Price], step: str, model: str) -> tuple[Price, str] | None:
    by_place = {(price.step, price.model): price for price in prices}
    for by_step, by_model, name in MATCHES:
        if (by_step and not step) or (by_model and not model):
            continue
        price = by_place.get((step if by_step else "", model if by_model else ""))
        if price is not None:
            return price, name
    return None
