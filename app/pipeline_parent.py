"""Entry point of the parent process, which start.sh starts: the run-time folder is its argument."""

import sys
from pathlib import Path

# Run as a file, Python puts app/ itself first on the path; the package's parent belongs there.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from app.runtime.parent import main  # noqa: E402  # needs the path

if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
