"""Every endpoint of the agreed table has its script, and a `.dspy` is only a doorway."""

import ast
from pathlib import Path

import pytest

from tests.support.rooms import MODULES

ROOT = Path(__file__).resolve().parents[2]
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


@pytest.mark.parametrize("module", MODULES)
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
