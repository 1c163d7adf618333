"""The installation that the tests work on."""

import os
from pathlib import Path

from tests.support.installation import Installation


def test_workers_are_started_alike_whichever_test_starts_them(tmp_path: Path) -> None:
    """Else those that the last file of tests left would never serve the next one."""
    assert "test_installation.py" in os.environ["PYTEST_CURRENT_TEST"]

    values = Installation(tmp_path).env.values()

    assert [value for value in values if "test_installation.py" in value] == []
