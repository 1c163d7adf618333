"""
From a URL path to the one file it means, or to nothing.

Replaces ahserver's `Url2File`, which reaches one file by many spellings, climbs to parent folders
for missing files and runs files outside the web root (PATH-1, PATH-2, STAT-1).
"""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from app.base.catalogue.requests import NOT_FOUND

# The host's own answers, which must work without a database and ask for no right.
HEALTH, READINESS, METRICS = "/healthz", "/readyz", "/metrics"
OPEN_PATHS = frozenset({HEALTH, READINESS, METRICS})
REMEMBERED_SECONDS = 1.0
# A folder that is a script's is the one address of it: neither with a slash nor by the file.
SCRIPT_INDEX = "index.dspy"
STATIC_TYPES = frozenset(
    ".css .js .mjs .json .svg .png .jpg .gif .webp .ico .woff2 .html .txt .webmanifest".split()
)
_ODD = re.compile(r"[\x00-\x1f\x7f\\%?#]|//|/\.|~$")
_PACKED_SLASH = re.compile("%2f", re.IGNORECASE)
# File names that the front-end build gives: content hash in the name, never another content.
_HASHED = re.compile(r"-[0-9A-Za-z]{8,}\.(?:js|css|json|svg|woff2)$")


@dataclass(frozen=True)
class Target:
    """A file that a URL path means; `url` is its own path, `suffix` decides who serves it."""

    file: Path
    url: str
    suffix: str
    immutable: bool
    version: int


class WebPaths:
    """The web root and the modules' web roots linked into it."""

    def __init__(
        self,
        root: Path,
        indexes: tuple[str, ...],
        modules: dict[str, Path],
        other_roots: Callable[[], Iterable[Path]] = tuple,
    ) -> None:
        """
        Serve *root* and the *modules*.

        While workers of one version follow those of another, and in a browser that has a page open,
        a page may name front-end files that its version built and this one did not. *other_roots*
        have them: what bears its content's hash in its name is the same wherever it lies.
        """
        self._other_roots = other_roots
        self._root = root.resolve()
        self._indexes = indexes
        self._modules = {name: path.resolve() for name, path in modules.items()}
        self._targets: dict[str, tuple[float, Target | None]] = {}

    def find(self, path: str) -> Target | None:
        """Return the file that *path* (as `plain_path` gives it) means; remembered for one
        second."""
        entry = self._targets.get(path)
        if entry is not None and time.monotonic() - entry[0] <= REMEMBERED_SECONDS:
            return entry[1]
        try:
            target = self._find(path)
        except OSError:
            target = None  # a name longer than the file system has
        if len(self._targets) > 2_000:
            self._targets.clear()
        self._targets[path] = (time.monotonic(), target)
        return target

    def _find(self, path: str) -> Target | None:
        if len(path) > 512:
            return None
        segments = [segment for segment in path.split("/") if segment]
        base, rest = self._root, segments
        if segments and segments[0] in self._modules:
            base, rest = self._modules[segments[0]], segments[1:]
        file = base.joinpath(*rest)
        if file.resolve() != file:
            return None  # a link, or a spelling that the file system folds
        if file.is_dir():
            for index in self._indexes:
                if (file / index).is_file() and not (file / index).is_symlink():
                    if index == SCRIPT_INDEX and path.endswith("/"):
                        return None
                    return self._target(file / index, f"{path.rstrip('/')}/{index}")
            return None
        if file.name == SCRIPT_INDEX:
            return None
        if not file.is_file() and base == self._root and _HASHED.search(file.name):
            others = (root.joinpath(*rest) for root in self._other_roots())
            file = next((o for o in others if o.is_file() and o.resolve() == o), file)
        return self._target(file, path) if file.is_file() and not path.endswith("/") else None

    @staticmethod
    def _target(file: Path, url: str) -> Target:
        hashed = bool(_HASHED.search(file.name))
        return Target(file, url, file.suffix.lower(), hashed, file.stat().st_mtime_ns)


def plain_path(raw: str) -> str:
    """
    Return the one spelling of a request's path: percent-decoded once, no query.

    Raises NotFound for every other spelling (`//`, `/./`, `..`, back-slashes, `%2F`, `%25…`).
    """
    return _plain(raw.split("?", 1)[0].split("#", 1)[0])


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    try:
        path = unquote(text, errors="strict") if "%" in text else text
    except UnicodeDecodeError:
        path = "//"
    if _PACKED_SLASH.search(text):
        path = "//"
    if not path.startswith("/") or _ODD.search(path):
        raise NOT_FOUND()
    return path
