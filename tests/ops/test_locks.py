"""The locks name every package exactly, and what they name is enough."""

import re
import subprocess
import sys
from importlib.metadata import files, version
from pathlib import Path

import pytest

from app.base.settings import ROOT

LOCKS = ("requirements", "requirements-dev", "requirements-node", "requirements-generator")
# What the application imports of the packages it is built on, with all that they import.
IMPORTS = (
    "ahserver.configuredServer",
    "ahserver.auth_api",
    "ahserver.processorResource",
    "sqlor.dbpools",
    "sqlor.mysqlor",
    "sqlor.aiomysqlor",
    "sqlor.dbpassword",
    "xls2ddl.xls2ui",
    "xls2ddl.json2ddl",
    "appPublic.rc4",
    "appPublic.aes",
    "uvloop",
    "babel.numbers",
    "prometheus_client.multiprocess",
)


def pins(name: str) -> dict[str, list[str]]:
    """Package==version lines of a lock, each with its hashes."""
    text = (ROOT / f"{name}.lock").read_text("utf-8").replace("\\\n", " ")
    result = {}
    for line in text.splitlines():
        if line and not line.lstrip().startswith("#"):
            requirement, *hashes = re.split(r"\s+--hash=", line.strip())
            result[requirement.split(";")[0].strip()] = hashes
    return result


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_exact_and_has_hashes(name: str) -> None:
    locked = pins(name)

    assert locked
    for requirement, hashes in locked.items():
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*==[A-Za-z0-9.]+", requirement)
        assert hashes, f"{requirement} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", text) for text in hashes)


@pytest.mark.parametrize("suffix", ["in", "lock"])
@pytest.mark.parametrize("name", LOCKS)
def test_no_index_is_named(name: str, suffix: str) -> None:
    text = (ROOT / f"{name}.{suffix}").read_text("utf-8")

    assert not re.search(
        r"--(extra-)?index-url|--find-links|^-[if]\b|https?://", text, re.MULTILINE
    )


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_everything_asked_for_is_locked(name: str) -> None:
    text = (ROOT / f"{name}.in").read_text("utf-8")
    requirements = re.findall(r"^([A-Za-z0-9][\w.-]*)", text, re.MULTILINE)
    locked = {requirement.partition("==")[0] for requirement in pins(name)}

    assert {re.sub(r"[-_.]+", "-", item).lower() for item in requirements} <= locked


def test_what_is_installed_is_what_is_locked() -> None:
    installed = {
        requirement: version(requirement.partition("==")[0]) for requirement in pins("requirements")
    }

    assert {r: v for r, v in installed.items() if r.partition("==")[2] != v} == {}


def test_the_vulnerable_pin_of_ahserver_is_overridden() -> None:
    major, minor = version("aiohttp").split(".")[:2]

    assert (int(major), int(minor)) >= (3, 14)


def test_the_lock_alone_is_enough_to_import_everything(tmp_path: Path) -> None:
    """With nothing but what the lock names: what nothing imports is left out, and nothing more."""
    for requirement in pins("requirements"):
        for file in files(requirement.partition("==")[0]) or ():
            place = tmp_path / file.parts[0]
            if file.parts[0] != ".." and not place.exists():
                place.symlink_to(str(file.locate()).removesuffix("/".join(file.parts[1:])))
    process = subprocess.run(
        [sys.executable, "-S", "-W", "error::ImportWarning", "-c", f"import {', '.join(IMPORTS)}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
    )

    assert process.returncode == 0, process.stderr
    assert "Warning" not in process.stderr
