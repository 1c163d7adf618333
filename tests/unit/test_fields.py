"""Every value of a request is taken whole or refused with a reason, all reasons at once."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from string import Formatter
from typing import Any

import pytest

from app.base.errors import BadRequest
from app.base.refusals import InvalidFields
from app.schema import tables as models
from app.schema.coercion import coerce
from app.schema.field_rules import CoercionError, JsonText
from app.schema.validation import (
    FieldRule,
    check_delete,
    check_new,
    check_params,
    check_update,
    rule_of,
    without_unchanged,
)

PIPELINE = {"code": "image-batch", "name": "批量出图 🎨"}
PRICE: dict[str, Any] = {"pipeline_id": "p1", "unit": "input_token", "unit_price": "2.5"}


def problems(call: Any) -> dict[str, str]:
    """Field and code of every problem that *call* is refused with."""
    with pytest.raises(InvalidFields) as caught:
        call()
    return {problem.field: problem.code for problem in caught.value.problems}


def refusal(rule: FieldRule, value: Any) -> str:
    with pytest.raises(CoercionError) as caught:
        coerce(rule, value)
    return caught.value.entry.code


class TestNew:
    def test_defaults_are_filled_in(self) -> None:
        values = check_new("pipelines", PIPELINE)

        assert values == {**PIPELINE, "description": None, "status": "draft"}

    def test_all_problems_come_at_once(self) -> None:
        params = {"code": "Bad Code", "colour": "red", "owner_id": "me", "status": "gone"}

        assert problems(lambda: check_new("pipelines", params)) == {
            "code": "bad_pattern",
            "name": "required",
            "colour": "unknown_field",
            "owner_id": "not_settable",
            "status": "bad_choice",
        }

    def test_names_of_the_page_are_no_fields(self) -> None:
        page = {"_webbricks_": 1, "_lang": "zh", "referer_widget": "w17"}

        assert check_new("pipelines", PIPELINE | page) == check_new("pipelines", PIPELINE)

    def test_the_empty_hidden_fields_of_a_form_are_no_fields(self) -> None:
        assert "id" not in check_new("pipelines", PIPELINE | {"id": "", "lock_version": "1"})

    def test_a_client_cannot_choose_the_key(self) -> None:
        assert problems(
            lambda: check_new("pipelines", PIPELINE | {"id": "x", "lock_version": 7})
        ) == {
            "id": "not_settable",
            "lock_version": "not_settable",
        }

    def test_what_the_server_fills_may_be_left_out(self) -> None:
        step = {"pipeline_id": "p1", "step_key": "draw", "name": "Draw"}
        values = check_new("pipeline_steps", step)

        assert values["stage"] is None
        assert values["config"] == "{}"
        assert values["config"].value == {}
        assert values["enabled"] == 1

    @pytest.mark.parametrize("empty", ["", None, "null"])
    def test_nothing_for_a_column_with_a_default_is_the_default(self, empty: Any) -> None:
        assert check_new("pipeline_pricing", PRICE | {"unit_size": empty})["unit_size"] == 1

    @pytest.mark.parametrize("empty", ["", None, "null"])
    def test_nothing_for_a_nullable_number_is_null(self, empty: Any) -> None:
        values = check_new("pipeline_capacity", {"pipeline_id": "p1", "daily_quota": empty})

        assert values["daily_quota"] is None

    def test_blanks_alone_are_no_name(self) -> None:
        assert problems(lambda: check_new("pipelines", PIPELINE | {"name": "  "})) == {
            "name": "required"
        }

    def test_bare_extra_names_are_left_to_the_caller(self) -> None:
        values = check_new("pipelines", PIPELINE | {"copy_of": "x"}, extra=("copy_of",))

        assert "copy_of" not in values

    def test_an_extra_with_a_rule_is_checked(self) -> None:
        extra = {"hours": FieldRule(kind="int", minimum=0, default=24)}

        assert check_new("pipelines", PIPELINE, extra=extra)["hours"] == 24
        assert check_new("pipelines", PIPELINE | {"hours": "3"}, extra=extra)["hours"] == 3
        assert problems(
            lambda: check_new("pipelines", PIPELINE | {"hours": "-1"}, extra=extra)
        ) == {"hours": "out_of_range"}

    def test_a_server_set_column_may_be_named_by_the_endpoint(self) -> None:
        values = check_new(
            "distributors",
            {"code": "d1", "name": "D", "api_key_expires_at": "2027-01-01T00:00:00Z"},
            extra=("api_key_expires_at",),
        )

        assert values["api_key_expires_at"] == datetime(2027, 1, 1, tzinfo=UTC)

    def test_a_price_with_12_decimals_names_the_6_allowed(self) -> None:
        with pytest.raises(InvalidFields) as caught:
            check_new("pipeline_pricing", PRICE | {"unit_price": "0.123456789012"})

        (problem,) = caught.value.problems
        assert (problem.field, problem.code) == ("unit_price", "too_many_decimals")
        assert str(problem.text) == "At most 6 decimals, this has 12."

    def test_a_name_of_200_characters_names_the_limit(self) -> None:
        with pytest.raises(InvalidFields) as caught:
            check_new("pipelines", PIPELINE | {"name": "长" * 200})

        assert str(caught.value.problems[0].text) == "At most 128 characters, this has 200."

    def test_128_emoji_are_128_characters(self) -> None:
        name = "\N{ARTIST PALETTE}" * 128

        assert check_new("pipelines", PIPELINE | {"name": name})["name"] == name


class TestChange:
    def test_only_what_was_sent_changes(self) -> None:
        params = {"id": "a1", "lock_version": "3", "name": "New"}

        assert check_update("pipelines", params) == ("a1", 3, {"name": "New"})

    def test_the_version_that_was_read_is_needed(self) -> None:
        assert problems(lambda: check_update("pipelines", {"id": "a1", "name": "x"})) == {
            "lock_version": "required"
        }

    def test_where_a_table_lets_it_out_it_is_none(self) -> None:
        params = {"id": "u1", "remark": "x"}

        assert check_update("pipeline_usage_log", params) == ("u1", None, {"remark": "x"})

    @pytest.mark.parametrize("key", [0, 0.0, True, ["a"], {"a": 1}])
    def test_a_key_of_another_type_is_refused(self, key: Any) -> None:
        params = {"id": key, "lock_version": 1, "name": "x"}

        assert problems(lambda: check_update("pipelines", params)).keys() == {"id"}

    def test_a_required_field_cannot_be_emptied(self) -> None:
        params = {"id": "a1", "lock_version": 1, "name": ""}

        assert problems(lambda: check_update("pipelines", params)) == {"name": "required"}

    def test_a_nullable_field_can_be_emptied(self) -> None:
        params = {"id": "a1", "lock_version": 1, "description": None}

        assert check_update("pipelines", params)[2] == {"description": None}

    def test_changing_nothing_is_said(self) -> None:
        with pytest.raises(BadRequest) as caught:
            check_update("pipelines", {"id": "a1", "lock_version": 1})

        assert caught.value.code == "nothing_to_change"

    def test_write_once_may_be_sent_as_it_is(self) -> None:
        current = {"code": "image-batch", "name": "Old"}

        assert without_unchanged("pipelines", current, PIPELINE) == {"name": PIPELINE["name"]}

    def test_write_once_cannot_change(self) -> None:
        current = {"code": "other", "name": "Old"}

        assert problems(lambda: without_unchanged("pipelines", current, PIPELINE)) == {
            "code": "write_once"
        }


class TestDelete:
    def test_a_page_sends_the_whole_row(self) -> None:
        row = {"id": "a1", "lock_version": "4", "name": "x", "owner_id": "me", "reason": "old"}

        assert check_delete("pipelines", row, extra={"reason": FieldRule(kind="str")}) == (
            "a1",
            4,
            {"reason": "old"},
        )

    def test_zero_is_no_key(self) -> None:
        assert problems(lambda: check_delete("pipelines", {"id": 0})) == {"id": "not_text"}

    def test_a_missing_key_is_said(self) -> None:
        assert problems(lambda: check_delete("pipelines", {})) == {"id": "required"}


SPEC = {
    "pipeline_id": FieldRule(kind="str", required=True, length=32),
    "version_no": FieldRule(kind="int", minimum=1),
    "replace_draft": FieldRule(kind="bool", default=0),
}


class TestParams:
    def test_every_name_of_the_spec_is_answered(self) -> None:
        assert check_params(SPEC, {"pipeline_id": "p", "_lang": "en"}) == {
            "pipeline_id": "p",
            "version_no": None,
            "replace_draft": 0,
        }

    def test_all_problems_at_once(self) -> None:
        assert problems(lambda: check_params(SPEC, {"version_no": "x", "more": 1})) == {
            "pipeline_id": "required",
            "version_no": "not_an_integer",
            "more": "unknown_field",
        }


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

    def test_deep_json_is_refused(self) -> None:
        deep: Any = {}
        for _ in range(30):
            deep = {"a": deep}

        assert refusal(rule_of("pipeline_steps", "config"), deep) == "bad_json"

    def test_a_choice_not_made_is_null(self) -> None:
        assert coerce(rule_of("pipeline_usage_log", "distributor_id"), "null") is None


def test_every_hint_of_a_column_has_its_chinese() -> None:
    hints = {c.hint for t in models.tables().values() for c in t.columns.values() if c.hint}
    chinese = json.loads((models.ROOT / "app/i18n/zh.json").read_text("utf-8"))

    assert hints <= chinese.keys()
    for template in hints:
        names = {name for _, name, _, _ in Formatter().parse(template) if name}
        assert names == {name for _, name, _, _ in Formatter().parse(chinese[template]) if name}
