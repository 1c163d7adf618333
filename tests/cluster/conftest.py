"""Three nodes of a database cluster, each with an application of its own, for all tests here."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.galera import Node, cluster, provider
from tests.support.shop import Shop

_FIGURES: list[str] = []


@pytest.fixture(scope="session")
def library() -> str:
    """The Galera library; without it nothing here is run."""
    library = provider()
    if library is None:
        pytest.skip("needs Debian's package galera-4")
    return library


@pytest.fixture(scope="session")
def nodes(library: str) -> Iterator[list[Node]]:
    """Three nodes, an application of one worker on each."""
    # Not pytest's folder: the path of a socket has to be short.
    folder = Path(tempfile.mkdtemp(prefix="pipeline-cluster-"))
    try:
        with cluster(folder, library) as members:
            for node in members:
                node.installation.start(workers=1)
            yield members
            _keep_logs(members)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _keep_logs(nodes: list[Node]) -> None:
    """Keep what workers and servers logged where tests/run.sh keeps logs."""
    folder = os.environ.get("PIPELINE_TEST_LOGS")
    for number, node in enumerate(nodes if folder else [], 1):
        place = Path(str(folder)) / f"cluster-{number}"
        shutil.copytree(node.installation.var_dir / "logs", place, dirs_exist_ok=True)
        shutil.copy(node.installation.mariadb.log, place)


@pytest.fixture(scope="session")
def shop(nodes: list[Node]) -> Shop:
    """What is sold; made on the first node."""
    return Shop(nodes[0].installation)


@pytest.fixture(scope="session")
def figures() -> list[str]:
    """Lines that are told at the end of the run: measured, not asserted."""
    return _FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was measured."""
    for line in _FIGURES:
        terminalreporter.write_line(line)
