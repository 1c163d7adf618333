"""Driving a server with wrk (Debian's package `wrk`) and reading what it says."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Measured:
    """One timed run: requests a second, latencies, processor time of the server a request."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    errors: int


def need_wrk() -> str:
    """Where wrk is; ends the script with what to install when there is none."""
    path = shutil.which("wrk")
    if path is None:
        raise SystemExit("This benchmark drives its servers with wrk: apt-get install wrk")
    return path


def drive(
    url: str,
    pid: int,
    *,
    clients: int,
    seconds: int,
    headers: dict[str, str] | None = None,
    script: Path | None = None,
) -> Measured:
    """Send requests to *url* from *clients* connections; *pid* is the server's process."""
    argv = [need_wrk(), "-t1", f"-c{clients}", f"-d{seconds}s", "--latency"]
    for name, value in (headers or {}).items():
        argv += ["-H", f"{name}: {value}"]
    if script is not None:
        argv += ["-s", str(script)]
    before = cpu_seconds(pid)
    process = subprocess.run([*argv, url], capture_output=True, text=True, check=True).stdout
    seconds_of_cpu = cpu_seconds(pid) - before
    count = int(_first_group(r"(\d+) requests in", process))
    errors = int(_first_group(r"Non-2xx or 3xx responses: (\d+)", process, "0"))
    return Measured(
        float(_first_group(r"Requests/sec:\s+([\d.]+)", process)),
        _ms(_first_group(r"50%\s+([\d.]+\w+)", process)),
        _ms(_first_group(r"99%\s+([\d.]+\w+)", process)),
        seconds_of_cpu * 1e6 / max(count, 1),
        errors,
    )


def cpu_seconds(pid: int) -> float:
    """Processor time that process *pid* has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def middle(runs: list[Measured]) -> Measured:
    """The medians of several runs."""
    return Measured(
        median(run.per_second for run in runs),
        median(run.p50_ms for run in runs),
        median(run.p99_ms for run in runs),
        median(run.cpu_us for run in runs),
        sum(run.errors for run in runs),
    )


def machine() -> str:
    """What the figures were measured on."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{os.cpu_count()} cores of {model}; load before the run {os.getloadavg()[0]:.2f}"


def _first_group(pattern: str, text: str, default: str | None = None) -> str:
    match = re.search(pattern, text)
    if match:
        return match.group(1)
    if default is None:
        raise SystemExit(f"wrk said something unexpected:\n{text}")
    return default


def _ms(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS[unit]
