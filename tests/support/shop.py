"""Lines, prices and distributors for tests, made through the admin endpoints like anybody's."""

import itertools
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

import httpx

from app.modules import load_modules
from pipeline_ops.ledger import check as check_ledger
from tests.support.installation import Installation

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Pipeline:
    """A published pipeline."""

    id: str
    code: str
    capacity: dict[str, Any] | None


@dataclass(frozen=True)
class Distributor:
    """A distributor with a key, and an HTTP client that sends it."""

    id: str
    code: str
    api_key: str
    client: httpx.Client

    def begin(self, pipeline: Pipeline, key: str, **more: Any) -> httpx.Response:
        """POST a begin, or with status and lines a one-go booking."""
        return self.client.post(
            "/pipeline_dist/v1/calls",
            json={"pipeline": pipeline.code, **more},
            headers={"Idempotency-Key": key},
        )

    def finish(self, call_no: str, status: str = "succeeded", **more: Any) -> httpx.Response:
        """POST a finish."""
        return self.client.post(
            "/pipeline_dist/v1/calls/finish",
            json={"call_no": call_no, "status": status, **more},
        )

    def read(self, call_no: str) -> dict[str, Any]:
        """One call as the API tells it."""
        answer = self.client.get("/pipeline_dist/v1/calls", params={"call_no": call_no})
        assert answer.status_code == 200, answer.text
        call: dict[str, Any] = answer.json()
        return call

    def me(self) -> dict[str, Any]:
        """What the API tells about the distributor."""
        answer = self.client.get("/pipeline_dist/v1/me")
        assert answer.status_code == 200, answer.text
        account: dict[str, Any] = answer.json()
        return account


class Shop:
    """Makes what a test needs; every name is new."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.admin = installation.admin

    def post(self, path: str, **fields: Any) -> dict[str, Any]:
        """POST to an admin endpoint (`module/name`) and return the record."""
        answer = self.try_post(path, **fields)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        record: dict[str, Any] = answer.json()["data"]
        return record

    def try_post(self, path: str, **fields: Any) -> httpx.Response:
        """POST to an admin endpoint and return whatever it answers."""
        module, name = path.split("/")
        return self.admin.post(f"/{module}/api/{name}.dspy", json=fields)

    def pipeline(self, *, capacity: dict[str, Any] | None = None, prices: Any = None) -> Pipeline:
        """A published pipeline with one step; *prices*: fields of each price (default 1 a call)."""
        code = f"line-{next(_numbers)}"
        record = self.post("pipeline_core/pipelines_create", code=code, name=f"产线 {code}")
        self.post(
            "pipeline_core/pipeline_steps_create", pipeline_id=record["id"], step_key="s1",
            name="step", step_type="model", model="m1", config={},
        )  # fmt: skip
        for fields in [{"unit": "call", "unit_price": "1"}] if prices is None else prices:
            self.post("pipeline_ops/pipeline_pricing_create", pipeline_id=record["id"], **fields)
        own = None
        if capacity is not None:
            own = self.post(
                "pipeline_ops/pipeline_capacity_create", pipeline_id=record["id"], **capacity
            )
        self.post("pipeline_core/pipeline_publish", pipeline_id=record["id"], notes="first")
        return Pipeline(id=record["id"], code=code, capacity=own)

    def distributor(self, *pipelines: Pipeline, link: Any = None, **fields: Any) -> Distributor:
        """A distributor with a key that may call *pipelines*; *link*: fields of each link."""
        code = f"dist-{next(_numbers)}"
        record = self.post("pipeline_dist/distributors_create", code=code, name=code, **fields)
        for pipeline in pipelines:
            self.link(record["id"], pipeline, **(link or {}))
        key = self.post("pipeline_dist/distributor_generate_key", id=record["id"])["api_key"]
        client = self.installation.anonymous(headers={"Authorization": f"Bearer {key}"})
        return Distributor(id=record["id"], code=code, api_key=key, client=client)

    def link(self, distributor_id: str, pipeline: Pipeline, **fields: Any) -> dict[str, Any]:
        """Let a distributor call a pipeline."""
        return self.post(
            "pipeline_dist/distributor_pipeline_create",
            distributor_id=distributor_id, pipeline_id=pipeline.id, **fields,
        )  # fmt: skip

    def row(self, table: str, row_id: str) -> dict[str, Any]:
        """A row as the database has it."""
        (record,) = self.installation.query(f"select * from `{table}` where id = %s", row_id)
        return record

    def ledger(self, where: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the ledger."""
        return self.installation.query(
            f"select * from pipeline_usage_log where {where} order by call_no, line_no", *values
        )

    def ledger_differences(self) -> str:
        """What check-ledger says; empty when all counters agree with the ledger."""
        self.installation.adopt()
        load_modules({})  # what modules know of each other's rows, the check needs too
        output = StringIO()
        # In this process: Python and all imports take longer than the check.
        with redirect_stdout(output):
            status = check_ledger.run_command([])
        return "" if status == 0 else output.getvalue()
