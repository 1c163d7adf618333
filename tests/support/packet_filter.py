"""
The packet filter of this machine, to cut one database node off from the others.

Only packets of that node's group connections are dropped, by their ports, and the rules are taken
away again whatever happens.
"""

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_COMMAND = ["iptables", "--wait", "5"]


def refusal() -> str:
    """Why no packet may be dropped here; empty where it is allowed."""
    if shutil.which("iptables") is None:
        return "needs the package iptables"
    process = subprocess.run(
        [*_COMMAND, "-C", "INPUT", "-i", "lo", "-j", "DROP"], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    # What is asked for is not there: 1. Without the right to ask: another code.
    return "" if process.returncode == 1 else f"no packet filter: {process.stderr.strip()}"


@contextmanager
def cut_off(pid: int, own_port: int, other_ports: Iterable[int]) -> Iterator[None]:
    """Drop all packets between the process *pid*, which listens on *own_port*, and those that
    listen on *other_ports*; nobody connects anew to these meanwhile."""
    ports = [own_port, *_ports_towards(pid, set(other_ports))]
    rules = [[f"--{side}port", str(port)] for port in ports for side in ("s", "d")]
    rules += [["--dport", str(port), "--syn"] for port in other_ports]
    added: list[list[str]] = []
    try:
        for rule in rules:
            _change("-I", rule)
            added.append(rule)
        yield
    finally:
        for rule in added:
            _change("-D", rule)


def _change(how: str, rule: list[str]) -> None:
    subprocess.run(
        [*_COMMAND, how, "INPUT", "-i", "lo", "-p", "tcp", *rule, "-j", "DROP"],
        check=True, capture_output=True,
    )  # fmt: skip


def _ports_towards(pid: int, ports: set[int]) -> list[int]:
    """Return the ports from which the process is connected to *ports*."""
    sockets = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(str(entry.readlink()))
        except FileNotFoundError:  # closed meanwhile
            continue
    own = []
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        fields = line.split()
        local, remote = (int(fields[n].rpartition(":")[2], 16) for n in (1, 2))
        if remote in ports and f"socket:[{fields[9]}]" in sockets:
            own.append(local)
    return own
