"""States are the choices of their columns, spelled the same wherever they go."""

import json
from enum import StrEnum
from pathlib import Path

import pytest

from app.base.json_codec import canonical_bytes, canonical_json, json_bytes, to_json
from pipeline_core.definition.states import PipelineStatus
from pipeline_dist.accounts.rows import BillingMode, QuotaPeriod, SpendPeriod
from pipeline_dist.accounts.status import DistributorStatus
from pipeline_ops.ledger.rows import CallHeader, CallLine
from pipeline_ops.ledger.states import (
    CALL_TRANSITIONS,
    OPEN_STATUSES,
    CallSource,
    CallStatus,
    EntryType,
    may_become,
    statuses_before,
)
from pipeline_ops.rules.terms import PricingMode, PricingType

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = [
    (PipelineStatus, "pipeline_core", "pipelines", "status"),
    (DistributorStatus, "pipeline_dist", "distributors", "status"),
    (QuotaPeriod, "pipeline_dist", "distributors", "quota_period"),
    (PricingMode, "pipeline_dist", "distributor_pipeline", "pricing_mode"),
    (PricingMode, "pipeline_ops", "pipeline_usage_log", "pricing_mode"),
    (PricingType, "pipeline_ops", "pipeline_usage_log", "pricing_type"),
    (PricingType, "pipeline_ops", "pipeline_pricing", "pricing_type"),
    (CallStatus, "pipeline_ops", "pipeline_usage_log", "status"),
    (CallSource, "pipeline_ops", "pipeline_usage_log", "source"),
    (EntryType, "pipeline_ops", "pipeline_usage_log", "entry_type"),
    (BillingMode, "pipeline_dist", "distributors", "billing_mode"),
    (SpendPeriod, "pipeline_dist", "distributors", "spend_period"),
]


def columns_of(module: str, table: str) -> dict[str, list[str]]:
    """The choices of each column of a table, in order; none for most."""
    model = json.loads((ROOT / module / "models" / f"{table}.json").read_text("utf-8"))
    return {
        column["name"]: [choice["value"] for choice in column.get("choices", ())]
        for column in model["fields"]
    }


@pytest.mark.parametrize(("states", "module", "table", "column"), COLUMNS)
def test_states_are_the_choices_of_their_column(
    states: type[StrEnum], module: str, table: str, column: str
) -> None:
    assert list(states) == columns_of(module, table)[column]


@pytest.mark.parametrize("state", CallStatus)
def test_a_state_is_spelled_by_its_letters(state: CallStatus) -> None:
    letters = str(state.value)

    for spell in (to_json, json_bytes, canonical_json, canonical_bytes):
        assert spell({"status": state}) == spell({"status": letters})
    assert f"{state}" == letters


def test_what_may_follow_which() -> None:
    assert set(CALL_TRANSITIONS) == set(CallStatus)
    assert {"reserved", "expired"} == OPEN_STATUSES
    assert statuses_before(CallStatus.EXPIRED) == ("reserved",)
    assert statuses_before(CallStatus.CANCELLED) == ("reserved", "expired")
    assert not any(may_become(status, CallStatus.RESERVED) for status in CallStatus)
    assert statuses_before(CallStatus.VOIDED) == ("expired", "succeeded", "failed")
    assert not may_become("unheard of", CallStatus.VOIDED)


def test_the_ledgers_trigger_lets_through_what_may_follow() -> None:
    model = json.loads((ROOT / "pipeline_ops/models/pipeline_usage_log.json").read_text("utf-8"))
    (trigger,) = (one for one in model["triggers"] if one["moment"] == "before update")
    moves = []
    for before, followers in CALL_TRANSITIONS.items():
        names = ", ".join(f"'{after}'" for after in sorted(followers))
        moves += [f"old.status = '{before}' and new.status in ({names})"] if followers else []

    body = "\n".join(trigger["body"])
    assert "    " + "\n    or ".join(moves) + "\n  ) then" in body
    states = body.partition("does not go")[0]
    assert states.count("old.status") == len(moves) + 1


def test_the_rows_of_the_ledger_are_made_of_its_columns() -> None:
    fields = {*CallHeader.__dataclass_fields__, *CallLine.__dataclass_fields__}

    columns = set(columns_of("pipeline_ops", "pipeline_usage_log"))
    assert columns - fields == {
        "voided_at", "voided_by", "void_reason", "entry_type", "reverses", "reason", "reference",
    }  # fmt: skip
    # What the price of a row says.
    assert fields - columns == {"price_scope"}
