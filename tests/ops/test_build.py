"""build.sh: quick when nothing changed, and clear when something is missing or tampered with."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from app.base.settings import ROOT

MODULES = ("pipeline_core", "pipeline_ops", "pipeline_dist")


def build(root: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run build.sh of the checkout *root*."""
    return subprocess.run(
        ["bash", str(root / "build.sh")],
        env={**os.environ, "LC_ALL": "C.UTF-8", **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        stdin=subprocess.DEVNULL,
    )


def copy_scripts(folder: Path) -> Path:
    """A checkout in which nothing was built, with its scripts and locks only."""
    (folder / "app").mkdir()
    for name in ("build.sh", "app/shell_common.sh", *(p.name for p in ROOT.glob("*.lock"))):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout for one test."""
    return copy_scripts(tmp_path)


@pytest.fixture(scope="module")
def installing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose Python environment the tests that install share."""
    return copy_scripts(tmp_path_factory.mktemp("installing"))


@pytest.mark.alone
def test_a_build_with_nothing_to_do_is_quick() -> None:
    build(ROOT)
    start = time.monotonic()
    process = build(ROOT)

    assert (process.returncode, process.stdout) == (0, "Built.\n")
    assert time.monotonic() - start < 3


def test_a_missing_python_is_told(checkout: Path) -> None:
    process = build(checkout, PYTHON="/nowhere/python3", PIPELINE_NO_APT="1")

    assert process.returncode == 1
    assert "Python 3.11 or newer with its venv module is missing" in process.stderr
    assert not (checkout / "py3").exists()


def test_it_is_told_in_chinese_too(checkout: Path) -> None:
    process = build(checkout, PYTHON="/nowhere/python3", PIPELINE_NO_APT="1", LC_ALL="zh_CN.UTF-8")

    assert "缺少 Python 3.11 以上版本" in process.stderr


def test_a_package_with_another_hash_is_refused(installing: Path) -> None:
    lock = installing / "requirements.lock"
    entry = re.search(
        r"^xls2ddl==\S+ \\\n(?:\s+--hash=\S+(?: \\)?\n)+", lock.read_text(), re.MULTILINE
    )
    assert entry is not None
    lock.write_text(re.sub(r"sha256:[0-9a-f]{8}", "sha256:00000000", entry[0]))

    process = build(installing)

    assert process.returncode == 1
    assert "DO NOT MATCH THE HASHES" in process.stderr
    assert "installing from requirements.lock failed" in process.stderr
    assert not (installing / "py3/stamps/requirements").exists()


def test_the_installers_that_python_brings_stay_out_of_what_runs(installing: Path) -> None:
    """They are old and in no lock; a later build that has to install gets them again."""
    steps = "make_python; py3/bin/python -m ensurepip >/dev/null; leave_out_unlocked"
    site = installing / "py3" / "lib"
    for _ in range(2):
        process = subprocess.run(
            ["bash", "-euc", f". ./build.sh; {steps}"], cwd=installing,
            capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert process.returncode == 0, process.stderr
        names = {path.name.partition("-")[0] for path in site.glob("*/site-packages/*")}
        assert not names & {"pip", "setuptools", "wheel", "pkg_resources", "_distutils_hack"}


def test_every_installer_in_the_environment_is_a_locked_one() -> None:
    build(ROOT)
    locked = "".join(path.read_text("utf-8") for path in ROOT.glob("*.lock"))
    result = [
        path.name.removesuffix(".dist-info").replace("-", "==")
        for tool in ("pip", "setuptools", "wheel")
        for path in (ROOT / "py3").glob(f"lib/*/site-packages/{tool}-*.dist-info")
    ]

    assert [pin for pin in result if f"{pin} \\\n" not in locked] == []


@pytest.mark.parametrize("module", MODULES)
def test_each_module_has_its_ddl_and_its_link(module: str) -> None:
    build(ROOT)
    ddl = (ROOT / module / "mysql.ddl.sql").read_text("utf-8")
    models = sorted(path.stem for path in (ROOT / module / "models").glob("*.json"))

    assert sorted(re.findall(r"CREATE TABLE `?(\w+)`?", ddl)) == models
    link = ROOT / "app/wwwroot" / module
    assert str(link.readlink()) == f"../../{module}/wwwroot"


def test_scripts_say_how_to_use_them() -> None:
    for script in ("build.sh", "start.sh", "stop.sh", "tests/run.sh"):
        process = subprocess.run(
            ["bash", str(ROOT / script), "--help"], capture_output=True, text=True, check=False
        )
        assert (process.returncode, "Usage: bash" in process.stdout) == (0, True)
