"""What goes on at the same time under a long load: programs, readers, strangers, an operator."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.ops.soak_samples import Sampler
from tests.support.installation import DIRECT, PASSWORDS, Installation
from tests.support.pipelines import do, rows
from tests.support.selling import USED, link, make_distributor, make_pipeline, new_key, post

API = "/pipeline_dist/v1"
PAGES = (
    "/index.ui", "/dashboard.ui", "/healthz", "/readyz", "/whoami.dspy",
    "/pipeline_core/pipelines/get_pipelines.dspy",
    "/pipeline_dist/distributors/get_distributors.dspy",
    "/pipeline_ops/pipeline_usage_log/get_pipeline_usage_log.dspy",
    "/pipeline_ops/pipeline_pricing/get_pipeline_pricing.dspy",
    "/app_audit/get_app_audit.dspy",
)  # fmt: skip
# A report of the day that runs reads all of its lines, which are more by the minute; that of days
# that are over does not change.
QUESTIONS = (
    "/me",
    "/pipelines",
    "/usage?group_by=day&month={month}",
    "/statements",
    "/usage?rows=20&month={month}",
)
# What is refused must leave nothing behind either: address, status.
STRANGE = (
    ("/pipeline_dist/v1/nothing", 404), ("/pipeline_dist/v1/calls", 401), ("/nowhere.ui", 401),
    ("/pipeline_core/pipelines/get_pipelines.dspy", 401),
)  # fmt: skip
DISTRIBUTORS, PROGRAMS = 3, 6
# From one call of a program to its next one: so fast that the remembered places of calls, 10,000 in
# a worker, are full before the warm-up of an hour is over.
CALL_SECONDS, PAGE_SECONDS, ADMIN_SECONDS = 0.25, 0.2, 10.0


@dataclass(slots=True)
class Load:
    """The load while it runs."""

    installation: Installation
    sampler: Sampler
    end: float
    keys: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    def is_over(self) -> bool:
        """Return whether the time is over."""
        return time.monotonic() >= self.end

    def client(self, **options: Any) -> httpx.AsyncClient:
        """Return a client with connections of its own."""
        return httpx.AsyncClient(
            base_url=self.installation.base_url, timeout=30, **DIRECT, **options
        )

    async def ask(
        self, kind: str, client: httpx.AsyncClient, good: int, method: str, path: str, **about: Any
    ) -> httpx.Response | None:
        """Do one request and count it; None where it failed. What is refused for now is asked
        again."""
        for _ in range(5):
            start = time.perf_counter()
            try:
                answer = await client.request(method, path, **about)
            except httpx.HTTPError as exc:
                self.failures[f"{kind}: {type(exc).__name__}"] += 1
                return None
            self.sampler.note(kind, (time.perf_counter() - start) * 1000)
            if answer.status_code == good:
                self.counts[kind] += 1
                return answer
            if answer.status_code not in (429, 503):
                break
            self.counts[f"refused by {answer.status_code}"] += 1
            await asyncio.sleep(float(answer.headers.get("Retry-After", 1)))
        self.failures[f"{kind} {path}: {answer.status_code} {answer.text[:80]}"] += 1
        return None


async def pace(load: Load, seconds: float) -> None:
    """Return in *seconds*, or when the time is over."""
    await asyncio.sleep(max(0.0, min(seconds, load.end - time.monotonic())))


async def book(load: Load, client: httpx.AsyncClient, code: str, name: str) -> None:
    """Begin and end calls as one program of the distributor *code* does."""
    number = 0
    while not load.is_over():
        number += 1
        began_at = time.monotonic()
        headers = {"Authorization": f"Bearer {load.keys[code]}"}
        answer = await load.ask(
            "begin", client, 201, "POST", f"{API}/calls",
            json={"pipeline": "soak"}, headers=headers | {"Idempotency-Key": f"{name}-{number}"},
        )  # fmt: skip
        if answer is not None:
            end = {"status": "succeeded", "lines": USED, "call_no": answer.json()["call_no"]}
            await load.ask(
                "finish", client, 200, "POST", f"{API}/calls/finish", json=end, headers=headers
            )
        await pace(load, CALL_SECONDS - (time.monotonic() - began_at))


async def question(load: Load, client: httpx.AsyncClient, chance: random.Random) -> None:
    """Ask what programs ask beside their calls."""
    month = _last_month()
    while not load.is_over():
        key = chance.choice(list(load.keys.values()))
        headers = {"Authorization": f"Bearer {key}"}
        await load.ask(
            "question",
            client,
            200,
            "GET",
            API + chance.choice(QUESTIONS).format(month=month),
            headers=headers,
        )
        await pace(load, PAGE_SECONDS)


async def read(load: Load, client: httpx.AsyncClient, chance: random.Random) -> None:
    """Read pages."""
    while not load.is_over():
        await load.ask("page", client, 200, "GET", chance.choice(PAGES))
        await pace(load, PAGE_SECONDS)


async def stray(load: Load, chance: random.Random) -> None:
    """Ask for what is refused, sign in and out, leave before the answer: by new connections."""
    while not load.is_over():
        async with load.client() as client:
            path, status = chance.choice(STRANGE)
            await load.ask("refusal", client, status, "GET", path)
            form = {"username": "viewer", "password": PASSWORDS["viewer"]}
            if await load.ask("signing in", client, 200, "POST", "/login.dspy", json=form):
                await load.ask("signing out", client, 200, "POST", "/logout.dspy")
            with_key = {"Authorization": f"Bearer {chance.choice(list(load.keys.values()))}"}
            try:
                async with asyncio.timeout(chance.random() * 0.01):
                    await client.get(f"{API}/usage?month={_last_month()}", headers=with_key)
            except (TimeoutError, httpx.HTTPError):
                load.counts["left early"] += 1
        await pace(load, 5)


async def operate(
    load: Load, admin: httpx.Client, pipeline: dict[str, Any], distributors: list[dict[str, Any]]
) -> None:
    """Publish, rotate keys and close months, as administrators do."""
    number = 0
    while not load.is_over():
        number += 1
        await asyncio.to_thread(_operate_once, load, admin, pipeline, distributors, number)
        await pace(load, ADMIN_SECONDS)


def _operate_once(
    load: Load, admin: httpx.Client, pipeline: dict[str, Any], distributors: list[dict[str, Any]],
    number: int,
) -> None:  # fmt: skip
    try:
        (step,) = rows(admin, "pipeline_steps", pipeline_id=pipeline["id"])
        which = {"id": step["id"], "lock_version": step["lock_version"]}
        do(admin, "pipeline_steps_update", **which, name=f"Answer {number}")
        post(
            admin, "/pipeline_core/api/pipeline_publish.dspy",
            pipeline_id=pipeline["id"], notes=f"number {number}",
        )  # fmt: skip
        load.counts["publish"] += 1
        # A key is rotated with grace, so that requests on their way are let in; not twice an hour.
        if number <= len(distributors):
            distributor = distributors[number - 1]
            load.keys[distributor["code"]] = new_key(admin, distributor, grace_hours=1)
        other = make_distributor(admin, f"closes-{number}")
        new_key(admin, other)
        new_key(admin, other, grace_hours=1)
        load.counts["rotation"] += 1
        post(
            admin, "/pipeline_dist/api/statement_close.dspy",
            distributor_id=other["id"], month=_last_month(),
        )  # fmt: skip
        load.counts["closing"] += 1
    except (AssertionError, httpx.HTTPError) as exc:
        load.failures[f"operator: {str(exc)[:120]}"] += 1


def _last_month() -> str:
    year, month = time.gmtime()[:2]
    return f"{year - 1}-12" if month == 1 else f"{year}-{month - 1:02}"


async def run(installation: Installation, seconds: float, watch: Any) -> Load:
    """Load the workers for so long, with `watch(load)` beside it."""
    admin = installation.admin
    pipeline = make_pipeline(admin, "soak", max_concurrency=1000)
    distributors = [make_distributor(admin, f"soak-{number}") for number in range(DISTRIBUTORS)]
    load = Load(installation, Sampler(installation), time.monotonic() + seconds)
    for one in distributors:
        link(admin, one, pipeline)
        load.keys[one["code"]] = new_key(admin, one)
    async with load.client() as client, load.client(cookies=admin.cookies) as reader:
        await asyncio.gather(
            *(
                book(load, client, distributors[number % DISTRIBUTORS]["code"], f"program-{number}")
                for number in range(PROGRAMS)
            ),
            question(load, client, random.Random(1)),
            read(load, reader, random.Random(2)),
            stray(load, random.Random(3)),
            operate(load, admin, pipeline, distributors),
            watch(load),
        )
    return load
