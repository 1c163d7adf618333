"""
A client that openapi-python-client generates from the document works without an edit. In an
environment of its own (requirements-generator.lock), and only with `bash tests/run.sh replay`:
to make that takes longer than many tests. What openapi-typescript generates, clients/js tests.
"""

import os
import subprocess
import venv
from pathlib import Path

import pytest

from app.base.settings import ROOT
from tests.clients.conftest import Account
from tests.support.installation import Installation

PROGRAM = Path(__file__).with_name("generated_program.py")
pytestmark = pytest.mark.skipif(
    "PIPELINE_REPLAY" not in os.environ, reason="run by: bash tests/run.sh replay"
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with openapi-python-client."""
    where = Path(os.environ.get("PIPELINE_GENERATOR_ENV") or tmp_path_factory.mktemp("generator"))
    if not (where / "bin/openapi-python-client").exists():
        venv.create(where, with_pip=True)
        lock = ROOT / "requirements-generator.lock"
        pip = f"{where}/bin/python -m pip install -q --require-hashes -r"
        subprocess.run([*pip.split(), str(lock)], check=True)
    return where / "bin"


def test_a_generated_client_works(
    server: Installation, account: Account, environment: Path, tmp_path: Path
) -> None:
    document = tmp_path / "openapi.json"
    document.write_bytes(server.anonymous().get("/pipeline_dist/v1/openapi.json").content)
    argv: list[str | Path] = [environment / "openapi-python-client", "generate", "--path", document,
            "--meta", "none", "--output-path", tmp_path / "made"]  # fmt: skip
    env = account.env | {"PATH": f"{environment}:{os.environ['PATH']}"}
    subprocess.run(argv, check=True, env=env, capture_output=True, timeout=240)
    env |= {"LINE": account.pipeline, "PYTHONPATH": str(tmp_path)}
    process = subprocess.run(
        [environment / "python", PROGRAM],
        env=env, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert process.returncode == 0, process.stdout + process.stderr
