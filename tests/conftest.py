"""Fixtures for all tests; the real things behind them are in tests/support/."""

import os
import shutil
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import httpx
import pytest

from app.db.pool import pools
from app.modules import load_modules
from tests.support import selling
from tests.support.installation import Installation, write_config
from tests.support.log_lines import secrets_in_logs
from tests.support.long_form import IS_LONG
from tests.support.midnight import wait_for_room


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Try a failed test again, once: a fault of ours fails twice. Several processes with servers,
    databases and browsers share few cores, and one that had no processor for seconds says nothing
    of us. The summary names each as RERUN, and what its workers logged is kept: look at them.
    """
    for item in items:
        item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """
    Run a module that says BOTH_WAYS with each way in which programs' requests are answered, in the
    short form only attacks (http/test_both_ways.py holds the two against each other). The others
    have one, by PIPELINE_TEST_WAY: `direct`, or `aiohttp`.
    """
    is_both = getattr(metafunc.module, "BOTH_WAYS", False)
    is_both = is_both and (IS_LONG or metafunc.definition.path.parent.name == "attack")
    if is_both and "server" in metafunc.fixturenames:
        metafunc.parametrize("database", ("direct", "aiohttp"), indirect=True, scope="module")


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation with a MariaDB of its own, for all that one test process runs."""
    path = os.environ.get("PIPELINE_TEST_VAR")
    folder = Path(path) if path else tmp_path_factory.mktemp("var")
    # One of several processes (pytest-xdist) has a folder of its own in the run's.
    process = os.environ.get("PYTEST_XDIST_WORKER", "")
    # What runs alone measures time: its database waits for the disk as a real one does.
    installation = Installation(folder / process, quick=bool(process))
    if shared := os.environ.get("PIPELINE_TEST_TEMPLATE"):
        installation.start_alike(Path(shared))
    else:
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


# The session counts failures only after all of a test that may be tried again.
_IS_FAILURE = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note at a test that it failed, before its fixtures end, and keep why: the summary tells that
    of the last try only."""
    report = yield
    if report.failed:
        item.stash[_IS_FAILURE] = True
        if folder := _folder_of_failure(item):
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / "failure.txt").open("a", encoding="utf-8") as file:
                file.write(f"{report.when}\n{report.longreprtext}\n\n")
    return report


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let what a test makes when it is tried again have codes that its first try has not taken."""
    selling.attempt = getattr(item, "execution_count", 1)


def _folder_of_failure(item: pytest.Item) -> Path | None:
    keep = os.environ.get("PIPELINE_TEST_LOGS")
    return Path(keep) / item.name.replace("/", "_")[:100] if keep else None


@pytest.fixture(autouse=True)
def _show_logs_of_failures(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep the workers' logs of a failed test where they outlive the run."""
    yield
    folder = _folder_of_failure(request.node)
    if folder and request.node.stash.get(_IS_FAILURE, False) and "server" in request.fixturenames:
        logs = request.getfixturevalue("server").var_dir / "logs"
        shutil.copytree(logs, folder, dirs_exist_ok=True)
