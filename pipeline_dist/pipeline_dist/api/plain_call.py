"""
The quick reading of the usual body of a call that is over and has one metered item.

It takes only values of which a look says that they are right, as the rules would give them; of
everything else, right or wrong, it says nothing, and `input` reads it by the rules.
"""

import re
from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

from pipeline_dist.admission.commands import BeginCall
from pipeline_dist.admission.request_hash import request_hash
from pipeline_ops.ledger.states import OVER
from pipeline_ops.rules.usage_lines import UsageLine

# Of the labels only this one: tags are looked at one by one.
_REF = "client_ref"
_MEMBERS = frozenset({"pipeline", "status", "lines", _REF})
_ITEM_MEMBERS = frozenset({"step_key", "model", "unit", "quantity"})
_STATUSES = {str(status): status for status in OVER}
# Shorter than any rule allows, and of letters that every rule takes and no JSON escapes.
_is_word = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,30}").fullmatch
# The same of what may have blanks and other signs within.
_is_phrase = re.compile(r"[A-Za-z0-9](?:[ !#-\[\]-~]{0,60}[!#-\[\]-~])?").fullmatch
_is_number = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?").fullmatch
_MAX_QUANTITY = 10**12
_STEP = Decimal("0.000001")
_EXACT = Context(prec=40)


def plain_call(
    key: str, body: Mapping[str, Any], request_id: str | None = None
) -> BeginCall | None:
    """Return what `input.begin_call` does of *body*, under the idempotency key *key*; None where it
    is not a plain one."""
    lines, code = body.get("lines"), body.get("pipeline")
    if type(lines) is not list or len(lines) != 1 or not body.keys() <= _MEMBERS:
        return None
    status = body.get("status")
    status = _STATUSES.get(status) if type(status) is str else None
    usage = _plain_item(lines[0])
    if status is None or usage is None or type(code) is not str or not _is_word(code):
        return None
    labels: dict[str, Any] = {}
    client_ref = body.get(_REF)
    if client_ref is not None:
        if type(client_ref) is not str or not _is_phrase(client_ref):
            return None
        labels[_REF] = client_ref
    item = (usage.step_key, usage.model, usage.unit, format(usage.quantity, "f"))
    meaning = {**labels, "lines": (item,), "pipeline": code, "status": str(status)}
    return BeginCall(
        pipeline=code,
        idempotency_key=key,
        request_hash=request_hash(meaning, body),
        lines=[usage],
        status=status,
        request_id=request_id,
        **labels,
    )


def _plain_item(item: Any) -> UsageLine | None:
    if type(item) is not dict or not item.keys() <= _ITEM_MEMBERS:
        return None
    unit, step_key, model = item.get("unit"), item.get("step_key", ""), item.get("model", "")
    if type(unit) is not str or not _is_word(unit):
        return None
    if step_key != "" and (type(step_key) is not str or not _is_word(step_key)):
        return None
    if model != "" and (type(model) is not str or not _is_phrase(model)):
        return None
    quantity = item.get("quantity")
    if type(quantity) is int:
        if not 0 <= quantity < _MAX_QUANTITY:
            return None
    elif not ((type(quantity) is str or type(quantity) is Decimal) and _is_number(str(quantity))):
        return None
    return UsageLine(
        step_key=step_key, model=model, unit=unit,
        quantity=Decimal(quantity).quantize(_STEP, context=_EXACT),
    )  # fmt: skip
