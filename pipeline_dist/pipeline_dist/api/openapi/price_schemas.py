"""Prices and priced lines in answers of the distributor API, as JSON Schema."""

from pipeline_dist.api.openapi.schema import (
    CURRENCY,
    MODEL,
    STEP,
    UNIT,
    Schema,
    choice,
    maybe,
    money,
    number,
    record,
    text,
)
from pipeline_ops.rules.terms import MATCHES, PriceScope

PRICE: dict[str, Schema] = {
    "pricing_type": choice(
        "unit: by quantity; package: by packages begun.", "pipeline_pricing", "pricing_type"
    ),
    "unit_price": maybe(money("Price of unit_size units.")),
    "unit_size": maybe(number("For how many units the unit price is.", minimum=1)),
    "package_size": maybe(number("Units in a package.", minimum=1)),
    "package_price": maybe(money("Price of a package.")),
    "currency": CURRENCY,
}
SCOPE = text("own: a price of this distributor; general: everybody's.", enum=list(PriceScope))
_FOUND: dict[str, Schema] = {
    "price_scope": SCOPE,
    "matched": maybe(
        text(
            "What the price is for; null for own prices that were taken back before this was kept.",
            enum=list(MATCHES.values()),
        )
    ),
}
PRICED_LINE = record(
    "A line with the price applied to it.",
    {
        "line_no": number(
            "Its row in the call: 0 for the first. Calls booked by older versions count from 1."
        ),
        "step_key": STEP,
        "model": MODEL,
        "unit": UNIT,
        "quantity": money("How much was used."),
        **{name: PRICE[name] for name in PRICE if name != "currency"},
        "amount": money("What it costs, to 10 decimals."),
        **_FOUND,
    },
)
