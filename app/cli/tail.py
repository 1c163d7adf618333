"""`manage.py tail`: what all workers log, in the order of time, from now on or from the end."""

import argparse
import heapq
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from app.base.logs import single_line, time_text
from app.runtime.run_folder import var_folder
from app.runtime.terminal import CommandError

PAUSE_SECONDS = 0.2
# A worker writes the lines of its requests a little later; those of others wait for them.
HELD_SECONDS = 1.0
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
PATTERNS = ("worker-*.log", "parent.log")
_END_BYTES = 2**20
# Told before the rest, or in the head of a readable line.
_HEAD = ("at", "level", "log", "action", "message", "method", "path", "status", "ms", "error")
_NEVER_SHOWN = ("endpoint",)
_CONTROL = re.compile(r"[\x00-\x1f]")


@dataclass(frozen=True)
class Filter:
    """Which lines are shown; None and '' let all through."""

    level: str = "DEBUG"
    request_id: str | None = None
    distributor: str | None = None
    path: str | None = None

    def lets_through(self, record: dict[str, Any]) -> bool:
        """Return whether *record* is to be shown."""
        level = record.get("level")
        if level in LEVELS and LEVELS.index(level) < LEVELS.index(self.level):
            return False
        if self.request_id and record.get("request_id") != self.request_id:
            return False
        if self.distributor and self.distributor not in (
            record.get("distributor"), record.get("key"),
        ):  # fmt: skip
            return False
        return not self.path or str(record.get("path", "")).startswith(self.path)


@dataclass(order=True)
class Entry:
    """A line, ordered by its time and then as it came."""

    at: str
    number: int
    worker: str = field(compare=False)
    text: str = field(compare=False)
    record: dict[str, Any] = field(compare=False)


class LogReader:
    """One log file, also when it is put aside and begun anew."""

    def __init__(self, path: Path, *, from_start: bool) -> None:
        self.path = path
        self._file = path.open("rb")
        size = path.stat().st_size
        if not from_start and size > _END_BYTES:
            self._file.seek(size - _END_BYTES)
            self._file.readline()
        self._rest = b""
        self._at = ""

    def read(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield what has come: time, text and content of each line. What is no JSON, as a trace of
        the interpreter, has the time of the line before."""
        yield from self._read_open()
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return
        if status.st_ino != _inode(self._file):
            yield from self._read_open()  # what came before it was put aside
            self.close()
            self._file, self._rest = self.path.open("rb"), b""
        elif status.st_size < self._file.tell():
            self._file.seek(0)  # emptied in its place
        yield from self._read_open()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _read_open(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        *complete, self._rest = (self._rest + self._file.read()).split(b"\n")
        for data in complete:
            text = data.decode("utf-8", "replace")
            try:
                record = json.loads(text)
            except ValueError:
                record = {"message": text}
            if not isinstance(record, dict):
                record = {"message": text}
            self._at = str(record.get("at") or self._at)
            yield self._at, text, record


def _inode(file: Any) -> int:
    return os.fstat(file.fileno()).st_ino


class Logs:
    """The log files of all workers of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._readers: dict[Path, LogReader] = {}
        self._waiting: list[Entry] = []
        self._count = 0

    def take_in(self) -> None:
        """Read what has come, of workers that are new too."""
        is_first = not self._readers
        for path in sorted(path for pattern in PATTERNS for path in self._folder.glob(pattern)):
            if path not in self._readers:
                self._readers[path] = LogReader(path, from_start=not is_first)
        for path, reader in self._readers.items():
            for at, text, record in reader.read():
                self._count += 1
                heapq.heappush(self._waiting, Entry(at, self._count, path.stem, text, record))

    def entries(self, until: str | None = None) -> Iterator[Entry]:
        """Yield in order what has come with a time up to *until*; None: all."""
        while self._waiting and (until is None or self._waiting[0].at <= until):
            yield heapq.heappop(self._waiting)

    def close(self) -> None:
        """Let go of the files."""
        for reader in self._readers.values():
            reader.close()


def run_command(argv: list[str]) -> int:
    """Show the last lines of all workers' logs, and what comes until it is ended."""
    arguments = _parser().parse_args(argv)
    folder = var_folder() / "logs"
    if not folder.is_dir():
        raise CommandError(
            f"There are no logs in {folder}. Run start.sh first, or name the run-time folder by "
            "PIPELINE_VAR.",
            f"{folder} 中没有日志。请先运行 start.sh，或用 PIPELINE_VAR 指定运行目录。",
        )
    condition = Filter(
        arguments.level.upper(), arguments.request, arguments.distributor, arguments.path
    )
    logs = Logs(folder)
    try:
        _show(logs, condition, arguments)
    except KeyboardInterrupt:
        pass  # how it ends
    except BrokenPipeError:
        sys.stderr.close()  # whoever read has gone; Python would complain of it
    finally:
        logs.close()
    return 0


def _show(logs: Logs, condition: Filter, arguments: argparse.Namespace) -> None:
    logs.take_in()
    entries = [entry for entry in logs.entries() if condition.lets_through(entry.record)]
    count = arguments.lines
    _write(entries[-count:] if count else (), sys.stdout, as_json=arguments.json)
    while not arguments.no_follow:
        time.sleep(PAUSE_SECONDS)
        logs.take_in()
        come = logs.entries(time_text(time.time() - HELD_SECONDS))
        _write(filter(lambda entry: condition.lets_through(entry.record), come), sys.stdout,
               as_json=arguments.json)  # fmt: skip


def _write(entries: Iterable[Entry], output: TextIO, *, as_json: bool) -> None:
    for entry in entries:
        if as_json:
            text = json.dumps({"worker": entry.worker, **entry.record}, ensure_ascii=False)
            output.write(f"{single_line(text)}\n")
        else:
            output.write(f"{readable(entry)}\n")
    output.flush()


def readable(entry: Entry) -> str:
    """Return a line for a person: time, worker, level, what happened, the rest as name=value."""
    record = entry.record
    if "at" not in record:
        return f"{entry.worker}  {_harmless(entry.text)}"
    if record.get("action") == "request":
        what = f"{record.get('method')} {record.get('path')} {record.get('status')}"
        what += f" {record.get('ms')} ms"
    else:
        what = f"{record.get('message')} [{record.get('action') or record.get('log')}]"
    rest = [
        f"{name}={value}"
        for name, value in record.items()
        if name not in _HEAD and name not in _NEVER_SHOWN
    ]
    words = [record["at"], entry.worker, f"{record.get('level'):<7}", what, *rest]
    trace = str(record.get("error") or "")
    return "\n".join(map(_harmless, [" ".join(words), *trace.splitlines()]))


def _harmless(text: str) -> str:
    """Return *text* without what a terminal would obey."""
    return single_line(_CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage.py tail",
        description="Show and follow the log of all workers, by time. "
        "按时间合并显示并跟踪各工作进程的日志。",
    )
    parser.add_argument(
        "--level", default="DEBUG", type=str.upper, choices=LEVELS,
        help="from this level on / 最低级别",
    )  # fmt: skip
    parser.add_argument("--request", metavar="ID", help="of one X-Request-Id / 某个请求")
    parser.add_argument(
        "--distributor", metavar="CODE", help="by its code or a key's prefix / 分销商代码或密钥前缀"
    )
    parser.add_argument("--path", metavar="PREFIX", help="of paths that begin so / 路径前缀")
    parser.add_argument("--json", action="store_true", help="as JSON lines / 输出 JSON")
    parser.add_argument(
        "-n", "--lines", type=int, default=20, metavar="N", help="so many of before / 先显示的行数"
    )
    parser.add_argument("--no-follow", action="store_true", help="end then / 显示后结束，不再跟踪")
    return parser
