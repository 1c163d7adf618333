"""The models say what data-model.md asks, and a wrong model file is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.schema import tables as models

MODULES = {
    "pipelines": "pipeline_core",
    "pipeline_steps": "pipeline_core",
    "pipeline_versions": "pipeline_core",
    "pipeline_pricing": "pipeline_ops",
    "pipeline_capacity": "pipeline_ops",
    "pipeline_usage_log": "pipeline_ops",
    "distributors": "pipeline_dist",
    "distributor_pipeline": "pipeline_dist",
}
BUSINESS = [models.table(name) for name in MODULES]


def minimal(**field: object) -> dict[str, object]:
    return {
        "summary": [{"name": "thing", "title": "东西", "primary": ["id"]}],
        "fields": [{"name": "id", "title": "主键", "type": "str", "nullable": "no", **field}],
        "indexes": [],
        "codes": [],
    }


def test_the_eight_business_tables_stand_in_their_modules() -> None:
    result = {t.name: t.module for t in models.tables().values() if t.name in MODULES}

    assert result == MODULES


def test_every_other_table_is_named_so() -> None:
    others = [t.name for t in models.tables().values() if t.name not in MODULES]

    assert all(name.startswith("app_") for name in others)


@pytest.mark.parametrize("table", BUSINESS, ids=lambda t: t.name)
def test_every_table_knows_who_changed_it_and_when(table: models.Table) -> None:
    stamps = {"created_at", "created_by", "updated_at", "updated_by", "lock_version"}

    assert stamps <= table.columns.keys()
    assert all(table.columns[name].server_set for name in stamps)
    assert table.columns["lock_version"].default == "1"


@pytest.mark.parametrize("table", BUSINESS, ids=lambda t: t.name)
def test_keys_are_32_characters_and_titles_chinese(table: models.Table) -> None:
    key = table.columns["id"]

    assert table.primary == ("id",)
    assert (key.kind, key.length) == ("str", 32)
    for title in [table.title, *(c.title for c in table.columns.values())]:
        assert any("一" <= character <= "鿿" for character in title), title
        assert "'" not in title  # json2ddl writes it into SQL as it is


@pytest.mark.parametrize("table", BUSINESS, ids=lambda t: t.name)
def test_every_index_says_what_it_serves(table: models.Table) -> None:
    assert all(index.serves for index in table.indexes)


def test_money_is_decimal_and_never_a_float() -> None:
    for table in BUSINESS:
        for column in table.columns.values():
            assert not column.type.startswith(("float", "double"))
    amount = models.table("pipeline_usage_log").columns["amount"]
    assert (amount.kind, amount.precision, amount.scale) == ("decimal", 20, 10)


def test_what_must_never_leave_is_marked() -> None:
    assert models.table("distributors").confidential == {
        "api_key_hash",
        "previous_key_hash",
        "rate_window",
        "lock_no",
        "usage_day",
        "keys_no",
    }


def test_referrers_of_a_pipeline_are_all_tables_that_hold_its_id() -> None:
    assert {name for name, column in models.referrers("pipelines") if column == "pipeline_id"} == {
        "pipeline_steps",
        "pipeline_versions",
        "pipeline_pricing",
        "pipeline_capacity",
        "pipeline_usage_log",
        "distributor_pipeline",
    }


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        pytest.param({"patern": "x"}, "patern", id="misspelt-key"),
        pytest.param({"type": "varchar(20)"}, "varchar", id="unknown-type"),
        pytest.param({"nullable": "maybe"}, "maybe", id="nullable"),
        pytest.param({"pattern": "("}, "error", id="broken-pattern"),
        pytest.param({"name": "Id;"}, "Id;", id="name"),
        pytest.param({"references": "nowhere"}, "nowhere", id="reference"),
        pytest.param({"references": "thing"}, "lock_no", id="parent-that-cannot-be-written"),
    ],
)
def test_a_wrong_model_is_refused_with_its_place(
    tmp_path: Path, field: dict[str, object], sentence: str
) -> None:
    path = tmp_path / "thing.json"
    path.write_text(json.dumps(minimal(**field)), "utf-8")

    with pytest.raises(models.ModelError, match=r"thing\.json") as caught:
        models.read_tables([path])

    assert sentence in str(caught.value)


def test_a_table_defined_twice_is_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path in paths:
        path.write_text(json.dumps(minimal(length=32)), "utf-8")

    with pytest.raises(models.ModelError, match="defined in"):
        models.read_tables(paths)


def test_an_index_needs_its_columns(tmp_path: Path) -> None:
    model = minimal(length=32)
    model["indexes"] = [{"name": "x", "idxtype": "index", "idxfields": ["no"], "serves": "?"}]
    path = tmp_path / "thing.json"
    path.write_text(json.dumps(model), "utf-8")

    with pytest.raises(models.ModelError, match="no columns"):
        models.read_tables([path])


def chinese(value: Any) -> Iterator[str]:
    """Every Chinese text in a JSON value, but for what is said to developers only."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key != "serves":
                yield from chinese(item)
    elif isinstance(value, list):
        for item in value:
            yield from chinese(item)
    elif isinstance(value, str) and any("一" <= character <= "鿿" for character in value):
        yield value


@pytest.mark.parametrize("module", ["pipeline_core", "pipeline_ops", "pipeline_dist"])
def test_every_text_of_a_page_has_its_english(module: str) -> None:
    english = json.loads((models.ROOT / module / "i18n/en.json").read_text("utf-8"))
    needed = {
        text
        for folder in ("models", "json")
        for path in (models.ROOT / module / folder).glob("*.json")
        for text in chinese(json.loads(path.read_text("utf-8")))
    }

    assert needed - english.keys() == set()
