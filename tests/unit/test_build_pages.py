"""The pages that xls2ui makes from the CRUD definitions, with this project's templates."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment

from app.build import pages as build_pages
from app.schema import tables as models
from app.schema.tables import ROOT

MODULES = ("pipeline_core", "pipeline_ops", "pipeline_dist")
DEFINITIONS = sorted(ROOT.glob("pipeline_*/json/*.json"))
# What the program writes and people look at.
LOOKED_AT = {"app_event", "app_webhook", "app_webhook_delivery"}
EDITED = [path for path in DEFINITIONS if path.stem not in LOOKED_AT]
HOSTILE = {"x": '"}],"</script><script>alert(1)</script>', "q": "{{7*7}}\\", "_lang": "zh\u2028"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the models and definitions, with their pages made."""
    checkout = tmp_path_factory.mktemp("checkout")
    for module in MODULES:
        for folder in ("models", "json"):
            shutil.copytree(ROOT / module / folder, checkout / module / folder)
        (checkout / module / "wwwroot").mkdir()
        build_pages.build(module, checkout)
    return checkout


def definition(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return value


def page(path: Path, params: dict[str, Any]) -> Any:
    text = Environment().from_string(path.read_text("utf-8")).render(
        entire_url=lambda url: url, get_module_dbname=lambda module: "pipeline",
        params_kw=params, json=json, list_views=lambda name: {"mine": [], "team": []},
    )  # fmt: skip
    return json.loads(text)


def test_each_table_has_its_definition() -> None:
    business = {t.name for t in models.tables().values() if not t.name.startswith("app_")}

    assert {path.stem for path in DEFINITIONS} == business | LOOKED_AT


def test_a_page_is_its_list_and_one_call(root: Path) -> None:
    for path in DEFINITIONS:
        folder = root / path.parts[-3] / "wwwroot" / path.stem
        script = folder / f"get_{path.stem}.dspy"

        assert sorted(file.name for file in folder.iterdir()) == [script.name, "index.ui"]
        (line,) = script.read_text("utf-8").splitlines()
        assert line.startswith(
            f"return await list_rows(request, params_kw, '{path.parts[-3]}', '{path.stem}', "
        )


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda p: p.stem)
def test_a_page_stays_json_whatever_the_request_brings(root: Path, path: Path) -> None:
    index = root / path.parts[-3] / "wwwroot" / path.stem / "index.ui"

    descriptor = page(index, HOSTILE)

    assert descriptor["widgettype"] == "Tabular"
    assert descriptor["options"]["data_params"] == HOSTILE


@pytest.mark.parametrize("path", EDITED, ids=lambda p: p.stem)
def test_a_page_writes_through_the_hand_written_endpoints_only(root: Path, path: Path) -> None:
    module = path.parts[-3]
    index = root / module / "wwwroot" / path.stem / "index.ui"

    urls = page(index, {})["options"]["editable"]

    assert urls == {
        "new_data_url": f"/{module}/api/{path.stem}_create.dspy",
        "update_data_url": f"/{module}/api/{path.stem}_update.dspy",
        "delete_data_url": f"/{module}/api/{path.stem}_delete.dspy",
    }


@pytest.mark.parametrize("path", EDITED, ids=lambda p: p.stem)
def test_the_definition_agrees_with_the_model(path: Path) -> None:
    table = models.table(path.stem)
    params = definition(path)["params"]
    alters = params["browserfields"]["alters"]

    for column in table.columns.values():
        altered = alters.get(column.name, {})
        if column.choices:
            assert {c["value"]: c["text"] for c in altered["data"]} == column.choices
        if column.kind == "decimal":
            # A share is written in per cent.
            assert altered["uitype"] in ("decimal", "money", "percent")
            assert altered["dec"] == column.scale
        if column.kind == "datetime":
            assert altered["uitype"] == "datetime"
        if column.boolean:
            assert altered["uitype"] == "check"
        if column.confidential:
            assert column.name in params["browserfields"]["exclouded"]
        if column.server_set and column.name != "lock_version":
            assert column.name in params["editexclouded"]
    assert alters["lock_version"]["uitype"] == "hide"


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda p: p.stem)
def test_every_tool_has_its_bind_and_every_bind_its_file(root: Path, path: Path) -> None:
    module = path.parts[-3]
    descriptor = page(root / module / "wwwroot" / path.stem / "index.ui", {})
    tools = {tool["name"] for tool in descriptor["options"].get("toolbar", {}).get("tools", [])}

    assert {bind["event"] for bind in descriptor["binds"]} == tools
    functions = (ROOT / "app/frontend/src/pages/later.js").read_text("utf-8")
    for bind in descriptor["binds"]:
        place = bind.get("options", bind.get("params", {}))
        if bind["actiontype"] == "registerfunction":
            assert f"registerFunction('{bind['rfname']}'" in functions
            if "url" not in place:
                continue
        url = place["url"].lstrip("/")
        file = ROOT / re.sub(r"^(\w+)/", r"\1/wwwroot/", url)
        is_of_a_table = url.split("/")[-1] in models.tables()
        assert is_of_a_table or file.is_file(), url


def test_subtables_open_by_the_key_of_their_parent(root: Path) -> None:
    for parent, key in (("pipelines", "pipeline_id"), ("distributors", "distributor_id")):
        module = models.table(parent).module
        descriptor = page(root / module / "wwwroot" / parent / "index.ui", {})
        for bind in descriptor["binds"]:
            if bind["event"] in models.tables():
                assert bind["params_mapping"]["mapping"]["id"] == key
                assert key in models.table(bind["event"]).columns


def test_building_again_changes_nothing(root: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in root.rglob("wwwroot/*/*")}

    for module in MODULES:
        assert build_pages.build(module, root) == []
    assert {p: p.stat().st_mtime_ns for p in root.rglob("wwwroot/*/*")} == before


def test_a_page_goes_with_its_definition(tmp_path: Path, root: Path) -> None:
    shutil.copytree(root, tmp_path / "copy")
    module = tmp_path / "copy/pipeline_ops"
    (module / "json/pipeline_capacity.json").unlink()
    (module / "wwwroot/own").mkdir()
    (module / "wwwroot/own/get_own.dspy").write_text("return 1\n", "utf-8")

    assert build_pages.build("pipeline_ops", tmp_path / "copy") == ["pipeline_capacity (removed)"]
    assert not (module / "wwwroot/pipeline_capacity").exists()
    assert (module / "wwwroot/own/get_own.dspy").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"relation": {"param_field": "a"}}, "relation"),
        ({"logined_userid": "owner_id"}, "logined_userid"),
        ({"new_data_url": None}, "new_data_url"),
        ({"browserfields": {"exclouded": ["colour"]}}, "colour"),
        ({"browserfields": None}, "browserfields"),
    ],
)
def test_a_definition_that_would_be_unsafe_is_refused(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    path = tmp_path / "pipeline_ops/json/pipeline_capacity.json"
    path.parent.mkdir(parents=True)
    changed_definition = definition(ROOT / "pipeline_ops/json/pipeline_capacity.json")
    changed_definition["params"] |= change
    path.write_text(json.dumps(changed_definition), "utf-8")

    with pytest.raises(build_pages.DefinitionError, match=sentence):
        build_pages.build("pipeline_ops", tmp_path)


def test_generated_pages_are_not_kept_in_the_repository() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()

    for path in DEFINITIONS:
        assert f"/{path.parts[-3]}/wwwroot/{path.stem}/" in ignored
