"""
A file in which calls wait to be booked. What `add` has returned from is on the disk: it survives
`kill -9` and a power cut, and is booked once.

The file only grows: a line for each call and for each one that is done with, each with its
checksum. A line that was being written when the power went is dropped; a damaged one elsewhere is
set aside into the file of what was refused. Once nothing waits any more the file begins anew. One
program at a time has it.
"""

import contextlib
import json
import os
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

from pipeline_client.operations import new_key
from pipeline_client.problems import PipelineError
from pipeline_client.wire import to_json

# The file begins anew once nothing waits and it is as large as the first, or when it is as large as
# the second and most of it is done with.
MAX_IDLE_BYTES = 1_000_000
MAX_WASTE_BYTES = 16_000_000
CHECKSUM_DIGITS = 8


class SpoolError(PipelineError):
    """The spool cannot be used; what was in it still is."""


class SpoolLocked(SpoolError):
    """Another program has this spool."""


class Spool:
    """The calls that wait in the file *path*. Not safe for threads: `writer.py` is."""

    def __init__(self, path: "str | os.PathLike[str]") -> None:
        self.path = Path(path)
        self.refused_path = self.path.with_name(self.path.name + ".refused")
        self._lock = _lock(self.path.with_name(self.path.name + ".lock"))
        self._waiting: dict[str, Mapping[str, Any]] = {}
        self._is_broken = False
        self._entry_count = 0
        try:
            self._handle = self._open()
        except BaseException:
            self._lock.close()
            raise

    def __len__(self) -> int:
        return len(self._waiting)

    def waiting(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the calls that wait, with their idempotency keys, the oldest first."""
        return list(self._waiting.items())

    def add(self, calls: Iterable[Mapping[str, Any]]) -> list[str]:
        """
        Put calls (`operations.call_body`) on the disk and return their idempotency keys; a key that
        waits already is not added twice. Raises SpoolError where they could not be written.
        """
        keys, records = [], {}
        for call in calls:
            members = dict(call)
            key = str(members.pop("idempotency_key", None) or new_key())
            keys.append(key)
            if key not in self._waiting:
                records[key] = {"add": key, "call": json.loads(to_json(members))}
        self._write(list(records.values()), is_urgent=True)
        return keys

    def end(self, keys: Iterable[str]) -> None:
        """Note that these calls are done with."""
        # Not synced each time: after a power cut they are sent again, and answered as before.
        self._write([{"end": key} for key in keys], is_urgent=False)
        if self._is_due():
            self._begin_anew()

    def refuse(self, refusals: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Set calls aside that were refused for good, each with its reason."""
        refusals = list(refusals)
        self._set_aside(
            [
                {"idempotency_key": key, "call": self._waiting.get(key), "reason": reason}
                for key, reason in refusals
            ]
        )
        self.end([key for key, _ in refusals])

    def refused_calls(self) -> list[tuple[str, dict[str, Any]]]:
        """Return what was set aside, the last of each key: `call`, `reason`, `at`."""
        rows = {}
        for number, row in enumerate(_records(self.refused_path)):
            rows[str(row.get("idempotency_key") or f"line {number + 1}")] = row
        return list(rows.items())

    def take_refused_back(self) -> int:
        """Let all that was set aside wait again, with the same keys; return how many those are."""
        rows = self.refused_calls()
        calls = [{**row["call"], "idempotency_key": key} for key, row in rows if row.get("call")]
        self.add(calls)
        self.refused_path.unlink(missing_ok=True)
        self._set_aside(row for _, row in rows if not row.get("call"))
        _sync_folder(self.path)
        return len(calls)

    def close(self) -> None:
        """Sync the file and let others have it."""
        if self._handle >= 0:
            if not self._is_broken:
                os.fsync(self._handle)
            os.close(self._handle)
            self._handle = -1
        self._lock.close()

    def _open(self) -> int:
        handle = _private(self.path)
        try:
            end, damage = 0, []
            for start, raw, record in _lines(self.path):
                if record is None:
                    damage.append((start, raw))
                    continue
                end = start + len(raw)
                self._take(record)
            self._set_aside(
                {
                    "call": None,
                    "reason": {"code": "damaged"},
                    "line": raw.decode("latin-1"),
                }
                for start, raw in damage
                if start < end
            )
            os.ftruncate(handle, end)
            os.lseek(handle, end, os.SEEK_SET)
            os.fsync(handle)
            _sync_folder(self.path)
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _take(self, record: Mapping[str, Any]) -> None:
        """Do what a line of the file says."""
        self._entry_count += 1
        if "add" in record:
            self._waiting[record["add"]] = record["call"]
        else:
            self._waiting.pop(record["end"], None)

    def _write(self, records: Sequence[Mapping[str, Any]], *, is_urgent: bool) -> None:
        if self._is_broken or self._handle < 0:
            raise SpoolError(f"{self.path}: closed, or a write has failed; open the spool anew")
        if not records:
            return
        end = os.lseek(self._handle, 0, os.SEEK_CUR)
        try:
            _write_all(self._handle, b"".join(_line(record) for record in records))
        except OSError as exc:
            # Nothing half written may stand before what follows.
            self._is_broken = True
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, end)
                os.lseek(self._handle, end, os.SEEK_SET)
                self._is_broken = False
            raise SpoolError(f"{self.path}: {exc.strerror or exc}") from exc
        if is_urgent:
            self._sync()
        for record in records:
            self._take(record)

    def _sync(self) -> None:
        try:
            os.fsync(self._handle)
        except OSError as exc:
            # After a failed sync nobody knows what the disk has: only what is read anew is sure.
            self._is_broken = True
            raise SpoolError(f"{self.path}: {exc.strerror or exc}") from exc

    def _is_due(self) -> bool:
        size = os.lseek(self._handle, 0, os.SEEK_CUR)
        if not self._waiting:
            return size > MAX_IDLE_BYTES
        return size > MAX_WASTE_BYTES and len(self._waiting) * 4 < self._entry_count

    def _begin_anew(self) -> None:
        """Write what waits into a new file, which takes the place of the old one at once."""
        draft = self.path.with_name(self.path.name + ".new")
        try:
            draft.unlink(missing_ok=True)
            handle = _private(draft)
        except OSError:
            return  # the old one does as well
        try:
            for key, call in self._waiting.items():
                _write_all(handle, _line({"add": key, "call": call}))
            os.fsync(handle)
            draft.replace(self.path)
        except OSError:
            os.close(handle)
            return
        _sync_folder(self.path)
        os.close(self._handle)
        self._handle, self._entry_count = handle, len(self._waiting)

    def _set_aside(self, rows: Iterable[Mapping[str, Any]]) -> None:
        at = datetime.now(timezone.utc).isoformat(timespec="seconds")
        content = b"".join(to_json({"at": at, **row}) + b"\n" for row in rows)
        if not content:
            return
        try:
            handle = _private(self.refused_path)
            try:
                os.lseek(handle, 0, os.SEEK_END)
                _write_all(handle, content)
                os.fsync(handle)
            finally:
                os.close(handle)
            _sync_folder(self.refused_path)
        except OSError as exc:
            raise SpoolError(f"{self.refused_path}: {exc.strerror or exc}") from exc


def _line(record: Mapping[str, Any]) -> bytes:
    text = to_json(record)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _lines(path: Path) -> Iterator[tuple[int, bytes, dict[str, Any] | None]]:
    """Yield the place of each line, the line, and its record; None for one that is not whole."""
    start = 0
    with path.open("rb") as file:
        for raw in file:
            yield start, raw, _record(raw)
            start += len(raw)


def _record(raw: bytes) -> dict[str, Any] | None:
    mark, text = raw[:CHECKSUM_DIGITS], raw[CHECKSUM_DIGITS + 1 : -1]
    if not raw.endswith(b"\n") or mark != b"%08x" % zlib.crc32(text):
        return None
    record = json.loads(text)
    return record if isinstance(record, dict) else None


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file of plain JSON lines that are whole."""
    if not path.exists():
        return
    for raw in path.read_bytes().splitlines():
        try:
            record = json.loads(raw)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def _private(path: Path) -> int:
    """Open a file for reading and writing, made for the owner alone where it is not there."""
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _write_all(handle: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _sync_folder(path: Path) -> None:
    """Let the disk have the folder's entry for *path*."""
    if sys.platform == "win32":
        return  # it has no such thing
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lock(path: Path) -> IO[bytes]:
    """Lock a file until it is closed, or the process ends in whatever way."""
    file = os.fdopen(_private(path), "r+b")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise SpoolLocked(f"{path}: another program has this spool") from None
    return file
