"""
Of every change of the tables since migration 0008 it is stated whether workers of the version
before may serve during and after it: by its kind, or by its author.

`tests/data/schema_of_0008.json` has the tables as they were then.
"""

import json

from app.base.settings import ROOT
from app.db.numbered import VERSION_BEFORE, migration_files, read_migrations
from app.schema.inspect import FoundColumn, FoundIndex, FoundTable
from app.schema.plan import Plan, make_plan
from app.schema.serving import STATEMENTS

BASELINE = ROOT / "tests/data/schema_of_0008.json"
# A numbered migration beside which nobody may serve keeps the version before from writing.
LAST_BEFORE = "0008"


def plan_since_then() -> Plan:
    tables = {
        name: FoundTable(
            columns={key: FoundColumn(**column) for key, column in values["columns"].items()},
            indexes={
                key: FoundIndex(tuple(index["columns"]), index["unique"])
                for key, index in values["indexes"].items()
            },
            checks=set(values["checks"]),
            triggers=values["triggers"],
        )
        for name, values in json.loads(BASELINE.read_text("utf-8")).items()
    }
    return make_plan(tables, tables["distributors"].columns["name"].collation)


def test_each_new_rule_is_stated_to_be_held_by_the_version_before_or_not() -> None:
    rules = {str(step): step for step in plan_since_then().steps if step.is_rule}

    assert rules.keys() <= STATEMENTS.keys(), "state it in app/schema/serving.py"


def test_what_the_version_before_cannot_bear_comes_with_a_migration_that_says_so() -> None:
    """That puts up the fence; a step alone does not."""
    newer = [
        item
        for item in read_migrations(migration_files())
        if item.name.rpartition("/")[2][:4] > LAST_BEFORE
    ]
    too_much = [str(step) for step in plan_since_then().steps if not step.spares_version_before]

    assert not too_much or any(item.serving != VERSION_BEFORE for item in newer), too_much


def test_steps_say_by_their_kind_what_the_version_before_can_bear() -> None:
    empty = make_plan({"pipeline_pricing": FoundTable()}, None)
    by_kind = {
        step.description.rpartition(" ")[0]: step.spares_version_before
        for step in empty.steps
        if step.table == "pipeline_pricing" and step.description.startswith("added ")
    }

    assert not by_kind["added check"]
    assert by_kind["added index"]
    assert next(step for step in empty.steps if "column id" in step.description).is_rule
