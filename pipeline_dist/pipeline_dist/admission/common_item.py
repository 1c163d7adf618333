"""A metered item of common calls (common_call.py): its use, its price, and what quantities cost."""

from decimal import Decimal
from typing import NamedTuple

from app.global_func import Quote
from pipeline_dist.admission.ready_answer import item_answer
from pipeline_ops.ledger.ready_rows import item_text
from pipeline_ops.ledger.rows import CallLine, call_lines
from pipeline_ops.rules.pricing import AMOUNT_LIMIT, PricedLine, line_amount
from pipeline_ops.rules.terms import Terms
from pipeline_ops.rules.usage_lines import UsageLine


class Charge(NamedTuple):
    """What a quantity costs: the amount, and both as the answer and the row have them."""

    amount: Decimal
    quantity_text: str
    amount_text: str
    row: str


class CommonItem:
    """Items of one use at one price."""

    def __init__(self, quote: Quote, terms: Terms, step_key: str, model: str, unit: str) -> None:
        self.terms = terms
        self.answer = item_answer(terms, step_key, model, unit)
        self.row = item_text(quote, terms, step_key, model, unit)
        self._quote = quote
        self._charges: dict[Decimal, Charge] = {}

    def line(self, usage: UsageLine, amount: Decimal) -> CallLine:
        """Return the item *usage*, charged *amount*."""
        return call_lines([PricedLine(line_no=0, usage=usage, terms=self.terms, amount=amount)])[0]

    def charge(self, quantity: Decimal) -> Charge | None:
        """Return what *quantity* costs; None for more than the ledger can hold."""
        charge = self._charges.get(quantity)
        # Equal numbers may be written otherwise: 1 and 1.0.
        if charge is not None and charge.quantity_text == format(quantity, "f"):
            return charge
        amount = line_amount(self.terms, quantity)
        if amount >= AMOUNT_LIMIT:
            return None
        quote = self._quote
        charge = self._charges[quantity] = Charge(
            amount, format(quantity, "f"), format(amount, "f"), f"{quote(quantity)},{quote(amount)}"
        )
        return charge
