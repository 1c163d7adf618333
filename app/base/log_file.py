"""
The file that a process' standard error goes to: put aside when it is large, opened anew on request.

Standard error itself is turned to the new file, so that what the interpreter or a library writes
there goes along, and nothing needs to know of it.
"""

import logging
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

STDOUT, STDERR = 1, 2
# Its owner writes, a group may be let in to read.
LOG_MODE = 0o640


class LogFile:
    """
    Standard error, when it is a file of ours.

    Any thread may write. A full or a missing disk costs the lines, and never the request.
    """

    def __init__(self, max_bytes: int = 0, old_count: int = 0) -> None:
        """Put the file aside from *max_bytes* on (0: never), as the first of *old_count*."""
        self._max_bytes = max_bytes
        self._old_count = old_count
        self._lock = threading.Lock()
        self._path = _path_of(STDERR)
        if self._path is not None:
            with suppress(OSError):
                os.fchmod(STDERR, LOG_MODE)

    def write(self, data: bytes) -> None:
        """Append *data*, whole lines."""
        with self._lock, suppress(OSError):
            if self._max_bytes and self._path is not None:
                size = os.fstat(STDERR).st_size
                if size and size + len(data) > self._max_bytes:
                    self._put_aside(self._path)
            while data:
                data = data[os.write(STDERR, data) :]

    def reopen(self) -> None:
        """Go on in the file of the same name, made if somebody has moved it away."""
        with self._lock, suppress(OSError):
            if self._path is not None:
                _open(self._path)

    def _put_aside(self, path: Path) -> None:
        # In a rolling restart two processes write to the same file for a while: who comes second
        # only follows.
        try:
            is_ours = os.path.samestat(path.stat(), os.fstat(STDERR))
        except FileNotFoundError:
            is_ours = False
        if is_ours:
            for number in range(self._old_count - 1, 0, -1):
                with suppress(FileNotFoundError):
                    _old_file(path, number).replace(_old_file(path, number + 1))
            path.replace(_old_file(path, 1))
        _open(path)


class LogFileHandler(logging.Handler):
    """Python's logging, into a `LogFile`."""

    def __init__(self, file: LogFile) -> None:
        super().__init__()
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a record that cannot be formatted is told by logging itself."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  as logging's own handlers do
            self.handleError(record)
            return
        self._file.write(f"{text}\n".encode("utf-8", "backslashreplace"))


def _old_file(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _open(path: Path) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, LOG_MODE)
    try:
        os.fchmod(handle, LOG_MODE)
        both = _path_of(STDOUT) is not None and os.path.sameopenfile(STDOUT, STDERR)
        os.dup2(handle, STDERR)
        if both:
            os.dup2(handle, STDOUT)
    finally:
        os.close(handle)


def _path_of(number: int) -> Path | None:
    """Return the file that descriptor *number* is open on; None for a terminal, a pipe or a file
    that has no name any more."""
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return None
        path = Path(f"/proc/self/fd/{number}").readlink()
        return path if path.is_file() else None
    except OSError:
        return None
