"""
What a worker's start costs: processor time up to its first answer, and its memory.

    py3/bin/python tests/bench/start.py [--rounds 7] [--other CHECKOUT] [--write]

A worker is started again and again on a database that runs and is migrated, and asked until it
answers; read then are its processor time, the time on the clock, and its memory: all that is in RAM
(RSS) and what no other process shares (private). `--other` is another built checkout, started in
turn with this one. `--write` puts the figures into docs/performance.md.
"""

import argparse
import http.client
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from app.runtime.processes import free_port  # noqa: E402
from tests.bench.admission_servers import make_database  # noqa: E402
from tests.bench.contests import spread  # noqa: E402
from tests.bench.load import cpu_seconds, machine  # noqa: E402
from tests.bench.report import put_section  # noqa: E402
from tests.support.installation import Installation  # noqa: E402

GOAL = "0.7 s of processor time, 80 MB"
_PATH = "/pipeline_dist/v1/me"


@dataclass(frozen=True)
class Start:
    """One start: seconds of processor and clock to the first answer, memory then in MB."""

    cpu: float
    wall: float
    rss: float
    private: float


def start_once(installation: Installation, checkout: Path) -> Start:
    """Start a worker of *checkout*, wait for its first answer, and end it."""
    port, begin = free_port(), time.monotonic()
    process = subprocess.Popen(
        [str(checkout / "py3/bin/python"), str(checkout / "app/pipeline_app.py")],
        cwd=checkout, env={**installation.env, "PIPELINE_PORT": str(port)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > begin + 120:
                raise SystemExit("the worker did not start")
            time.sleep(0.01)
        wall, cpu = time.monotonic() - begin, cpu_seconds(process.pid)
        memory = _memory(process.pid)
    finally:
        process.terminate()
        process.wait(60)
    private = memory["Private_Clean"] + memory["Private_Dirty"]
    return Start(cpu, wall, memory["Rss"] / 1024, private / 1024)


def _answers(port: int) -> bool:
    """Whether a request without a key is refused as it should be."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", _PATH)
        return connection.getresponse().status == 401
    except OSError:
        return False
    finally:
        connection.close()


def _memory(pid: int) -> dict[str, int]:
    """What /proc says of a process's memory, in KiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(value.split()[0]) for name, value in (line.split(":") for line in lines)}


def run(installation: Installation, checkouts: dict[str, Path], rounds: int) -> str:
    """The figures as a table."""
    starts: dict[str, list[Start]] = {name: [] for name in checkouts}
    for number in range(-1, rounds):
        for name, checkout in checkouts.items():
            one = start_once(installation, checkout)
            if number >= 0:  # the first one writes what Python compiles
                starts[name].append(one)
    lines = [
        "| a worker to its first answer | processor s | clock s | RSS MB | private MB | to reach |",
        "|---|---|---|---|---|---|",
    ]
    for name, some in starts.items():
        lines.append(
            f"| {name} | {spread([one.cpu for one in some], 2)}"
            f" | {spread([one.wall for one in some], 2)} | {spread([one.rss for one in some], 1)}"
            f" | {spread([one.private for one in some], 1)} | {GOAL} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--other", type=Path, help="another built checkout")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    checkouts = {"this": ROOT}
    if arguments.other:
        checkouts["other"] = arguments.other.resolve()
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        before = machine()
        installation = make_database(Path(folder))
        try:
            table = run(installation, checkouts, arguments.rounds)
        finally:
            installation.mariadb.stop()
    text = f"## Start\n\n{before}; {arguments.rounds} starts, medians (least–most).\n\n{table}"
    sys.stdout.write(text)
    if arguments.write:
        put_section(ROOT / "docs" / "performance.md", "start", text)


if __name__ == "__main__":
    main()
