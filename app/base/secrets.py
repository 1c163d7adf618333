"""
The secrets of one installation: files of mode 0600 under `<var>/secrets/`.

Replaces ahserver's session secret, which is the port number followed by a constant that stands
in its source (finding SES-1): anybody could make a valid login cookie.
"""

import contextlib
import os
import secrets
import time
from pathlib import Path

from app.base.private_files import private_draft, write_private

LOOK_EVERY_SECONDS = 1.0


def secret(var_dir: Path, name: str, *, make: bool = True) -> str:
    """
    Return the secret called *name*, made (256 random bits, hex) at first use and shared by all
    workers.

    With make=False a missing secret is "". Raises OSError when the folder cannot be written.
    """
    path = secret_file(var_dir, name)
    try:
        return path.read_text("utf-8").strip()
    except FileNotFoundError:
        if not make:
            return ""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _place(path, secrets.token_hex(32))
    return path.read_text("utf-8").strip()


def write_secret(var_dir: Path, name: str, value: str) -> None:
    """Store *value* as the secret *name*, replacing an older one in one step."""
    path = secret_file(var_dir, name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, value + "\n")


def secret_file(var_dir: Path, name: str) -> Path:
    """Return where the secret *name* is kept."""
    return var_dir / "secrets" / name


class WatchedSecret:
    """
    A secret as it is now: an operator may put another in its place while workers run.

    One that is *given* in the settings is that, and no file is made or looked at.
    """

    def __init__(self, var_dir: Path, name: str, value: str = "") -> None:
        self._path = secret_file(var_dir, name)
        self._is_given = bool(value)
        self._value = value or secret(var_dir, name)
        self._looked_at = time.monotonic()

    def value(self) -> str:
        """Return the secret, read again when the last look is more than a second ago."""
        if not self._is_given and time.monotonic() - self._looked_at > LOOK_EVERY_SECONDS:
            self._looked_at = time.monotonic()
            # A file that is away for a moment, or for good, changes nothing in a running worker.
            with contextlib.suppress(OSError):
                self._value = self._path.read_text("utf-8").strip() or self._value
        return self._value


def _place(path: Path, value: str) -> None:
    # Two workers may start at once: the link fails for the later one, who then reads the first's.
    fresh = private_draft(path, value + "\n")
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
