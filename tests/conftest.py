"""Fixtures for all tests; the real things behind them are in tests/support/."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from app.db.pool import pools
from app.modules import load_modules
from tests.support.installation import Installation, write_config
from tests.support.log_lines import secrets_in_logs
from tests.support.midnight import wait_for_room
from tests.support.watching import LoopStoodStill


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Try a test again in which a loop stood still, once: code of ours does it each time, a machine
    that was paused for a moment does not. A test with a browser too, which has no processor for
    seconds where several run on few cores; the summary names it as RERUN.
    """
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "look" in fixtures or "page" in fixtures:
            item.add_marker(pytest.mark.flaky(reruns=1))
        elif "server" in fixtures:
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=LoopStoodStill))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """
    Run a module that says BOTH_WAYS with each way in which programs' requests are answered. The
    others have one, by PIPELINE_TEST_WAY: `direct`, or `aiohttp`.
    """
    if getattr(metafunc.module, "BOTH_WAYS", False) and "server" in metafunc.fixturenames:
        metafunc.parametrize("database", ("direct", "aiohttp"), indirect=True, scope="module")


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation with a MariaDB of its own, for all that one test process runs."""
    path = os.environ.get("PIPELINE_TEST_VAR")
    folder = Path(path) if path else tmp_path_factory.mktemp("var")
    # One of several processes (pytest-xdist) has a folder of its own in the run's.
    installation = Installation(folder / os.environ.get("PYTEST_XDIST_WORKER", ""))
    installation.mariadb.start()
    installation.adopt()
    yield installation
    installation.stop()
    installation.mariadb.stop()


@pytest.fixture(scope="module")
def database(mariadb: Installation, request: pytest.FixtureRequest) -> Installation:
    """Fresh databases for one test module: tables, roles, paths and users are there."""
    way = getattr(request, "param", os.environ.get("PIPELINE_TEST_WAY", "direct"))
    write_config(mariadb.var_dir, direct_answers=way == "direct")
    module = request.node.path
    if not any(
        item.path == module and "server" in getattr(item, "fixturenames", ())
        for item in request.session.items
    ):
        mariadb.stop_idle()  # no worker works on what this module looks at alone
    mariadb.make_databases()
    return mariadb


@pytest.fixture(scope="module")
def server(database: Installation) -> Iterator[Installation]:
    """The application with two workers on fresh databases, for one test module."""
    database.start(workers=2)
    yield database
    findings = secrets_in_logs(database.var_dir)
    database.leave()
    assert findings == [], "a test of this module has brought a secret into a log"


@pytest.fixture(scope="module")
def admin(server: Installation) -> httpx.Client:
    """An HTTP client signed in as an administrator (owner.superuser)."""
    return server.admin


@pytest.fixture
async def pool(database: Installation) -> AsyncIterator[Installation]:
    """For tests that call the application's functions in this process, on its database."""
    database.adopt()
    load_modules({})
    yield database
    # The pool belongs to this test's event loop; the next test has another one.
    await pools().close()


@pytest.fixture(autouse=True)
def _day_lasts(request: pytest.FixtureRequest) -> None:
    """Begin no test on the application when a day is about to end."""
    if "mariadb" in request.fixturenames:
        wait_for_room()


@pytest.fixture(autouse=True)
def _show_logs_of_failures(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep the workers' logs of a failed test where they outlive the run."""
    failed_before = request.session.testsfailed
    yield
    keep = os.environ.get("PIPELINE_TEST_LOGS")
    if keep and request.session.testsfailed > failed_before and "server" in request.fixturenames:
        logs = request.getfixturevalue("server").var_dir / "logs"
        target = Path(keep) / request.node.name.replace("/", "_")[:100]
        shutil.copytree(logs, target, dirs_exist_ok=True)
