"""
What may become of a price (money.md, section 1).

A draft is edited. A price that is in force, or has been, is history: it is ended, and succeeded by
another, so that what a call cost can be read from it for ever. Decided here from the row alone;
pipeline_ops/tables/prices.py locks and writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.global_func import (
    OUT_OF_ORDER,
    FieldProblem,
    InvalidFields,
    iso,
    month_bounds,
    quota_month,
)
from pipeline_ops.errors import (
    BEFORE_NOW,
    CHANGE_AFTER_END,
    FIXED_IN_FORCE,
    PRICE_IN_FORCE,
    PRICE_OVER,
    SAID_BY_CHANGE_FROM,
)

Values = Mapping[str, Any]
# What a price is for: of several enabled ones of one key, one at most is in force at any time.
KEY = ("distributor_id", "pipeline_id", "step_key", "model", "unit")
# What the question "from when" is called in a request, and its word for at once.
CHANGE_FROM = "change_from"
NOW = "now"
# What a form asks then; who has typed another start has said it.
_QUESTION = {"name": CHANGE_FROM, "kind": "datetime", "default": NOW, "field": "effective_from"}
# What is no part of the terms: it may be said of a price at any time.
NOTE = "remark"
# The shortest time that a price can be in force: the columns count milliseconds.
_LEAST = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class PriceChange:
    """What a request does: the columns of the row that change, and those in which its successor,
    if there is one, differs from it."""

    row: Values = field(default_factory=dict)
    successor: Values | None = None


def is_draft(price: Values, moment: datetime) -> bool:
    """Return whether *price* was never in force: switched off, or still to come at *moment*."""
    return not price["enabled"] or price["effective_from"] > moment


def is_over(price: Values, moment: datetime) -> bool:
    """Return whether the end of *price* has passed at *moment*."""
    end = price["effective_to"]
    return end is not None and end <= moment


def change_of(
    price: Values, new: Values, change_from: datetime | None, moment: datetime
) -> PriceChange:
    """
    Return what becomes of *price* at *moment* when the columns *new* are to be others.

    *change_from* is when they are to begin to hold (a time from *moment* on). A draft is simply
    edited, but for one that begins before *change_from*: that one is succeeded then, like a price
    in force. Raises InvalidFields, Conflict `in_use`.
    """
    if change_from is not None and change_from < moment:
        raise InvalidFields([BEFORE_NOW(CHANGE_FROM)])
    if not new.keys() - {NOTE}:
        return PriceChange(new)
    if is_draft(price, moment):
        begins_before = change_from is not None and price["effective_from"] < change_from
        if change_from is None or not (price["enabled"] and begins_before):
            return PriceChange(new)
    if is_over(price, moment):
        raise PRICE_OVER(problems=_fixed(new))
    start = max(change_from or moment, _first_end(price))
    if change_from is not None and is_over(price, start):
        raise InvalidFields([CHANGE_AFTER_END(CHANGE_FROM)])
    if new.keys() - {NOTE} == {"enabled"}:
        return PriceChange({**_note_of(new), "effective_to": start})
    if change_from is not None:
        return _succession(price, new, start)
    if new.keys() - {NOTE} == {"effective_to"}:
        return PriceChange({**new, "effective_to": _later_end(price, new["effective_to"], moment)})
    question = {**_QUESTION, "choices": [NOW, iso(next_month(moment))]}
    raise PRICE_IN_FORCE(problems=_fixed(new), extra={"ask": question})


def next_month(moment: datetime) -> datetime:
    """Return when the quota month after that of *moment* begins: until then bills are at one
    price."""
    return month_bounds(quota_month(moment))[1]


def ended_at(price: Values, moment: datetime) -> Values:
    """Return the columns of *price* when it ends at *moment*, or where it ends before that. Raises
    Conflict `in_use` when it has ended."""
    if is_over(price, moment):
        raise PRICE_OVER()
    return {"effective_to": max(moment, _first_end(price))}


def _later_end(price: Values, end: datetime | None, moment: datetime) -> datetime | None:
    """Return *end* as the end of *price*: none, or a time from *moment* on; raises
    InvalidFields."""
    if end is None:
        return None
    if end < moment:
        raise InvalidFields([BEFORE_NOW("effective_to")])
    return max(end, _first_end(price))


def _succession(price: Values, new: Values, start: datetime) -> PriceChange:
    """Return the end of *price* at *start* and its successor from then on. Raises InvalidFields."""
    if new.get("effective_from", start) != start:
        raise InvalidFields([SAID_BY_CHANGE_FROM("effective_from")])
    successor = {**new, "effective_from": start}
    end = {**price, **successor}["effective_to"]
    if end is not None and end <= start:
        raise InvalidFields([OUT_OF_ORDER("effective_to")])
    return PriceChange({"effective_to": start}, successor)


def _first_end(price: Values) -> datetime:
    """Return the earliest time at which *price* can end."""
    start: datetime = price["effective_from"]
    return start + _LEAST


def _note_of(new: Values) -> Values:
    return {name: value for name, value in new.items() if name == NOTE}


def _fixed(new: Values) -> list[FieldProblem]:
    """Name the fields that stay as they are."""
    return [FIXED_IN_FORCE(name) for name in new if name != NOTE]
