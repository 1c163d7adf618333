"""The TypeScript client: its own tests, on an application that runs here."""

import subprocess
from pathlib import Path

from tests.clients.conftest import Account


def npm(folder: Path, *argv: str, env: dict[str, str] | None = None) -> None:
    process = subprocess.run(
        ["npm", "run", "--silent", *argv],
        cwd=folder, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout + process.stderr


def test_its_tests_pass_on_the_application(account: Account, js_client: Path) -> None:
    npm(js_client, "test", env=account.env | {"LINE": account.pipeline})


def test_what_is_published_has_no_dependencies(js_client: Path) -> None:
    assert '"dependencies"' not in (js_client / "package.json").read_text("utf-8")
