"""The quick reading of a usual body and the reading by the rules: one and the same command."""

from dataclasses import fields
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from app.base.refusals import InvalidFields
from pipeline_dist.admission.commands import BeginCall
from pipeline_dist.api.input import any_call, begin_call
from pipeline_dist.api.plain_call import plain_call
from pipeline_ops.ledger.rows import LABELS

_odd = st.none() | st.booleans() | st.integers() | st.floats() | st.lists(st.just("x"), max_size=1)
_texts = st.text(max_size=70) | st.text(st.sampled_from(" a.-_~\"'\\é"), max_size=70)
_words = st.sampled_from(["call", "token", "m-1", "s.1", "x" * 31, "x" * 32, "x" * 65, ""])
_quantities = (
    st.integers(-1, 10**13)
    | st.decimals(allow_nan=False, places=6, min_value=0, max_value=10**6)
    | st.decimals(allow_nan=True)
    | st.sampled_from(["1", "1.0", "1.1234567", "0", "-0", "1e3", " 1", "+1", "01", "x", "１"])
    | st.sampled_from([Decimal("1E+2"), Decimal("-0"), Decimal("0E-9"), Decimal("1.50")])
)
_items = st.fixed_dictionaries(
    {"unit": _words | _texts | _odd, "quantity": _quantities | _odd},
    optional={"step_key": _words | _texts | _odd, "model": _words | _texts | _odd,
              "other": st.just(1)},
)  # fmt: skip
# What a body tells of them.
_TOLD = [name for name in LABELS if name != "request_id"]
_usual = {"pipeline": _words | _texts | _odd, "lines": st.lists(_items, max_size=2) | _odd}
_bodies = st.fixed_dictionaries(
    _usual,
    optional={
        "status": st.sampled_from(["succeeded", "failed", "reserved", ""]) | _odd,
        **dict.fromkeys(_TOLD, _words | _texts | _odd),
        "error": _texts | _odd, "lease_seconds": st.integers(0, 100), "estimate": _odd,
        "other": st.just(1),
    },
)  # fmt: skip
_plain_bodies = st.fixed_dictionaries({
    "pipeline": st.sampled_from(["p", "line-1"]),
    "status": st.sampled_from(["succeeded", "failed"]),
    "lines": st.tuples(_items).map(list),
    **dict.fromkeys(_TOLD, _words),
})  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(body=_bodies | _plain_bodies)
def test_what_is_read_quickly_is_what_the_rules_say(body: dict[str, Any]) -> None:
    quick = plain_call("k", body)
    if quick is None:
        return

    slow = any_call("k", body)

    assert quick == slow
    assert quick.request_hash == slow.request_hash
    assert [str(line.quantity) for line in quick.lines] == [str(x.quantity) for x in slow.lines]
    assert getattr(quick.request_hash, "body", None) is body


def test_the_usual_body_is_read_quickly() -> None:
    item = {"step_key": "draft", "model": "m-1", "unit": "token", "quantity": Decimal("1.5")}
    body = {
        "pipeline": "writer", "status": "succeeded", "client_ref": "order 4711", "lines": [item],
    }  # fmt: skip

    assert plain_call("k", body) is not None
    assert plain_call("k", body | {"lines": [{"unit": "call", "quantity": 1}]}) is not None


def test_what_is_wrong_is_refused_by_the_rules() -> None:
    item = {"unit": "call", "quantity": -1}
    body = {"pipeline": "writer", "status": "succeeded", "lines": [item]}

    assert plain_call("k", body) is None
    with pytest.raises(InvalidFields) as caught:
        begin_call("k", body)
    assert [problem.field for problem in caught.value.problems] == ["lines/0/quantity"]


def test_a_new_field_of_a_call_is_thought_of() -> None:
    """What a field means to the fast way is said in `plain_call` and `is_common`; then here."""
    assert {field.name for field in fields(BeginCall)} == {
        "pipeline", "idempotency_key", "request_hash", "lease_seconds", "lines", "status", "error",
        "started_at", "version_no", "is_told", "estimate", "estimate_lines", *LABELS,
    }  # fmt: skip
