"""Every value of a request is taken whole or refused with a reason, all reasons at once."""

import json
from datetime import UTC, datetime
from string import Formatter
from typing import Any

import pytest

from app.base.errors import BadRequest
from app.base.refusals import InvalidFields
from app.schema import tables as models
from app.schema.validation import (
    FieldRule,
    check_delete,
    check_new,
    check_params,
    check_update,
    without_unchanged,
)

PIPELINE = {"code": "image-batch", "name": "批量出图 🎨"}
PRICE: dict[str, Any] = {"pipeline_id": "p1", "unit": "input_token", "unit_price": "2.5"}


def problems(call: Any) -> dict[str, str]:
    """Field and code of every problem that *call* is refused with."""
    with pytest.raises(InvalidFields) as caught:
        call()
    return {problem.field: problem.code for problem in caught.value.problems}


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


def test_every_hint_of_a_column_has_its_chinese() -> None:
    hints = {c.hint for t in models.tables().values() for c in t.columns.values() if c.hint}
    chinese = json.loads((models.ROOT / "app/i18n/zh.json").read_text("utf-8"))

    assert hints <= chinese.keys()
    for template in hints:
        names = {name for _, name, _, _ in Formatter().parse(template) if name}
        assert names == {name for _, name, _, _ in Formatter().parse(chinese[template]) if name}
