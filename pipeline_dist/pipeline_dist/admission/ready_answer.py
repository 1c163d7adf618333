"""
The answer to a call that is over and has one metered item, as the bytes of its JSON.

It is what `call_answer` gives, put together out of pieces: what all calls of an account at one
moment have, and what all items of one price have, becomes JSON once.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from app.global_func import iso, json_bytes
from pipeline_dist.admission.call_view import line_answer
from pipeline_ops.ledger.rows import call_lines
from pipeline_ops.rules.pricing import PricedLine
from pipeline_ops.rules.terms import Terms
from pipeline_ops.rules.usage_lines import UsageLine

_ANY = Decimal(0)


class AccountAnswer(NamedTuple):
    """What calls of one account and moment have, in the order of the answer."""

    head: str
    times: str
    currency: str


class ItemAnswer(NamedTuple):
    """What items of one price have: before the quantity, between it and the amount, behind."""

    head: str
    middle: str
    tail: str


def account_answer(
    code: str, version_no: int | None, moment: datetime, currency: str
) -> AccountAnswer:
    """Return the pieces for calls of the pipeline *code* that are booked at *moment*."""
    return AccountAnswer(_head(code, version_no), _times(moment), _members({"currency": currency}))


@lru_cache(maxsize=1024)
def _head(code: str, version_no: int | None) -> str:
    return _members({"pipeline": code, "version_no": version_no})


@lru_cache(maxsize=16)
def _times(moment: datetime) -> str:
    at = iso(moment)
    return _members(
        {"started_at": at, "lease_expires_at": None, "finished_at": at, "duration_ms": 0}
    )


@lru_cache(maxsize=4096)
def item_answer(terms: Terms, step_key: str, model: str, unit: str) -> ItemAnswer:
    """Return the pieces for items of such a use that are charged by *terms*, a price per unit."""
    usage = UsageLine(step_key=step_key, model=model, unit=unit, quantity=_ANY)
    line = call_lines([PricedLine(line_no=0, usage=usage, terms=terms, amount=_ANY)])[0]
    members = list(line_answer(line).items())
    names = [name for name, _ in members]
    quantity, amount = names.index("quantity"), names.index("amount")
    return ItemAnswer(
        _members(dict(members[:quantity])),
        _members(dict(members[quantity + 1 : amount])),
        _members(dict(members[amount + 1 :])),
    )


def ready_answer(
    account: AccountAnswer,
    item: ItemAnswer,
    *,
    call_no: str,
    status: str,
    labels: Mapping[str, Any],
    quantity: str,
    amount: str,
) -> bytes:
    """Return the JSON of the call *call_no*, charged *amount* for *quantity* units."""
    return (
        f'{{"call_no":"{call_no}",{account.head},"status":"{status}",{account.times},'
        f'{_members(labels)},{account.currency},"amount":"{amount}","late":false,"error":null,'
        f'"lines":[{{{item.head},"quantity":"{quantity}",{item.middle},"amount":"{amount}",'
        f"{item.tail}}}]}}"
    ).encode()


def _members(values: Mapping[str, Any]) -> str:
    """Return the members of an object's JSON, without its braces."""
    return json_bytes(values)[1:-1].decode()
