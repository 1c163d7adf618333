"""What the document says of a request is what checks it: the same rule, seen from both sides."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

from app.global_func import InvalidFields
from app.schema.validation import FieldRule, check_params
from pipeline_dist.api import (
    events as events_api,
    input as api_input,
    v1 as v1_api,
    webhooks as webhooks_api,
)
from pipeline_dist.api.openapi.operations import OPERATIONS
from pipeline_dist.api.openapi.requests import REQUESTS
from pipeline_dist.api.openapi.rule_schemas import rule_schema
from pipeline_dist.reports import usage
from pipeline_dist.reports.usage import DAY_OR_TIME
from pipeline_ops.rules.months import MONTH_RULE
from pipeline_ops.rules.usage_lines import LINE_RULES

SPECS: dict[str, Mapping[str, FieldRule]] = {
    "Line": LINE_RULES,
    "NewCall": api_input.CALL_RULES,
    "Ending": api_input.FINISH_RULES,
    "Extension": api_input.EXTEND_RULES,
    "QuoteRequest": api_input.QUOTE_RULES,
    "item": api_input.BATCH_ITEM_RULES,
}
QUERIES: dict[str, Mapping[str, FieldRule]] = {
    "pipelines": v1_api.PIPELINES_QUERY,
    "read_call": v1_api.CALL_QUERY,
    "usage": v1_api.USAGE_QUERY,
    "statements": v1_api.STATEMENTS_QUERY,
    # A file's mark is told of where that file has its own address.
    "statement": {n: rule for n, rule in v1_api.STATEMENT_QUERY.items() if n != "bom"},
    "statement_csv": v1_api.STATEMENT_CSV_QUERY,
    "statement_xlsx": v1_api.STATEMENT_FILE_QUERY,
    "events": events_api.EVENTS_QUERY,
    "webhook_deliveries": webhooks_api.DELIVERIES_QUERY,
}
RULES = {
    f"{where} {name}": (rule, "query" if where in QUERIES else "body")
    for where, spec in (SPECS | QUERIES).items()
    for name, rule in spec.items()
}
# What is right and what goes wrong lie near each other: all pairs of these.
PIECES = [
    "", "a", "Z9", "_", ".", "-", "+", " ", "\t", "\n", "\0", "\x1f", "\x7f", "\x85", "\u2028",
    "\u3000", "订", "\U0001f600", "x" * 31, "y" * 64, "z" * 128, "0", "1", "9" * 12, "9" * 13,
    ".5", ".000001", ".0000001", "e", "2026-11", "2026-11-29", "1999-12", "T06:00:00", "Z",
    "T06:00:00Z", "T06:00:00+08:00", "succeeded", "failed", "cancelled", "day", "json", "null",
    "call.voided",
]  # fmt: skip
TEXTS = sorted({first + second for first in PIECES for second in PIECES})
VALUES = [*TEXTS, *range(-2, 3), 86_400, 86_401, 10**12 - 1, 10**12, 0.5, -0.5, 1e300, True, []]


def _as_in_ecma(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    # Python's $ is also before a line break at the end; that of JSON Schema is not.
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


Validator = validators.extend(Draft202012Validator, {"pattern": _as_in_ecma})


def fits(schema: dict[str, Any], value: Any) -> bool:
    fitting: bool = Validator(schema, format_checker=FormatChecker()).is_valid(value)
    return fitting


def is_accepted(rule: FieldRule, value: Any) -> bool:
    """Whether the server takes *value*, as something and not as nothing."""
    try:
        accepted_value = check_params({"x": rule}, {"x": value})["x"]
        if rule.format == DAY_OR_TIME and value:
            usage.span(value, None)
    except InvalidFields as exc:
        # That an end comes before its start is no fault of either.
        return [(problem.field, problem.code) for problem in exc.problems] in (
            [("to", "out_of_order")], [("to", "too_long")],
        )  # fmt: skip
    return accepted_value is not None


@pytest.mark.parametrize("name", RULES)
def test_the_schema_says_what_the_rule_takes(name: str) -> None:
    rule, where = RULES[name]
    schema = rule_schema(rule, "", where=where)
    validator = Validator(schema, format_checker=FormatChecker())
    values = TEXTS if where == "query" else VALUES
    fitting = [value for value in values if validator.is_valid(_as_read(rule, where, value))]

    assert fitting
    assert [value for value in fitting if not is_accepted(rule, value)] == []
    if rule.kind not in ("int", "decimal") and rule.format in (None, "exact"):
        unsaid = [v for v in values if _is_plain(v) and v not in fitting and is_accepted(rule, v)]
        assert unsaid == []


def _as_read(rule: FieldRule, where: str, value: Any) -> Any:
    """*value* of an address as the schema of a number has it."""
    whole = rule.kind == "int" and where == "query" and re.fullmatch("-?[0-9]{1,15}", value)
    return int(value) if whole else value


def _is_plain(value: Any) -> bool:
    # Blanks around anything may be taken, and are not told.
    return isinstance(value, str) and value == value.strip() and value not in ("", "null")


def test_every_member_is_made_from_its_rule() -> None:
    for name, spec in SPECS.items():
        items = REQUESTS["Batch"]["properties"]["calls"]["items"]
        schema = items if name == "item" else REQUESTS[name]
        assert set(spec) <= set(schema["properties"]) <= {*spec, "lines", "estimate", "tags"}
        assert {n for n, rule in spec.items() if rule.required} <= set(schema["required"])
    for operation in OPERATIONS:
        result = [item["name"] for item in operation.parameters if item["in"] == "query"]
        # A tag may come more than once, and is read apart.
        apart = ["tag"] if operation.name == "read_call" else []
        assert sorted(result) == sorted([*QUERIES.get(operation.name, ()), *apart]), operation.name


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ("0", True), ("4808", True), ("0.000001", True), ("999999999999.999999", True), (0.5, True),
        ("1000000000000", False), ("0.0000001", False), ("-1", False), ("", False), ("1,5", False),
        (10**12, False), (-0.5, False), (None, False), (True, False), ("1 ", False),
    ],
)  # fmt: skip
def test_quantity_has_its_range_and_decimals(value: Any, good: bool) -> None:
    assert fits(REQUESTS["Line"]["properties"]["quantity"], value) is good


@pytest.mark.parametrize(
    ("body", "good"),
    [
        ({}, True), ({"lease_seconds": 5}, True), ({"status": None, "lines": None}, True),
        ({"status": "failed", "lines": []}, True), ({"status": "failed"}, False),
        ({"status": "failed", "lines": [], "lease_seconds": 300, "error": "x"}, True),
        ({"status": "failed", "lines": None}, False), ({"lines": []}, False),
        ({"error": "x"}, False), ({"lease_seconds": 0}, False), ({"client_ref": "a\nb"}, False),
        ({"pipeline": " x"}, False), ({"pipeline": "x\u3000"}, False), ({"surprise": 1}, False),
        ({"tags": {"team": "video"}}, True), ({"tags": {"a:b": "x"}}, False),
        ({"started_at": "2026-11-29T06:00:00Z"}, False), ({"version_no": 2}, False),
        ({"status": "failed", "lines": [], "started_at": "2026-11-29T06:00:00Z"}, True),
        ({"status": "failed", "lines": [], "version_no": 2}, True),
    ],
)  # fmt: skip
def test_what_belongs_together_is_in_the_document(body: dict[str, Any], good: bool) -> None:
    bare = REQUESTS["NewCall"]["properties"]["lines"] | {"items": {}}
    schema = REQUESTS["NewCall"] | {
        "properties": REQUESTS["NewCall"]["properties"] | {"lines": bare}
    }

    assert fits(schema, {"pipeline": "x"} | body) is good


def test_patterns_need_nothing_that_other_languages_lack() -> None:
    """No look-around, no named groups, no possessive or lazy quantifiers, no Unicode classes."""
    for rule, where in [*RULES.values(), (MONTH_RULE, "query"), (api_input.KEY, "header")]:
        pattern = rule_schema(rule, "", where=where).get("pattern", "")
        assert not re.search(r"\(\?[^:]|\\[pPAZz]|[*+?}][?+]", pattern), pattern
