"""The examples of the clients' READMEs, run as they stand there; the packages, as they are got."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from app.base.settings import ROOT
from pipeline_client.cli.main import parser
from tests.clients.conftest import Account

CLIENTS = ROOT / "clients"


def blocks(path: str, *languages: str) -> list[str]:
    """The blocks of code that are in one of these languages; without any, all."""
    text = (CLIENTS / path).read_text("utf-8")
    parts = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [part for language, part in parts if language in languages or not languages]


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_python_examples(account: Account, readme: str, tmp_path: Path) -> None:
    first, spool, webhook = blocks(f"python/{readme}", "python")
    spool = spool.replace("script-to-video", account.pipeline)
    receiving = f"{webhook}\nassert receive({{}}, b'') == 400\n"
    outputs = []
    for program in (first, spool, receiving):
        process = subprocess.run(
            [sys.executable, "-c", program],
            env=account.env, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert process.returncode == 0, process.stderr
        outputs.append(process.stdout.splitlines())

    assert re.fullmatch(r"0\.\d{10} USD", outputs[0][0])
    assert len(outputs[0]) == 2
    with account.client() as client:
        assert client.statement().calls == 4


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_javascript_example(account: Account, js_client: Path, readme: str) -> None:
    (program,) = blocks(f"js/{readme}", "js")
    process = subprocess.run(
        ["node", "--input-type=module", "--eval", program],
        env=account.env, cwd=js_client, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert process.returncode == 0, process.stderr
    assert re.fullmatch(r"0\.\d{10} USD", process.stdout.splitlines()[0])


def test_the_quick_start_in_javascript(account: Account, js_client: Path) -> None:
    """What it does in Python and in a shell, tests/http/test_samples.py runs."""
    (program,) = blocks("../docs/guides/quick-start.md", "js")
    program = program.replace("model: 'claude-haiku-4-5', ", "")
    process = subprocess.run(
        ["node", "--input-type=module", "--eval", program],
        env=account.env | {"BASE": account.url, "KEY": account.key, "LINE": account.pipeline},
        cwd=js_client, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert process.returncode == 0, process.stderr
    assert re.fullmatch(r"[0-9a-f]{32} 0\.0010350000 USD\n", process.stdout)


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_commands_are_there(readme: str) -> None:
    commands = [line for block in blocks(f"python/{readme}", "") for line in block.splitlines()]
    argvs = [line.split() for line in commands if line.startswith("pipeline-client")]
    assert len(argvs) == 7
    for _, *argv in argvs:
        ends = [argv.index(end) for end in ("--", ">") if end in argv]
        parser().parse_args(argv[: min(ends, default=len(argv))])


def test_the_examples_are_the_same_in_both_languages() -> None:
    for package in ("python", "js"):
        both = [
            [re.sub(r"\s+(#|//) .*", "", block) for block in blocks(f"{package}/{name}")]
            for name in ("README.md", "README.zh-CN.md")
        ]
        assert both[0] == both[1]


@pytest.mark.skipif("PIPELINE_REPLAY" not in os.environ, reason="run by: bash tests/run.sh replay")
def test_the_wheel_has_all_of_it(tmp_path: Path) -> None:
    """What makes it comes from the package registry, so that it is skipped where there is none."""
    argv = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path)]
    process = subprocess.run(
        [*argv, str(CLIENTS / "python")], capture_output=True, text=True, check=False
    )
    if process.returncode and "No matching distribution" in process.stderr:
        pytest.skip("no package registry")
    assert process.returncode == 0, process.stderr
    (wheel,) = tmp_path.glob("pipeline_client-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    source = CLIENTS / "python/src"
    expected = {
        str(file.relative_to(source))
        for file in source.rglob("*")
        if "__pycache__" not in str(file)
    }

    assert {name for name in expected if name.endswith((".py", "py.typed"))} <= names
