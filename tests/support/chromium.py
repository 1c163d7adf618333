"""The browser of the tests and benches."""

import os
import shutil

# Chromium without its own windows, which takes half of the processor time for the same pages; where
# it is not installed, the whole.
HEADLESS = ("chromium-headless-shell", "chromium", "chromium-browser")
WHOLE = ("chromium", "chromium-browser")


def chromium(names: tuple[str, ...] = HEADLESS) -> str | None:
    """Return the path of the first of *names* that is installed, or of PIPELINE_TEST_CHROMIUM."""
    own = os.environ.get("PIPELINE_TEST_CHROMIUM")
    return shutil.which(own) if own else next(filter(None, map(shutil.which, names)), None)
