"""
The samples of the API's page, each run as it stands there against the server; and the guides.

They take the address and the key from the environment. What is replaced is what only the reader
has: the number of a call that is there, and a key of idempotency that was not used before. A new
call of the API whose sample needs something else to be there has it in OWN.
"""

import itertools
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.base.settings import ROOT
from app.runtime.address import record_address
from pipeline_dist.api.openapi import event_examples, examples
from pipeline_dist.api.samples import LANGUAGES, Language, SampleRequest, sample_requests
from tests.support.installation import PASSWORDS, Installation
from tests.support.sample_programs import program_of, run_samples
from tests.support.selling import Reseller, make_pipeline, make_reseller, post

GUIDES = sorted((ROOT / "docs/guides").glob("*.md"))
# Those in Chinese have the same commands; a test below holds that.
ENGLISH = [guide for guide in GUIDES if not guide.name.endswith(".zh-CN.md")]
PRICE = {"model": "claude-haiku-4-5", "unit": "input_token", "unit_price": "1"}
_numbers = itertools.count(1)


def new_key_id(seller: Reseller) -> str:
    """The id of a key that was made for one sample."""
    name = f"sample-{next(_numbers)}"
    body = {"name": name, "scopes": ["read"]}
    answer = seller.post("keys", body, key=name)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def webhook_id(seller: Reseller, *, to_delete: bool = False) -> str:
    """The id of a webhook that samples share; with *to_delete* of another one."""
    ids = [str(row["id"]) for row in seller.get("webhooks").json()["rows"]]
    if len(ids) <= to_delete:
        answer = seller.post("webhooks", {"url": "https://hooks.example.com/pipeline"})
        assert answer.status_code == 201, answer.text
        ids.append(str(answer.json()["id"]))
    return ids[-1] if to_delete else ids[0]


def _with_webhook(seller: Reseller) -> dict[str, str]:
    return {event_examples.WEBHOOK_ID["webhook_id"]: webhook_id(seller)}


# What the samples of these calls find in place of what the document's examples have.
OWN: dict[str, Callable[[Reseller], dict[str, str]]] = {
    "make_key": lambda _: {examples.NEW_KEY["name"]: f"sample-{next(_numbers)}"},
    "rotate_key": lambda seller: {examples.KEY_ROTATION["key_id"]: new_key_id(seller)},
    "revoke_key": lambda seller: {examples.KEY_REVOCATION["key_id"]: new_key_id(seller)},
    "update_webhook": _with_webhook,
    "rotate_webhook": _with_webhook,
    "webhook_deliveries": _with_webhook,
    "replay_webhook": _with_webhook,
    "test_webhook": _with_webhook,
    "delete_webhook": lambda seller: {
        event_examples.WEBHOOK_ID["webhook_id"]: webhook_id(seller, to_delete=True)
    },
}


@pytest.fixture(scope="module")
def seller(server: Installation) -> Reseller:
    """A distributor who may call the line of the document's examples."""
    pipeline = make_pipeline(server.admin, "script-to-video", prices=[PRICE], publish=False)
    (step,) = server.query("select * from pipeline_steps where pipeline_id = %s", pipeline["id"])
    post(server.admin, "/pipeline_core/api/pipeline_steps_update.dspy", id=step["id"],
         lock_version=step["lock_version"], step_key="draft", name="Draft")  # fmt: skip
    post(server.admin, "/pipeline_core/api/pipeline_publish.dspy", pipeline_id=pipeline["id"],
         notes="first")  # fmt: skip
    return make_reseller(server, pipeline)


def own_text(seller: Reseller, request: SampleRequest, language: Language) -> str:
    """The sample's text with what is the reader's own."""
    text = language.write(request)
    for name, value in OWN.get(request.operation, lambda _: {})(seller).items():
        text = text.replace(name, value)
    if examples.CALL_NO in text:
        answer = seller.begin({"code": "script-to-video"})
        text = text.replace(examples.CALL_NO, answer.json()["call_no"])
    for key in request.headers.values():
        text = text.replace(key, f"{key}-{language.suffix}")
    return text.replace("job-17/", f"job-{language.suffix}/")


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_every_sample_works(
    server: Installation, seller: Reseller, tmp_path: Path, language: Language
) -> None:
    program = program_of(language, ROOT)
    if program is None:
        pytest.skip(f"{language.name} is not installed")
    document = server.anonymous().get("/pipeline_dist/v1/openapi.json").json()
    requests = sample_requests(document)
    samples = [(request, own_text(seller, request, language)) for request in requests]
    env = {"BASE": server.base_url, "KEY": seller.key}

    outcomes = run_samples(language, program, samples, tmp_path, env)

    for outcome in outcomes:
        output = outcome.process.stdout + outcome.process.stderr
        assert outcome.process.returncode == 0, f"{outcome.text}\n{output}"
        assert "Warning" not in output, f"{outcome.text}\n{output}"
        if outcome.request.file is None:
            assert len(outcome.process.stdout) > 20, outcome.text
    files = [file for file in tmp_path.glob("*/statement.xlsx") if file.read_bytes()[:2] == b"PK"]
    assert len(files) == len([request for request in requests if request.file == "statement.xlsx"])
    names = {(r.operation) for r in requests}
    assert names == {o["operationId"] for p in document["paths"].values() for o in p.values()}


@pytest.mark.parametrize("guide", ENGLISH, ids=lambda guide: guide.stem)
def test_every_command_of_a_guide_works(
    server: Installation, seller: Reseller, guide: Path, tmp_path: Path
) -> None:
    run_guide(guide, server, seller.key, "script-to-video", tmp_path)


def test_the_quick_start_works_on_a_demo(server: Installation, tmp_path: Path) -> None:
    """By the letter, with what `start.sh --demo` prints."""
    record_address(server.settings)
    server.command("app/manage.py", "demo", "--username", "admin", "--password-stdin",
                   stdin=PASSWORDS["admin"] + "\n")  # fmt: skip
    file = server.var_dir / "demo.json"
    key = json.loads(file.read_text())["distributor"]["api_key"]
    file.unlink()
    guide = ROOT / "docs/guides/quick-start.md"
    assert "LINE=demo-story" in guide.read_text("utf-8")

    run_guide(guide, server, key, "demo-story", tmp_path)


def run_guide(guide: Path, server: Installation, key: str, line: str, tmp_path: Path) -> None:
    """Run its commands as they stand there, one after another, after what the reader sets once."""
    text = guide.read_text("utf-8")
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    env = os.environ | {"BASE": server.base_url, "KEY": key, "LINE": line,
                        "NO_PROXY": "*", "no_proxy": "*"}  # fmt: skip

    for kind, block in blocks:
        file = tmp_path / f"block.{kind}"
        file.write_text(block.replace("curl -sS", "curl -sS --fail-with-body"), "utf-8")
        command = ["bash", "-euo", "pipefail"] if kind == "sh" else [str(ROOT / "py3/bin/python")]
        process = subprocess.run(
            [*command, str(file)], env=env, capture_output=True, text=True, check=False
        )
        assert process.returncode == 0, f"{block}\n{process.stdout}{process.stderr}"
        if "If-None-Match" in block:
            assert process.stdout.split() == ["304"]
        if "for attempt in 1 2" in block:
            numbers = re.findall(r'"call_no":"([0-9a-f]+)"', process.stdout)
            assert len(numbers) == 2
            assert len(set(numbers)) == 1


def test_guides_are_in_both_languages_alike() -> None:
    """The same guides, headings, commands, tables and codes; only the sentences differ."""

    def outline(file: Path) -> Any:
        text = file.read_text("utf-8")
        blocks = re.findall(r"^```(?:sh|python|js)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        blocks = [re.sub(r'\s+(#|//) .*|""".*"""', "", block) for block in blocks]
        return [re.findall(r"^#+", text, re.MULTILINE), len(re.findall(r"^\|", text, re.MULTILINE)),
                blocks, sorted({*re.findall(r"`([a-z]+_[a-z_]+)`", text)})]  # fmt: skip

    assert len(GUIDES) == 2 * len(ENGLISH)
    for guide in [*ENGLISH, ROOT / "docs/api-changelog.md"]:
        chinese = guide.with_name(guide.name.replace(".md", ".zh-CN.md"))
        assert outline(chinese) == outline(guide), guide.name
