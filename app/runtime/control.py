"""How start.sh, stop.sh and commands speak with the parent process: a socket in `<var>/run`."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.runtime.terminal import CommandError

SOCKET_NAME = "parent.sock"
ANSWER_SECONDS = 10
_MAX_ANSWER = 1 << 20


@contextmanager
def socket_path(run_dir: Path) -> Iterator[str]:
    """Yield a short name of the socket: the kernel takes no more than 107 bytes, which a run-time
    folder's path may exceed. Raises OSError."""
    folder = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET_NAME}"
    finally:
        os.close(folder)


def listen(run_dir: Path) -> socket.socket:
    """Return the parent's end; raises OSError. Only the folder's owner gets there."""
    listener = socket.socket(socket.AF_UNIX)
    with socket_path(run_dir) as path:
        Path(path).unlink(missing_ok=True)
        listener.bind(path)
    listener.listen(8)
    listener.setblocking(False)
    return listener


def ask(run_dir: Path, *, seconds: float = ANSWER_SECONDS, **request: Any) -> dict[str, Any] | None:
    """
    Return the parent's answer to *request*, or None where no parent runs.

    Raises CommandError when it runs and does not answer within *seconds*.
    """
    with socket.socket(socket.AF_UNIX) as plug:
        plug.settimeout(seconds)
        try:
            with socket_path(run_dir) as path:
                plug.connect(path)
            plug.sendall(json.dumps(request).encode() + b"\n")
            with plug.makefile("rb") as stream:
                text = stream.readline(_MAX_ANSWER)
        except TimeoutError:
            raise CommandError(
                f"The parent process of {run_dir.parent} does not answer within {seconds:.0f} s. "
                "See logs/parent.log; stop.sh ends it in any case.",
                f"{run_dir.parent} 的父进程在 {seconds:.0f} 秒内没有应答。"
                "请查看 logs/parent.log；stop.sh 一定能结束它。",
            ) from None
        except OSError:
            return None
    if not text:
        return None
    answer: dict[str, Any] = json.loads(text)
    return answer
