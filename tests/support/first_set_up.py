"""
Set up the databases that the test processes of a run copy, before there is any of them: no test is
to wait for it, and to fail by its time.

    python -m tests.support.first_set_up FOLDER
"""

import sys
import tempfile
from pathlib import Path

from tests.support.installation import Installation


def main(shared: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="pipeline-set-up-") as name:
        installation = Installation(Path(name), quick=True)
        try:
            installation.start_alike(shared)
        finally:
            installation.mariadb.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
