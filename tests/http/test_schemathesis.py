"""The API and its document held against each other by Schemathesis: all its checks and phases."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support import schemathesis_hooks
from tests.support.installation import Installation
from tests.support.selling import USED, make_pipeline, make_reseller

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = "/pipeline_dist/v1/openapi.json"
CONFIG = ROOT / "tests/data/schemathesis.toml"
# Two of three requests of this phase have one wrong member; that takes a minute and is left to
# runs with more examples. What is wrong is made up in the others, and attacked in tests/attack.
FEWER = 'phases.coverage.generation.mode = "positive"\n'
# Links that must have been gone along: to a call from where its number stands, to the page after;
# and, where more requests are made up than a few, one of those that change a call that runs.
GONE = {"read", "next"}
ENDS = {"finish", "cancel", "extend"}
# One that was booked in one go is there, and has ended.
FOUND = (200, 409)


def test_the_api_does_what_its_document_says(server: Installation, tmp_path: Path) -> None:
    # Without limits: a quota that is used up would hide what comes after it.
    pipeline = make_pipeline(server.admin)
    reseller = make_reseller(server, pipeline)
    assert reseller.begin(pipeline, status="succeeded", lines=USED).status_code == 201
    examples = os.environ.get("PIPELINE_TEST_EXAMPLES")
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG.read_text("utf-8") + ("" if examples else FEWER), "utf-8")
    process = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(config)),
            *("run", f"{server.base_url}{DOCUMENT}", "--no-color"),
            *("--header", f"Authorization: Bearer {reseller.key}"),
            *("--phases", "examples,coverage,fuzzing,stateful", "--checks", "all"),
            # Done by the hooks, where lawful refusals have their reasons.
            *("--exclude-checks", ",".join(schemathesis_hooks.REPLACED)),
            *(("--max-examples", examples) if examples else ()),
            *("--report", "ndjson", "--report-ndjson-path", "report.ndjson"),
        ],
        cwd=tmp_path,
        env=os.environ
        | {
            "SCHEMATHESIS_HOOKS": schemathesis_hooks.__name__,
            "PYTHONPATH": str(ROOT),
            schemathesis_hooks.PIPELINE: pipeline["code"],
        },
        text=True,
        capture_output=True,
        check=False,
        timeout=3600 if examples else 280,
    )

    assert process.returncode == 0, process.stdout + process.stderr
    links, successes = what_was_tried(tmp_path / "report.ndjson")
    names = {name for _, name in links}
    assert GONE - names == set()
    assert ENDS & names or not examples
    document = reseller.client.get(DOCUMENT).json()
    operations = {f"{m.upper()} {path}" for path, of in document["paths"].items() for m in of}
    assert operations - successes == set()


def what_was_tried(report: Path) -> tuple[set[tuple[str, str]], set[str]]:
    """The links that led to what they promise, and the operations that a request succeeded at."""
    links, successes = set(), set()
    for text in report.read_text("utf-8").splitlines():
        recorder = json.loads(text).get("ScenarioFinished", {}).get("recorder", {})
        for name, case in recorder.get("cases", {}).items():
            answer = recorder["interactions"].get(name, {}).get("response") or {}
            status = answer.get("status_code", 0)
            if 200 <= status < 300:
                successes.add(f"{case['value']['method']} {case['value']['path']}")
            if case.get("transition") and status in FOUND:
                source, _, rest = case["transition"]["id"].partition(" -> ")
                links.add((source, rest.split("] ")[1].split(" ->")[0]))
    return links, successes
