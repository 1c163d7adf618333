"""The eight generated pages, used as the browser uses them: open, add, list, edit, delete."""

from typing import Any

import httpx
import pytest

from app.schema import tables as models
from tests.support.installation import Installation

Record = dict[str, Any]
NUMBERLIKE = {"int", "float", "decimal", "date", "datetime", "code", "check"}
# What a person types into the form for a new record; the rest stays as the form shows it.
TYPED: dict[str, Record] = {
    "pipelines": {"code": "page-line", "name": "页面产线 🎨", "description": "一行\n两行"},
    "pipeline_steps": {
        "step_key": "draw", "name": "出图", "model": "m1", "config": '{"temperature": 0.7}',
    },
    "pipeline_versions": {"notes": "首版"},
    "pipeline_pricing": {"unit": "call", "unit_price": "2.5", "enabled": "0"},
    "pipeline_capacity": {"daily_quota": "100", "max_concurrency": "5"},
    "distributors": {"code": "page-dist", "name": "页面分销商", "spend_limit": "1000"},
    "distributor_pipeline": {"pricing_mode": "discount", "discount_rate": "0.85"},
    "pipeline_usage_log": {"unit": "call", "quantity": "1", "client_ref": "ref-1"},
}  # fmt: skip
EDITED: dict[str, Record] = {
    "pipelines": {"name": "改名"},
    "pipeline_steps": {"name": "改名"},
    "pipeline_versions": {"notes": "改过"},
    "pipeline_pricing": {"unit_price": "3.123456"},
    "pipeline_capacity": {"daily_quota": "null"},
    "distributors": {"phone": "+86 21 5555"},
    "distributor_pipeline": {"monthly_quota": "9000000000"},
    "pipeline_usage_log": {"remark": "核对过"},
}
# What has to be there before: a version needs a draft of its own, a call a price and a link.
NEEDED: dict[str, tuple[tuple[str, Record], ...]] = {
    "pipeline_versions": (
        ("/pipeline_core/api/pipeline_steps_create.dspy",
         {"step_key": "second", "name": "S", "model": "m"}),
    ),
    "pipeline_usage_log": (
        ("/pipeline_ops/api/pipeline_pricing_create.dspy",
         TYPED["pipeline_pricing"] | {"effective_from": "2026-01-01", "enabled": "1"}),
        ("/pipeline_dist/api/distributor_pipeline_create.dspy",
         {"of": ("pipeline_id", "distributor_id")}),
    ),
}  # fmt: skip
# What is not to be deleted, or is kept when it is.
KEPT = {"pipeline_usage_log"}


class Page:
    """One generated page as the runtime sees it."""

    def __init__(self, client: httpx.Client, table: str, parent: Record) -> None:
        self.client, self.table, self.parent = client, table, parent
        module = models.table(table).module
        answer = client.post(f"/{module}/{table}", data={"_webbricks_": "1", **parent})
        assert answer.status_code == 200, answer.text
        self.options = answer.json()["options"]
        self.fields = [
            field
            for field in self.options["row_options"]["fields"]
            if field["name"] not in self.options["row_options"]["editexclouded"]
            and field.get("set_by") != "server"
        ]

    def rows(self, **params: str) -> list[Record]:
        """The rows as the page asks for them."""
        own = {k: v for k, v in self.options["data_params"].items() if not k.startswith("_")}
        answer = self.client.get(
            self.options["data_url"], params={"_webbricks_": "1", "page": 1, "rows": 160}
            | own | params,
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        rows: list[Record] = answer.json()["rows"]
        return rows

    def form(self, values: Record, *, fixed: bool) -> Record:
        """What the form sends: every field of it, empty ones as the runtime spells them."""
        record = {}
        for field in self.fields:
            if fixed and field.get("write_once"):
                continue
            value = values.get(field["name"])
            empty = "null" if field["uitype"] in NUMBERLIKE else ""
            record[field["name"]] = empty if value is None else value
        return record

    def write(self, which: str, values: Record) -> Record:
        """The record that a write answers with."""
        url = self.options["editable"][which]
        answer = self.client.post(url, data={"_webbricks_": "1", **values})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["widgettype"] == "Message", body
        record: Record = body["options"]["user_data"]
        return record


@pytest.fixture(scope="module")
def parents(admin: httpx.Client, server: Installation) -> Record:
    """The ids of a published pipeline and a distributor that may call it, made through the API."""
    result: Record = {}
    for key, url, data in (
        ("pipeline_id", "/pipeline_core/api/pipelines_create.dspy",
         {"code": "parent", "name": "Parent"}),
        ("distributor_id", "/pipeline_dist/api/distributors_create.dspy",
         {"code": "parent", "name": "Parent"}),
    ):  # fmt: skip
        answer = admin.post(url, json=data)
        assert answer.status_code == 200, answer.text
        result[key] = answer.json()["data"]["id"]
    step = {"pipeline_id": result["pipeline_id"], "step_key": "first", "name": "F", "model": "m"}
    for url, data in (
        ("/pipeline_core/api/pipeline_steps_create.dspy", step),
        ("/pipeline_core/api/pipeline_publish.dspy", {"pipeline_id": result["pipeline_id"]}),
    ):
        answer = admin.post(url, json=data)
        assert answer.status_code == 200, answer.text
    return result


def parent_of(table: str, parents: Record) -> Record:
    """The keys of a record's parents; a price without a distributor is everybody's."""
    columns = models.table(table).columns
    return {
        name: value
        for name, value in parents.items()
        if name in columns and columns[name].default != ""
    }


@pytest.mark.parametrize("table", TYPED)
def test_a_record_lives_through_its_page(admin: httpx.Client, parents: Record, table: str) -> None:
    for url, data in NEEDED.get(table, ()):
        keys = {name: parents[name] for name in data.get("of", ("pipeline_id",))}
        values = {name: value for name, value in data.items() if name != "of"} | keys
        assert admin.post(url, json=values).status_code == 200
    parent = parent_of(table, parents)
    page = Page(admin, table, parent | {"referer_widget": "w1"})
    defaults = {f["name"]: f.get("defaultvalue", f.get("default")) for f in page.fields}

    record = page.write("new_data_url", page.form(defaults | TYPED[table] | parent, fixed=False))

    (row,) = (row for row in page.rows() if row["id"] == record["id"])
    for name in parent:
        assert row[f"{name}_text"] == "Parent"
    edit = page.form(row | EDITED[table], fixed=True)
    stamp = {"id": row["id"], "lock_version": row["lock_version"]}
    edited = page.write("update_data_url", edit | stamp)
    for name, value in EDITED[table].items():
        expected = None if value == "null" else value
        assert str(edited[name]) == str(expected)
    assert edited["lock_version"] == row["lock_version"] + 1

    again = admin.post(page.options["editable"]["update_data_url"], data=edit | stamp)
    if table in ("pipeline_usage_log", "pipeline_versions"):
        assert again.status_code in (200, 409)
    else:
        assert (again.status_code, again.json()["code"]) == (409, "edit_conflict")

    reason = {"reason": "booked twice"} if table == "pipeline_usage_log" else {}
    page.write("delete_data_url", {"id": row["id"]} | reason)
    ids = [item["id"] for item in page.rows()]
    assert (row["id"] in ids) == (table in KEPT)


@pytest.mark.parametrize("table", TYPED)
def test_an_unknown_field_is_shown_at_the_form(
    admin: httpx.Client, parents: Record, table: str
) -> None:
    page = Page(admin, table, parent_of(table, parents))

    answer = admin.post(
        page.options["editable"]["new_data_url"], data={"_webbricks_": "1", "colour": "red"}
    )

    body = answer.json()
    assert (answer.status_code, body["widgettype"]) == (200, "Error")
    assert "colour" in body["options"]["fields"]


@pytest.mark.parametrize("table", TYPED)
@pytest.mark.parametrize("key", [0, True, None, "", ["a"], {"a": 1}])
def test_a_key_that_is_no_text_deletes_nothing(
    admin: httpx.Client, server: Installation, parents: Record, table: str, key: Any
) -> None:
    page = Page(admin, table, {})
    before = server.query(f"select count(*) as n from {table}")

    answer = admin.post(page.options["editable"]["delete_data_url"], json={"id": key})

    assert answer.status_code == 400
    assert server.query(f"select count(*) as n from {table}") == before
