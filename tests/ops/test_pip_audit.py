"""No locked package has a known vulnerability, where the data can be reached."""

import json
import subprocess
import sys

import pytest

from app.base.settings import ROOT


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_no_locked_package_has_a_known_vulnerability(name: str) -> None:
    process = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip_audit",
            "-r",
            str(ROOT / f"{name}.lock"),
            "--no-deps",
            "--disable-pip",
            "--progress-spinner",
            "off",
            "-f",
            "json",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    if not process.stdout.strip():
        reason = (process.stderr.splitlines() or [""])[-1]
        pytest.skip("pip-audit did not reach its data: " + reason)
    audited = [item for item in json.loads(process.stdout)["dependencies"] if "vulns" in item]
    if not audited:
        pytest.skip("pip-audit's data does not cover this package registry")

    result = {item["name"]: [v["id"] for v in item["vulns"]] for item in audited if item["vulns"]}
    assert result == {}
