"""What a value becomes by the rule of its field, and what it cannot be."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from app.base.json_codec import canonical_json
from app.schema.coercion import MAX_JSON_CHARACTERS, coerce
from app.schema.field_rules import CoercionError, JsonText
from app.schema.validation import (
    FieldRule,
    rule_of,
)


def refusal(rule: FieldRule, value: Any) -> str:
    with pytest.raises(CoercionError) as caught:
        coerce(rule, value)
    return caught.value.entry.code


class TestValues:
    @pytest.mark.parametrize(
        ("value", "code"),
        [
            (5, "not_text"),
            (True, "not_text"),
            (["a", "b"], "not_scalar"),
            ({"a": 1}, "not_scalar"),
            ("a\0b", "bad_characters"),
            ("\ud800", "bad_characters"),
            ("a\nb", "bad_characters"),
            ("a\u2028b", "bad_characters"),
        ],
    )
    def test_what_a_name_cannot_be(self, value: Any, code: str) -> None:
        assert refusal(rule_of("pipelines", "name"), value) == code

    def test_a_description_may_have_lines(self) -> None:
        assert coerce(rule_of("pipelines", "description"), "a\r\n\tb") == "a\r\n\tb"

    @pytest.mark.parametrize(
        ("value", "code"),
        [
            ("x", "not_an_integer"),
            ("1.5", "not_an_integer"),
            (1.5, "not_an_integer"),
            (float("nan"), "not_an_integer"),
            (float("inf"), "not_an_integer"),
            ("NaN", "not_an_integer"),
            ("１２", "not_an_integer"),
            (True, "not_an_integer"),
            ("9" * 39, "out_of_range"),
            ("9" * 5000, "not_an_integer"),
            (2**31, "out_of_range"),
            (0, "out_of_range"),
            (-1, "out_of_range"),
        ],
    )
    def test_what_a_stage_cannot_be(self, value: Any, code: str) -> None:
        assert refusal(rule_of("pipeline_steps", "stage"), value) == code

    @pytest.mark.parametrize(
        ("value", "code"),
        [
            ("abc", "not_a_number"),
            ("1,000", "not_a_number"),
            ("0,125", "not_a_number"),
            ("1,200.50", "not_a_number"),
            ("1 200", "not_a_number"),
            ("1_000", "not_a_number"),
            ("１２", "not_a_number"),
            ("١٢", "not_a_number"),
            ("--5", "not_a_number"),
            ("5-", "not_a_number"),
            ("1:30", "not_a_number"),
            ("NaN", "not_a_number"),
            ("Infinity", "not_a_number"),
            (float("nan"), "not_a_number"),
            (float("inf"), "not_a_number"),
            (True, "not_a_number"),
            ("1e999", "out_of_range"),
            (10**400, "out_of_range"),
            ("1000000000000", "out_of_range"),
            ("-0.000001", "out_of_range"),
            ("0.0000001", "too_many_decimals"),
            (1e-7, "too_many_decimals"),
        ],
    )
    def test_what_a_price_cannot_be(self, value: Any, code: str) -> None:
        assert refusal(rule_of("pipeline_pricing", "unit_price"), value) == code

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("2.50", "2.500000"),
            (2.5, "2.500000"),
            (3, "3.000000"),
            ("1.500000000000", "1.500000"),
            ("1e3", "1000.000000"),
            (0.1, "0.100000"),
            ("-0", "0.000000"),
            (".5", "0.500000"),
        ],
    )
    def test_a_price_is_kept_exactly(self, value: Any, text: str) -> None:
        assert str(coerce(rule_of("pipeline_pricing", "unit_price"), value)) == text

    @pytest.mark.parametrize(
        ("value", "iso"),
        [
            ("2026-11-24T06:00:00Z", "2026-11-24T06:00:00+00:00"),
            ("2026-11-24 06:00z", "2026-11-24T06:00:00+00:00"),
            ("2026-11-24", "2026-11-23T16:00:00+00:00"),  # a day of the quota zone
            ("2026-11-24T06:00:00.123456+08:00", "2026-11-23T22:00:00.123000+00:00"),
        ],
    )
    def test_times_become_utc(self, value: str, iso: str) -> None:
        assert coerce(rule_of("pipeline_pricing", "effective_from"), value).isoformat() == iso

    @pytest.mark.parametrize(
        "value",
        ["tomorrow", "2026-13-01", "2026-02-30", "20261124", "2026-W48", 1700000000,
         "2026-11-24T25:00Z", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59-23:00",
         "2026-11-24T06:00:00 08:00"],
    )  # fmt: skip
    def test_what_a_time_cannot_be(self, value: Any) -> None:
        assert refusal(rule_of("pipeline_pricing", "effective_from"), value) == "bad_datetime"

    @pytest.mark.parametrize(
        "value",
        ["2026-11-24T06:00:00", "2026-11-24 06:00", "2026-11-24t06:00:00.123",
         datetime(2026, 11, 24, 6)],
    )  # fmt: skip
    def test_a_time_names_its_zone(self, value: Any) -> None:
        assert refusal(rule_of("pipeline_pricing", "effective_from"), value) == "no_zone"

    @pytest.mark.parametrize(
        ("rule", "value"),
        [
            (rule_of("pipelines", "name"), "Story"),
            (rule_of("pipelines", "status"), "draft"),
            (rule_of("pipeline_capacity", "daily_quota"), "5"),
            (rule_of("pipeline_pricing", "unit_price"), "0.5"),
            (rule_of("pipeline_pricing", "effective_from"), "2026-11-24"),
            (rule_of("pipeline_pricing", "effective_from"), "2026-11-24T06:00:00Z"),
            (rule_of("pipeline_steps", "enabled"), "true"),
            (FieldRule(kind="date"), "2026-11-24"),
        ],
    )
    def test_blanks_at_the_ends_are_no_part_of_a_value(self, rule: FieldRule, value: str) -> None:
        assert coerce(rule, value) is not None
        for blank in (" ", "\u3000", "\u00a0"):
            assert refusal(rule, value + blank) == refusal(rule, blank + value) == "blank_ends"

    def test_a_text_of_several_lines_keeps_its_ends(self) -> None:
        assert coerce(rule_of("pipelines", "description"), " one\n two\n") == " one\n two\n"

    def test_what_is_nothing_in_a_form_is_a_value_from_a_program(self) -> None:
        choice = FieldRule(kind="str", choices=("succeeded", "failed"))

        for word in ("", "null"):
            assert coerce(choice, word) is coerce(FieldRule(kind="int"), word) is None
            for rule in (choice, FieldRule(kind="int"), FieldRule(kind="datetime")):
                with pytest.raises(CoercionError):
                    coerce(rule, word, strict=True)
        assert coerce(FieldRule(kind="str", blank=True), "", strict=True) == ""

    @pytest.mark.parametrize(
        ("value", "number"),
        [(1, 1), (0, 0), (True, 1), (False, 0), ("1", 1), ("0", 0), ("true", 1), ("false", 0)],
    )
    def test_booleans(self, value: Any, number: int) -> None:
        assert coerce(rule_of("pipeline_steps", "enabled"), value) == number

    @pytest.mark.parametrize("value", [2, -1, "yes", 1.0, "2"])
    def test_what_a_boolean_cannot_be(self, value: Any) -> None:
        assert refusal(rule_of("pipeline_steps", "enabled"), value) == "bad_boolean"

    @pytest.mark.parametrize(
        "value",
        ["{", '{"a": NaN}', "[1]", "5", [1], {"a": float("nan")}, {"a": "\ud800"}, "[" * 9999],
    )
    def test_what_a_config_cannot_be(self, value: Any) -> None:
        assert refusal(rule_of("pipeline_steps", "config"), value) in ("bad_json", "bad_characters")

    def test_json_keeps_its_value_beside_its_canonical_text(self) -> None:
        text = coerce(rule_of("pipeline_steps", "config"), '{"b": 1, "a": "中"}')

        assert isinstance(text, JsonText)
        assert text == '{"a":"中","b":1}'
        assert text.value == {"a": "中", "b": 1}

    @pytest.mark.parametrize("value", ['{"t": 0.7}', {"t": Decimal("0.7")}, {"t": 0.7}])
    def test_fractions_in_json_stay_numbers(self, value: Any) -> None:
        text = coerce(rule_of("pipeline_steps", "config"), value)

        assert text == '{"t":0.7}'
        assert text.value == {"t": Decimal("0.7")}

    @pytest.mark.parametrize(
        "number",
        ["1.0", "0.10", "1e3", "1E-7", "-0.0", "9007199254740993", "0.12345678901234567890123",
         "1e400", "-1e-400", "0e400", "9" * 1000],
    )  # fmt: skip
    def test_numbers_in_json_stay_as_they_were_written(self, number: str) -> None:
        text = coerce(rule_of("pipeline_steps", "config"), f'{{"t": {number}}}')

        assert text == f'{{"t":{number}}}'
        assert coerce(rule_of("pipeline_steps", "config"), text.value) == text

    @pytest.mark.parametrize(
        "number",
        ["1e401", "1e-401", "0e401", "0e-100000000", "1e50000000", "-1e99999999999999999999",
         "9" * 1001, "0." + "1" * 1001, Decimal("1e401"), Decimal("0e-100000000"), 10**1000],
    )  # fmt: skip
    def test_numbers_beyond_all_use_are_refused(self, number: Any) -> None:
        config = f'{{"t": {number}}}' if isinstance(number, str) else {"t": number}

        assert refusal(rule_of("pipeline_steps", "config"), config) == "bad_json"

    @pytest.mark.parametrize(
        ("item", "count"), [(1, 32_760), ([], 21_840), ([1], 16_380), ({"": 1}, 9360), ("", 21_840)]
    )
    def test_the_longest_json_is_taken_and_what_is_longer_is_left_unread(
        self, item: Any, count: int
    ) -> None:
        """Much longer ones kept everybody waiting until all of their numbers were looked at."""
        rule = rule_of("pipeline_steps", "config")
        room = MAX_JSON_CHARACTERS - len(canonical_json({"a": [item] * count, "b": ""}))
        assert 0 <= room < 30
        longest = {"a": [item] * count, "b": "x" * room}

        assert len(coerce(rule, longest)) == MAX_JSON_CHARACTERS
        assert refusal(rule, longest | {"b": "x" * (room + 1)}) == "too_long"
        assert refusal(rule, {"a": [1.5] * 99_999 + [float("nan")]}) == "too_long"

    def test_deep_json_is_refused(self) -> None:
        deep: Any = {}
        for _ in range(30):
            deep = {"a": deep}

        assert refusal(rule_of("pipeline_steps", "config"), deep) == "bad_json"

    def test_a_choice_not_made_is_null(self) -> None:
        assert coerce(rule_of("pipeline_usage_log", "distributor_id"), "null") is None
