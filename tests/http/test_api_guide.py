"""The commands of docs/api.md, run as they stand there."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.installation import Installation
from tests.support.selling import make_pipeline, make_reseller

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("guide", ["docs/api.md", "docs/api.zh-CN.md"])
def test_every_command_works(server: Installation, guide: str) -> None:
    pipeline = make_pipeline(server.admin)
    reseller = make_reseller(server, pipeline)
    text = (ROOT / guide).read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    env = server.env | {"BASE": server.base_url, "KEY": reseller.key, "LINE": pipeline["code"]}

    for block in blocks:
        failing = block.replace("curl -sS", "curl -sS --fail-with-body --noproxy '*'")
        process = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", failing],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 0, f"{block}\n{process.stdout}{process.stderr}"

    calls = server.query(
        "select status, amount from pipeline_usage_log where distributor_id = %s and unit <> ''",
        reseller.distributor["id"],
    )
    assert [(row["status"], str(row["amount"])) for row in calls] == [("succeeded", "0.0012000000")]
    assert len(blocks) == 6


@pytest.mark.parametrize("guide", ["docs/api.md", "docs/api.zh-CN.md"])
def test_the_shown_refusal_is_a_real_one(server: Installation, guide: str) -> None:
    lang = "zh" if "zh" in guide else "en"
    (text,) = re.findall(r"```json\n(.*?)```", (ROOT / guide).read_text("utf-8"), re.DOTALL)
    reseller = make_reseller(server)
    reseller.client.headers["Accept-Language"] = lang
    lines = [{"unit": "call", "quantity": "much"}]
    real = reseller.post("quote", {"pipeline": "x", "lines": lines}).json()

    assert json.loads(text) | {"request_id": ""} == real | {"request_id": ""}
