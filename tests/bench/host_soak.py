"""
Whether a worker stays as it is under a long load: memory, connections, and what rights cost.

    py3/bin/python tests/bench/host_soak.py [--requests 1000000] [--write]

One worker; a million requests of three kinds with 32 clients, then 60 s in which a third of the
requests is given up by the client in mid-flight; then the connections open on the database are
counted. The share of the rights check is timed in this process, on the same tables.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from app.access.rbac import SageRbac  # noqa: E402
from app.db.pool import pools  # noqa: E402
from tests.bench.host import make_cases, prepare  # noqa: E402
from tests.bench.load import drive, get, machine, need_compiler, write_requests  # noqa: E402
from tests.bench.report import put_section  # noqa: E402
from tests.support.installation import Installation  # noqa: E402

CLIENTS = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--cancel-seconds", type=int, default=60)
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    need_compiler()
    with tempfile.TemporaryDirectory(prefix="pipeline-soak-") as folder:
        installation = prepare(Path(folder))
        try:
            installation.start(workers=1)
            text = soak(installation, arguments)
        finally:
            installation.stop()
            installation.mariadb.stop()
    sys.stdout.write(text)
    if arguments.write:
        put_section(ROOT / "docs" / "performance.md", "host-soak", text)


def soak(installation: Installation, arguments: argparse.Namespace) -> str:
    cases = make_cases(installation)
    pid = next(iter(installation.workers.running().values()))
    requests, sizes, cpu = 0, [], 0.0
    while requests < arguments.requests:
        for case in cases:
            # Lists are slow; most of a million are the quick kinds, as in life.
            seconds = 1 if case.name.startswith("list") else 5
            file = installation.var_dir / "requests"
            write_requests(file, [get(case.ours, case.headers)])
            run = drive(installation.base_url, file, clients=CLIENTS, seconds=seconds, pids=[pid])
            if run.errors:
                raise SystemExit(f"{run.errors} errors of {case.name}")
            requests += int(run.per_second * seconds)
            cpu = run.cpu_us if case.name.endswith("logged in") else cpu
            sizes.append((requests, resident_mb(pid)))
        sys.stderr.write(f"{requests:,} requests, {sizes[-1][1]:.1f} MB\n")
    asyncio.run(
        give_up(installation.base_url + cases[3].ours, cases[3].headers, arguments.cancel_seconds)
    )
    time.sleep(3)
    user = installation.settings.pipeline_database.user
    open_now = installation.query(
        "select count(*) as n from information_schema.processlist"
        " where user = %s and id <> connection_id()",
        user,
    )[0]["n"]
    pool = installation.settings.options.pool_size
    early = next(size for count, size in sizes if count >= min(50_000, requests))
    rights_us = asyncio.run(rights_cost(installation))
    return "\n".join(
        [
            f"{machine()}; {CLIENTS} clients, one worker.",
            "",
            f"- memory: {early:.1f} MB after 50,000 requests, {sizes[-1][1]:.1f} MB after"
            f" {sizes[-1][0]:,}, {resident_mb(pid):.1f} MB after the cancelled ones",
            f"- connections open afterwards: {open_now} (two pools of at most {pool} each)",
            f"- rights: {rights_us:.2f} µs of {cpu:.0f} µs CPU a logged-in request"
            f" ({rights_us / cpu:.1%})",
            "",
        ]
    )


def resident_mb(pid: int) -> float:
    """Memory of process *pid* that is in RAM, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


async def give_up(url: str, headers: dict[str, str], seconds: int) -> None:
    """Ask for *url* again and again from 32 clients; every third time leave before the answer."""
    from urllib.parse import urlsplit

    place = urlsplit(url)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = (
        f"GET {place.path}?{place.query} HTTP/1.1\r\nHost: {place.netloc}\r\n"
        f"Connection: close\r\n{lines}\r\n"
    ).encode()
    end = time.monotonic() + seconds

    async def client(number: int) -> None:
        chance = random.Random(number)
        while time.monotonic() < end:
            reader, writer = await asyncio.open_connection(place.hostname, place.port)
            writer.write(request)
            if chance.random() < 1 / 3:
                await asyncio.sleep(chance.random() * 0.02)
                writer.transport.abort()
                continue
            await reader.read()
            writer.close()

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))


async def rights_cost(installation: Installation) -> float:
    """Microseconds that looking up user and rights takes when they are remembered."""
    installation.adopt()
    rbac = SageRbac()
    user_id = installation.query("select id from users limit 1", database="sage")[0]["id"]
    count = 20_000
    await rbac.user(user_id)
    await rbac.rights()
    start = time.perf_counter()
    for _ in range(count):
        user = await rbac.user(user_id)
        assert user is not None
        (await rbac.rights()).allows(
            user.actor.roles, "/pipeline_core/pipelines/get_pipelines.dspy"
        )
    seconds = time.perf_counter() - start
    await pools().close()
    return seconds / count * 1e6


if __name__ == "__main__":
    main()
