"""
The terms of a call: the prices in force, the distributor's link, and which price applies.

A price is everybody's, or one distributor's own. Which one a call is charged by follows from the
prices in force when it began and from the link as it was then (`LinkTerms`), from nothing else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import StrEnum
from typing import Any


class PricingType(StrEnum):
    """How a price is reckoned: by quantity, or by packages begun."""

    UNIT = "unit"
    PACKAGE = "package"


class PricingMode(StrEnum):
    """What a link makes of everybody's prices, where the distributor has none of its own: as they
    are, at a discount, or nothing."""

    INHERIT = "inherit"
    DISCOUNT = "discount"
    FIXED = "fixed"


class PriceScope(StrEnum):
    """Whose a price is: one distributor's own, or everybody's."""

    OWN = "own"
    GENERAL = "general"


# How a price was found, by whether it names a step and a model.
MATCHES = {
    (True, True): "step+model",
    (True, False): "step",
    (False, True): "model",
    (False, False): "all",
}
# What `distributor_id` of a price says where it is everybody's.
EVERYBODY = ""
PRICE_DECIMALS = 6
# A line's number to which all that is recorded is known: that of a call which begins now.
KNOWN_NOW = 2**63 - 1

_EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
_PRICE_STEP = Decimal(1).scaleb(-PRICE_DECIMALS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """
    A price as it is applied: `unit_price` for `unit_size` units, or packages of `package_size`
    units at `package_price`. An empty `step_key` or `model` means every one.

    `pricing_id` is the price's identity in the ledger, by which packages are counted.
    """

    pricing_id: str
    distributor_id: str = EVERYBODY
    step_key: str
    model: str
    unit: str
    pricing_type: str
    unit_price: Decimal | None = None
    unit_size: int = 1
    package_size: int | None = None
    package_price: Decimal | None = None
    currency: str

    @property
    def price_scope(self) -> PriceScope:
        """Whose it is."""
        return PriceScope.GENERAL if self.distributor_id == EVERYBODY else PriceScope.OWN

    @property
    def matched(self) -> str:
        """How it was found: `step+model`, `step`, `model` or `all`."""
        return MATCHES[self.step_key != "", self.model != ""]


@dataclass(frozen=True, slots=True)
class DatedTerms:
    """
    An enabled price with the time in which it applies, from `start` up to and without `end`, and
    the numbers (`pipelines.terms_no`) under which it and its end were recorded.
    """

    terms: Terms
    start: datetime
    end: datetime | None
    terms_no: int = 0
    end_terms_no: int = 0

    def holds_at(self, moment: datetime, terms_no: int = KNOWN_NOW) -> bool:
        """
        Return whether it applies to a call that began at *moment*, when *terms_no* was its line's
        number.

        What was recorded after that number is as if it had not been: a price, and the end of one.
        Clocks of several hosts differ; the number, which each change of prices raises and writes,
        tells before from after.
        """
        if self.terms_no > terms_no or self.start > moment:
            return False
        return self.end is None or self.end > moment or self.end_terms_no > terms_no


@dataclass(frozen=True, slots=True)
class LinkTerms:
    """
    What decides, beside the prices, at which of them a call is charged: whose it is, and its link's
    mode and rate when it began. Without a distributor it is a call of our own.
    """

    distributor_id: str | None = None
    pricing_mode: str = PricingMode.INHERIT
    discount_rate: Decimal | None = None

    def takes(self, item: Terms) -> bool:
        """Return whether *item* can apply at all: an own price, or, unless the mode is `fixed`,
        everybody's."""
        if item.distributor_id == EVERYBODY:
            return self.pricing_mode != PricingMode.FIXED
        return item.distributor_id == self.distributor_id

    def choose(self, terms: Sequence[Terms], step_key: str, model: str, unit: str) -> Terms | None:
        """
        Return the price of this use among *terms*, which are in force; None where none applies.

        An own price comes first, whatever it is for; then the most specific: step and model, step,
        model, neither. Everybody's is at the link's discount, an own one never.
        """
        fitting = [
            item
            for item in terms
            if item.unit == unit
            and item.step_key in ("", step_key)
            and item.model in ("", model)
            and self.takes(item)
        ]
        price = max(fitting, key=_precedence, default=None)
        return None if price is None else self.applied(price)

    def effective(self, terms: Sequence[Terms]) -> list[Terms]:
        """Return all prices that can apply out of *terms*, as they apply: an own price hides every
        one of everybody's that it covers."""
        own = [item for item in terms if item.price_scope == PriceScope.OWN and self.takes(item)]
        return own + [
            self.applied(item)
            for item in terms
            if item.price_scope == PriceScope.GENERAL and self.takes(item)
            if self.choose(own, item.step_key, item.model, item.unit) is None
        ]

    def applied(self, price: Terms) -> Terms:
        """Return *price* as it is charged: everybody's at the link's discount, if it has one."""
        if self.pricing_mode != PricingMode.DISCOUNT or price.price_scope == PriceScope.OWN:
            return price
        assert self.discount_rate is not None  # a link is not saved at a discount without one
        return discount(price, self.discount_rate)


def discount(terms: Terms, rate: Decimal) -> Terms:
    """Return *terms* at *rate* of their price. Nothing is rounded: 6 decimals of a price and 4 of a
    rate make 10, which the ledger keeps, so that the price stored with a line reproduces its
    amount."""
    return replace(
        terms,
        unit_price=_scale(terms.unit_price, rate),
        package_price=_scale(terms.package_price, rate),
    )


def shown_price(price: Decimal | None) -> Decimal | None:
    """Return *price* with the decimals it needs, at least 6: as people set it, whoever stored
    it."""
    if price is None or price.as_tuple().exponent == -PRICE_DECIMALS:
        return price
    at_six = _EXACT.quantize(price, _PRICE_STEP)
    return at_six if at_six == price else price.normalize(_EXACT)


def terms_of(values: Iterable[Any]) -> Terms:
    """Return a row of pipeline_pricing, read as the values of TERMS_COLUMNS, as Terms."""
    return Terms(**dict(zip(_TERMS_FIELDS, values, strict=True)))


def dated_terms_of(values: Sequence[Any]) -> DatedTerms:
    """Return a row of pipeline_pricing, read as the values of PRICE_COLUMNS, as DatedTerms."""
    terms, dates = values[: len(TERMS_COLUMNS)], values[len(TERMS_COLUMNS) :]
    return DatedTerms(terms_of(terms), *dates)


# The columns of a price of which Terms are made; its id is their pricing_id.
TERMS_COLUMNS = (
    "id", "distributor_id", "step_key", "model", "unit", "pricing_type", "unit_price", "unit_size",
    "package_size", "package_price", "currency",
)  # fmt: skip
# The same and when it holds, of which DatedTerms are made.
PRICE_COLUMNS = (*TERMS_COLUMNS, "effective_from", "effective_to", "terms_no", "end_terms_no")
_TERMS_FIELDS = ("pricing_id", *TERMS_COLUMNS[1:])


def _precedence(item: Terms) -> tuple[bool, bool, bool]:
    return item.distributor_id != EVERYBODY, item.step_key != "", item.model != ""


def _scale(price: Decimal | None, rate: Decimal) -> Decimal | None:
    if price is None:
        return None
    return shown_price(_EXACT.multiply(price, rate))
