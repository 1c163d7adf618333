"""Files of pipelines, taken out and brought in over HTTP."""

from typing import Any

import httpx

from tests.support.pipelines import do, new_pipeline, new_step
from tests.support.selling import post

Pipeline = dict[str, Any]


def export(client: httpx.Client, pipeline: Pipeline, **params: Any) -> str:
    answer = client.get(
        "/pipeline_core/api/pipeline_export.dspy", params={"pipeline_id": pipeline["id"], **params}
    )
    assert answer.status_code == 200, answer.text
    assert "attachment" in answer.headers["Content-Disposition"]
    return answer.text


def bring(client: httpx.Client, content: str, **fields: Any) -> Any:
    return do(client, "pipeline_import", content=content, **fields)


def actions(report: dict[str, Any]) -> dict[str, str]:
    return {step["step_key"]: step["action"] for step in report["steps"]}


def rich_pipeline(client: httpx.Client) -> Pipeline:
    pipeline = new_pipeline(client, "a", "b")
    new_step(client, pipeline, "c", stage=2, config={"prompt": "多行\n{{input.x}}\n", "inputs": {
        "x": "steps.a.output"}}, timeout_seconds=10, retry_limit=2, enabled=0)  # fmt: skip
    post(client, "/pipeline_ops/api/pipeline_pricing_create.dspy", pipeline_id=pipeline["id"],
         unit="call", unit_price="2.5", effective_from="2026-01-01T00:00:00Z")  # fmt: skip
    post(client, "/pipeline_ops/api/pipeline_pricing_create.dspy", pipeline_id=pipeline["id"],
         unit="image", pricing_type="package", package_size=100, package_price="9.9", model="m",
         enabled=0, effective_from="2026-01-01T00:00:00Z",
         effective_to="2027-01-01T00:00:00Z")  # fmt: skip
    post(client, "/pipeline_ops/api/pipeline_capacity_create.dspy", pipeline_id=pipeline["id"],
         daily_quota=7, max_concurrency=2)  # fmt: skip
    return pipeline
