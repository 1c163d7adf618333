"""
Lines that are written some at a time, by a thread: a disk that stands still keeps no request
waiting.

The lines are made by who has them; a thread that ran Python of its own would take the interpreter
from the event loop for milliseconds at a time. It only writes, and lets go of it for that.
"""

import asyncio
import json
import queue
import threading
import time

from app.base.log_file import LogFile
from app.base.logs import time_text

# Each time the thread takes the interpreter for a moment: not more often than people need.
FLUSH_SECONDS = 0.5
# What waits beyond this is let go, and how many lines that were is told in the file.
MAX_WAITING = 64 * 2**20
END_SECONDS = 5.0


class LineBuffer:
    """Lines of one event loop on their way to a file."""

    def __init__(self, file: LogFile) -> None:
        self._file = file
        self._texts: list[str] = []
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        # Bytes in the queue; what one thread adds and the other takes off.
        self._bytes_in, self._bytes_out = 0, 0
        self._lost_count = 0
        self._thread: threading.Thread | None = None

    def add(self, text: str) -> None:
        """Write *text*, which ends with a line break, within FLUSH_SECONDS."""
        if not self._texts:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        self._texts.append(text)

    def flush(self) -> None:
        """Hand on what has come."""
        if not self._texts:
            return
        count, data = len(self._texts), "".join(self._texts).encode()
        self._texts.clear()
        if self._bytes_in - self._bytes_out + len(data) > MAX_WAITING:
            self._lost_count += count
            return
        if self._lost_count:
            data = _loss(self._lost_count) + data
            self._lost_count = 0
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="log", daemon=True)
            self._thread.start()
        self._bytes_in += len(data)
        self._queue.put(data)

    def close(self) -> None:
        """Write what is left; waits END_SECONDS at most."""
        self.flush()
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(END_SECONDS)
            self._thread = None

    def _write(self) -> None:
        while (data := self._queue.get()) is not None:
            self._file.write(data)
            self._bytes_out += len(data)


def _loss(count: int) -> bytes:
    text = json.dumps(
        {
            "at": time_text(time.time()), "level": "WARNING", "log": "pipeline.log",
            "action": "lines_lost", "count": count, "message": "the disk was too slow for the log",
        }
    )  # fmt: skip
    return f"{text}\n".encode()
