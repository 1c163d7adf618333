"""Which version of the application this code is."""

import tomllib
from functools import cache

from app.base.settings import ROOT


@cache
def version() -> str:
    """
    Return the version of this code: what build.sh wrote down of git, else the package's number.

    A worker's code is a copy of its own (app/runtime/generation.py), so this is what really runs.
    """
    try:
        return (ROOT / "app" / "VERSION").read_text("utf-8").strip()
    except FileNotFoundError:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        return str(project["version"])
