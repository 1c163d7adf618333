"""
Processes that outlive the command that started them: pid files, looking, ending.

A pid file can outlive a reboot and then name a stranger. So a recorded pid counts as ours only
while its command line holds a mark that belongs to us, and nothing is ever ended by name.
"""

import errno
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path


def command_line(pid: int) -> str:
    """Return the command line of *pid*, words separated by blanks; "" when there is no such
    process."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        if Path("/proc/self/cmdline").exists():
            return ""
        # No /proc, as on macOS.
        process = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return process.stdout.strip()
    return raw.replace(b"\0", b" ").decode("utf-8", "replace").strip()


def recorded_pid(pid_file: Path, mark: str) -> int | None:
    """Return the pid in *pid_file* while that process lives and its command line holds *mark*."""
    try:
        pid = int(pid_file.read_text("ascii").strip())
    except (OSError, ValueError):
        return None
    return pid if pid > 0 and mark in command_line(pid) else None


def pids_of(options: Sequence[str], script: str) -> list[int]:
    """
    Return the pids of this user's processes that are Python with exactly these *options* before a
    path that ends in *script*: not of those that merely name them, such as an editor or `grep`.
    """
    sought_words = [os.fsencode(word) for word in options]
    pids = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (place / "cmdline").read_bytes().split(b"\0")
            behind = 1 + len(sought_words)
            if (
                words[1:behind] == sought_words
                and len(words) > behind
                and words[behind].endswith(os.fsencode(script))
                and place.stat().st_uid == os.geteuid()
            ):
                pids.append(int(place.name))
    return sorted(pids)


def record_pid(pid_file: Path, pid: int) -> None:
    """
    Write *pid* to *pid_file* in one step, so that nobody reads half a number; raises OSError.

    On a full disk an older file has room for it still.
    """
    fresh = pid_file.with_name(f"{pid_file.name}.new")
    text = f"{pid}\n"
    try:
        fresh.write_text(text, "ascii")
        fresh.replace(pid_file)
    except OSError as exc:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        if exc.errno != errno.ENOSPC or not _overwrite(pid_file, text):
            raise


def _overwrite(file: Path, text: str) -> bool:
    """Put *text* in the place of what *file* begins with; False where it is not long enough."""
    with suppress(OSError), file.open("r+b", buffering=0) as stream:
        size = os.fstat(stream.fileno()).st_size
        return size > 0 and stream.write(text.encode().ljust(size)) >= len(text)
    return False


def spawn(argv: Sequence[str], log: Path, env: Mapping[str, str] = os.environ) -> int:
    """
    Start a process that outlives this one, its output appended to *log*; returns its pid.

    A session of its own, so that Ctrl-C at the terminal that started it does not reach it.
    """
    append = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    pid = os.posix_spawn(
        argv[0],
        list(argv),
        dict(env),
        setsid=True,
        setsigdef=[signal.SIGPIPE, signal.SIGINT],
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o640),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )
    # For a moment the new process has no command line yet, and would be taken for an ended one.
    wait_until(lambda: bool(command_line(pid)) or _is_zombie(pid), 5, pause=0.001)
    return pid


def _is_zombie(pid: int) -> bool:
    """Return whether the child *pid* has ended and was not reaped; leaves it so."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def has_ended(pid: int) -> bool:
    """Return whether the process *pid*, started by this one, has ended; reaps it then."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return not command_line(pid)


def wait_until(true: Callable[[], bool], seconds: float, *, pause: float = 0.1) -> bool:
    """Ask *true* again and again for at most *seconds*; its last answer."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
    return True


def end(pids: dict[int, str], seconds: float) -> list[int]:
    """
    Ask the processes to end, wait *seconds* for all together, then insist.

    *pids* maps each pid to the mark its command line must hold. Returns those that had to be
    killed.
    """

    def living() -> list[int]:
        return [pid for pid, mark in pids.items() if mark in command_line(pid)]

    for pid in living():
        _signal(pid, signal.SIGTERM)
    wait_until(lambda: not living(), seconds)
    stubborn = living()
    for pid in stubborn:
        _signal(pid, signal.SIGKILL)
    wait_until(lambda: not living(), 10)
    return stubborn


def _signal(pid: int, number: signal.Signals) -> None:
    # It may end by itself in between, which is what is meant to happen.
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def last_lines(path: Path, count: int = 20, since: int = 0) -> str:
    """Return the last *count* lines of *path* that stand after byte *since*; "" without such a
    file."""
    try:
        with path.open("rb") as file:
            file.seek(since)
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])


def listening_problem(host: str, port: int) -> OSError | None:
    """
    Why nothing could listen on *host*:*port* now, or None when it is free.

    Tried without SO_REUSEPORT: with it, a forgotten copy of this program would not be noticed,
    and the two would share the requests.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as problem:
        return problem
    return None


def free_port() -> int:
    """Return a loopback port that nobody uses at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
