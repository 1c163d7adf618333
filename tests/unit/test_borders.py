"""Who may import whom, and what a `.dspy` may hold."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ORDER = ("pipeline_core", "pipeline_ops", "pipeline_dist")
SCRIPTS = sorted([*ROOT.glob("app/wwwroot/**/*.dspy"), *ROOT.glob("pipeline_*/wwwroot/**/*.dspy")])
ENDPOINTS = {
    "pipeline_core": """pipelines_create pipelines_update pipelines_delete pipeline_steps_create
        pipeline_steps_update pipeline_steps_delete pipeline_versions_create
        pipeline_versions_update pipeline_versions_delete pipeline_publish pipeline_rollback""",
    "pipeline_ops": """pipeline_pricing_create pipeline_pricing_update pipeline_pricing_delete
        pipeline_capacity_create pipeline_capacity_update pipeline_capacity_delete
        pipeline_usage_log_create pipeline_usage_log_update pipeline_usage_log_delete
        get_search_pipeline_id""",
    "pipeline_dist": """distributors_create distributors_update distributors_delete
        distributor_pipeline_create distributor_pipeline_update distributor_pipeline_delete
        distributor_generate_key get_search_distributor_id""",
}


def imported(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("module", ORDER)
def test_modules_import_only_downwards_and_the_hosts_face(module):
    allowed = set(ORDER[: ORDER.index(module) + 1])
    for file in (ROOT / module / module).rglob("*.py"):
        for name in imported(file):
            top = name.split(".")[0]
            if top in ORDER:
                assert top in allowed, f"{file} imports {name}"
            if top == "app":
                assert name == "app.global_func", f"{file} imports {name}"


def test_the_host_imports_modules_only_to_load_them():
    for file in (ROOT / "app").glob("*.py"):
        reached = {name for name in imported(file) if name.startswith("pipeline_")}
        assert all(file.name == "pipeline_app.py" and name.endswith(".init") for name in reached), (
            file
        )


@pytest.mark.parametrize("module", ORDER)
def test_every_endpoint_of_the_table_has_its_script(module):
    folder = ROOT / module / "wwwroot" / "api"

    missing = [
        name for name in ENDPOINTS[module].split() if not (folder / f"{name}.dspy").is_file()
    ]

    assert missing == []


def test_the_table_has_29_endpoints():
    assert sum(len(names.split()) for names in ENDPOINTS.values()) == 29


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_dspy_is_only_a_doorway(script):
    text = script.read_text("utf-8")
    body = ast.parse(f"async def script(request, params_kw):\n    {text.strip()}")
    words = {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}

    assert len(text.strip().splitlines()) <= 3
    assert not any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(body))
    assert not words & {"print", "uuid", "eval", "exec"}
