"""The lock of a run-time folder: whoever starts, stops or rotates secrets is alone there."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.runtime import processes
from app.runtime.terminal import CommandError, print_message

_LOCK_SECONDS = 300


@contextmanager
def start_lock(var_dir: Path) -> Iterator[None]:
    """One start.sh or stop.sh at a time for a run-time folder."""
    with (var_dir / "run" / "start.lock").open("a") as lock:

        def try_lock() -> bool:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        if not try_lock():
            print_message(
                "Waiting for another start.sh or stop.sh of this folder.",
                "等待本目录的另一个 start.sh 或 stop.sh 结束。",
            )
            if not processes.wait_until(try_lock, _LOCK_SECONDS):
                raise CommandError(
                    f"Another start.sh or stop.sh has been at work here for {_LOCK_SECONDS} s. "
                    "Look what it waits for, then try again.",
                    f"另一个 start.sh 或 stop.sh 已占用 {_LOCK_SECONDS} 秒，请检查后重试。",
                )
        yield
