"""Nothing in the repository is secret, and nothing in it tells where it was written."""

import json
import re
import subprocess

import pytest

from app.base.settings import ROOT

TRACKED = subprocess.run(
    ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
).stdout.splitlines()


def test_the_configuration_has_no_secret() -> None:
    config = json.loads((ROOT / "conf/config.json").read_text("utf-8"))

    assert "password_key" not in config
    assert {entry["kwargs"]["password"] for entry in config["databases"].values()} == {""}


def test_the_configuration_names_no_database_host() -> None:
    """A fresh checkout starts the embedded database."""
    config = json.loads((ROOT / "conf/config.json").read_text("utf-8"))

    assert config["databases"]["pipeline"]["kwargs"]["host"] == ""


@pytest.mark.skipif(not TRACKED, reason="not a git checkout")
def test_nothing_made_at_run_time_is_tracked() -> None:
    pattern = re.compile(r"^(py3|var)/|(^|/)(node_modules|__pycache__)/|\.(pem|key)$|\.ddl\.sql$")

    assert [path for path in TRACKED if pattern.search(path)] == []


@pytest.mark.skipif(not TRACKED, reason="not a git checkout")
def test_no_api_key_is_written_down() -> None:
    key = re.compile(r"ppk_[0-9A-Za-z]{49}")
    texts = {p: (ROOT / p).read_text("utf-8", "ignore") for p in TRACKED if (ROOT / p).is_file()}

    assert [path for path, text in texts.items() if key.search(text)] == []
