"""
Pages that xls2ui makes from models as the ecosystem writes them (an organisation's tree, users and
their roles), with its own templates, working in the runtime.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment
from playwright.sync_api import Page, expect

from app.runtime.processes import wait_until
from tests.browser.descriptions import HOSTILE, show
from tests.browser.page_bench import WITHIN_SECONDS, Bench, Request


def field(name: str, title: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "title": title, "type": "str", "length": 32, "nullable": "no", **more}


def model(name: str, title: str, *fields: dict[str, Any], codes: Any = ()) -> dict[str, Any]:
    return {
        "summary": [{"name": name, "title": title, "primary": ["id"]}],
        "fields": [field("id", "Id"), *fields],
        "indexes": [],
        "codes": list(codes),
    }


MODELS = {
    "organization": model(
        "organization", "Organisation",
        field("orgname", "Name", length=99),
        field("parentid", "Above", nullable="yes"),
        field("kind", "Kind"),
    ),
    "role": model("role", "Role", field("name", "Name")),
    "userrole": model(
        "userrole", "Roles of a user",
        field("userid", "User"), field("roleid", "Role"),
        codes=[{"field": "roleid", "table": "role", "valuefield": "id", "textfield": "name"}],
    ),
}  # fmt: skip
DEFINITIONS: dict[str, Any] = {
    "organization": {
        "tblname": "organization",
        "uitype": "tree",
        "title": "Organisation",
        "params": {
            "idField": "id", "textField": "orgname", "parentField": "parentid",
            "typeField": "kind", "sortby": "orgname", "editable": True,
            "browserfields": {"exclouded": ["id", "parentid"], "alters": {}},
            "edit_exclouded_fields": ["id", "parentid"],
        },
    },
    "userrole": {
        "tblname": "userrole",
        "title": "Roles of a user",
        "params": {
            "sortby": "id",
            "relation": {"param_field": "userid", "outter_field": "roleid"},
            "browserfields": {"exclouded": ["id", "userid"], "alters": {}},
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A web root with the generated pages."""
    folder = tmp_path_factory.mktemp("examples")
    for kind, files in (("models", MODELS), ("json", DEFINITIONS)):
        (folder / kind).mkdir()
        for name, content in files.items():
            (folder / kind / f"{name}.json").write_text(json.dumps(content), "utf-8")
    definitions = [str(folder / "json" / f"{name}.json") for name in DEFINITIONS]
    for name in DEFINITIONS:
        (folder / "out" / name).mkdir(parents=True)
    process = subprocess.run(
        [sys.executable, "-m", "xls2ddl.xls2ui", "-m", str(folder / "models"),
         "-o", str(folder / "out"), "examples", *definitions],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout + process.stderr
    return folder / "out"


def page_of(pages: Path, name: str, **params: Any) -> Any:
    """The page as its server would render it for a request with *params*."""
    text = (pages / name / "index.ui").read_text("utf-8")
    page = Environment(autoescape=False).from_string(text).render(
        params_kw=params, json=json,
        get_module_dbname=lambda module: "examples",
        entire_url=lambda url: f"/{name}/{url.removeprefix('./')}",
    )  # fmt: skip
    return json.loads(page)


def success(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "widgettype": "Message",
        "options": {"title": "Done", "timeout": 1, "user_data": record},
    }


def keep_nodes(bench: Bench) -> dict[str, dict[str, Any]]:
    """The nodes that the bench keeps and changes as the generated scripts would."""
    nodes: dict[str, dict[str, Any]] = {
        "o1": {"id": "o1", "orgname": HOSTILE, "parentid": None, "kind": "firm"},
        "o2": {"id": "o2", "orgname": "Sales", "parentid": "o1", "kind": "part"},
    }

    def below(request: Request) -> Any:
        parent = request.params.get("id")
        return [node for node in nodes.values() if node["parentid"] == parent]

    def add(request: Request) -> Any:
        record = {name: request.params.get(name) for name in ("orgname", "parentid", "kind")}
        nodes["o3"] = {"id": "o3", **record}
        return success(nodes["o3"])

    def update(request: Request) -> Any:
        nodes[request.params["id"]]["orgname"] = request.params["orgname"]
        return success(nodes[request.params["id"]])

    def delete(request: Request) -> Any:
        return success(nodes.pop(request.params["id"]))

    bench.answers |= {
        "/organization/get_organization.dspy": below,
        "/organization/new_organization.dspy": add,
        "/organization/update_organization.dspy": update,
        "/organization/delete_organization.dspy": delete,
    }
    return nodes


def test_a_generated_tree_grows_changes_and_loses_nodes(
    look: Page, bench: Bench, pages: Path
) -> None:
    nodes = keep_nodes(bench)
    show(look, bench, page_of(pages, "organization"))
    tree = look.get_by_role("tree")
    expect(tree.get_by_role("treeitem")).to_have_text(HOSTILE)
    tree.get_by_role("treeitem").first.click()
    look.keyboard.press("ArrowRight")
    expect(tree.get_by_text("Sales")).to_be_visible()
    tree.get_by_text("Sales").click()
    look.get_by_role("button", name="Add").click()
    look.get_by_label("Name").fill("North")
    look.get_by_label("Kind").fill("part")
    look.get_by_role("button", name="Save").click()
    expect(tree.get_by_text("North")).to_be_visible()
    assert nodes["o3"]["parentid"] == "o2"
    tree.get_by_text("North").click()
    look.get_by_role("button", name="Edit").click()
    look.get_by_label("Name").fill("South")
    look.get_by_role("button", name="Save").click()
    expect(tree.get_by_text("South")).to_be_visible()
    tree.get_by_text("South").click()
    look.get_by_role("button", name="Delete").click()
    look.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(tree.get_by_text("South")).to_have_count(0)
    assert "o3" not in nodes
    assert look.evaluate("window.hacked") is None


def test_a_generated_relation_is_ticked_and_unticked(look: Page, bench: Bench, pages: Path) -> None:
    roles = {"r1"}

    def rows(request: Request) -> Any:
        result = [
            {"userid": request.params["userid"], "has_userid": int(role in roles),
             "roleid": role, "roleid_text": name}
            for role, name in (("r1", "Owner"), ("r2", HOSTILE))
        ]  # fmt: skip
        return {"total": 2, "rows": result}

    def change(request: Request) -> Any:
        # The generated script compares with the text.
        if request.params["has_userid"] == "true":
            roles.add(request.params["roleid"])
        else:
            roles.discard(request.params["roleid"])
        return success({})

    bench.answers |= {
        "/userrole/get_userrole.dspy": rows,
        "/userrole/check_changed.dspy": change,
    }
    show(look, bench, page_of(pages, "userrole", userid="u1", _webbricks_=1))
    boxes = look.locator(".row-check")
    expect(boxes).to_have_count(2)
    expect(boxes.nth(0)).to_be_checked()
    expect(look.locator("td[data-name=roleid]").nth(1)).to_have_text(HOSTILE)
    # Nothing answers to these on a relation's page.
    expect(look.locator("[data-tool=add], [data-tool=delete], .row-mark")).to_have_count(0)
    boxes.nth(1).check()
    expect(boxes.nth(1)).to_be_checked()
    boxes.nth(0).uncheck()
    expect(boxes.nth(0)).not_to_be_checked()
    bench.expect_requests("/userrole/check_changed.dspy", 2)
    assert wait_until(lambda: roles == {"r2"}, WITHIN_SECONDS)
    assert bench.last("/userrole/check_changed.dspy")["userid"] == "u1"
