"""A worker process as its parent has it: the process, and the line on which both send words."""

import asyncio
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

# What a worker says: that it is made and waits, that it listens, and that it lives.
PREPARED, LISTENING, BEAT = "prepared", "listening", "beat"
BEAT_SECONDS = 1.0
_MAX_WORD = 4096


class Child:
    """One worker process; `heard_at` is when it last gave a sign of life."""

    def __init__(self, number: int, root: Path, log_start: int) -> None:
        self.number = number
        self.root = root
        self.log_start = log_start
        self.began_at = self.heard_at = time.monotonic()
        self.words: set[str] = set()
        self.end_by: float | None = None
        self._channel, self._other_end = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process's number."""
        assert self._process is not None
        return self._process.pid

    def spawn(self, argv: Sequence[str], env: Mapping[str, str], log: Path, listener: int) -> None:
        """Start the process, its output appended to *log*, with the socket *listener*; raises
        OSError."""
        descriptor = self._other_end.fileno()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*argv, "--listener", str(listener), "--parent", str(descriptor)],
                env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                pass_fds=(listener, descriptor), start_new_session=True,
            )  # fmt: skip
        self._other_end.close()

    def listen(self, on_word: Callable[[], None]) -> None:
        """Take in what it says, and call *on_word* each time."""

        def take_in() -> None:
            try:
                word = self._channel.recv(_MAX_WORD).decode("ascii", "replace")
            except BlockingIOError:
                return
            except OSError:
                word = ""
            if word:
                self.heard_at = time.monotonic()
                self.words.add(word)
            else:
                asyncio.get_running_loop().remove_reader(self._channel)
            if word != BEAT:
                on_word()

        asyncio.get_running_loop().add_reader(self._channel, take_in)

    def tell(self, **message: Any) -> None:
        """Send *message*; one that does not listen misses it."""
        with suppress(OSError):
            self._channel.send(json.dumps(message).encode())

    def has_ended(self) -> bool:
        """Return whether the process has ended; reaps it then."""
        return self._process is None or self._process.poll() is not None

    @property
    def status(self) -> int | None:
        """Return its exit status, negative for a signal; None while it runs."""
        return None if self._process is None else self._process.returncode

    def signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if not self.has_ended():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def close(self) -> None:
        """Close the line; it has ended, or is not ours any more."""
        with suppress(RuntimeError):
            asyncio.get_running_loop().remove_reader(self._channel)
        self._channel.close()
        self._other_end.close()
