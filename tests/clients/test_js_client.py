"""The TypeScript client: its own tests, on an application that runs here; its types."""

import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import Account
from tests.support.installation import ROOT

FOLDER = ROOT / "clients/js"


def npm(*argv: str, env: dict[str, str] | None = None) -> None:
    process = subprocess.run(
        ["npm", "run", "--silent", *argv],
        cwd=FOLDER, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout + process.stderr


@pytest.fixture(scope="module", autouse=True)
def _build() -> None:
    npm("build")


def test_its_tests_pass_on_the_application(account: Account) -> None:
    npm("test", env=account.env | {"LINE": account.pipeline})


def test_the_types_of_its_tests_are_right() -> None:
    npm("types")


def test_what_is_published_has_no_dependencies() -> None:
    lock = Path(FOLDER / "package.json").read_text("utf-8")

    assert '"dependencies"' not in lock
