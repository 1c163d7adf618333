"""
What a distributor is told while everything dies: calls, voids and adjustments by many clients, a
reader that follows the feed, and a receiver of webhooks in a process of its own.

Afterwards the ledger says what must have been told, and all three are held against each other.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import httpx

from app.runtime.processes import wait_until
from tests.support.installation import DIRECT, Installation
from tests.support.ports import free_port
from tests.support.shop import Distributor, Pipeline, Shop

CLIENTS = 4
QUOTA = 5
# Calls of one pipeline come to its quota; so many of them one after another.
PIPELINES = 4
ONE = [{"unit": "call", "quantity": 1}]
_EXPECTED = (
    "select concat('call.voided:', call_no) as subject from pipeline_usage_log"
    " where distributor_id = %s and status = 'voided' and line_no = 0"
    " union all select concat('adjustment.created:', entry_no) from pipeline_usage_log"
    " where distributor_id = %s and entry_type = 'adjustment'"
)
_RECEIVER = """
import asyncio, json, os, random, sys
from aiohttp import web
from standardwebhooks.webhooks import Webhook

port, file, secret = int(sys.argv[1]), sys.argv[2], sys.argv[3]
journal = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
dice = random.Random()


async def take(request):
    text, headers = await request.text(), dict(request.headers)
    event = Webhook(secret).verify(text, headers)
    throw = dice.random()
    status = 500 if throw < 0.05 else 204
    if throw > 0.95:
        await asyncio.sleep(0.5)
    line = json.dumps([headers["webhook-id"], event["event_no"], event["type"], status])
    os.write(journal, line.encode() + b"\\n")
    return web.Response(status=status)


application = web.Application()
application.router.add_post("/hook", take)
web.run_app(application, host="127.0.0.1", port=port, print=None, reuse_address=True)
"""


@dataclass
class Receiver:
    """A distributor's server: slow at times, failing at times, killed and started again. What it
    has taken stands in a file that outlives it."""

    file: Path
    secret: str = ""
    port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    def start(self) -> None:
        """Start it."""
        argv = [sys.executable, "-c", _RECEIVER, str(self.port), str(self.file), self.secret]
        self._process = subprocess.Popen(argv)

    def kill(self) -> None:
        """Kill it, in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def messages(self) -> list[tuple[str, int, str, int]]:
        """What came in: webhook-id, number, type, and the answer."""
        lines = self.file.read_text("utf-8").splitlines() if self.file.exists() else []
        return [tuple(json.loads(line)) for line in lines]


class Storm:
    """Clients of one distributor, who go on until they are stopped."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.server: Installation = shop.installation
        self.pipeline: Pipeline = shop.pipeline()
        self.buyer: Distributor = shop.distributor(self.pipeline)
        self.quota_pipelines = [shop.pipeline() for _ in range(PIPELINES)]
        for pipeline in self.quota_pipelines:
            shop.link(self.buyer.id, pipeline, daily_quota=QUOTA)
        self.receiver = Receiver(folder / "journal")
        answer = self.buyer.client.post(
            "/pipeline_dist/v1/webhooks", json={"url": self.receiver.url}
        )
        assert answer.status_code == 201, answer.text
        self.receiver.secret = answer.json()["secret"]
        self.feed: list[dict[str, Any]] = []
        self.statuses: Counter[int | str] = Counter()
        self.problems: list[str] = []
        self._numbers = count()
        self._stop, self._end_of_feed = threading.Event(), threading.Event()

    def __enter__(self) -> "Storm":
        self.receiver.start()
        self._clients = [threading.Thread(target=self._client, args=[n]) for n in range(CLIENTS)]
        self._reader = threading.Thread(target=self._follow)
        for thread in (*self._clients, self._reader):
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._end_of_feed.set()
        for thread in (*self._clients, self._reader):
            thread.join(60)
        self.receiver.kill()

    def wait_for_more(self, events: int, seconds: float = 60) -> None:
        """Return when the reader of the feed has so many more events."""
        target = len(self.feed) + events
        assert wait_until(lambda: len(self.feed) >= target, seconds), (self.statuses, self.problems)

    def kill_workers(self, *numbers: int) -> None:
        """Kill workers, and start them again."""
        running = self.server.workers.running()
        for number in numbers:
            os.kill(running[number], signal.SIGKILL)
        if len(numbers) == len(running):
            # What waits a minute for the dead one is let go at once.
            assert wait_until(lambda: not self.server.workers.running(), 10)
            self.server.query("update app_webhook set lease_until = '2020-01-01'")
        for number in numbers:
            self.server.workers.start(number)

    def settle(self, seconds: float = 120) -> None:
        """Stop the clients; return when all that happened was read and sent."""
        self._stop.set()
        for thread in self._clients:
            thread.join(60)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            # Pauses after failures are not waited for.
            self.server.query("update app_webhook set next_try_at = null where attempts > 0")
            (row,) = self.server.query(
                "select c.last_no, w.sent_no, w.enabled,"
                " (select count(*) from app_event_outbox where next_try_at is null"
                " and (due_at < utc_timestamp() or due_at = '9999-01-01')) as waiting"
                " from app_event_counter c"
                " join app_webhook w on w.distributor_id = c.id where c.id = %s",
                self.buyer.id,
            )  # fmt: skip
            if row["sent_no"] == row["last_no"] == len(self.feed) and not row["waiting"]:
                break
            time.sleep(0.2)
        else:
            raise AssertionError(f"not all was told: {row} {len(self.feed)} {self.statuses}")
        self._end_of_feed.set()
        self._reader.join(60)

    def compare(self) -> dict[str, int]:
        """Hold feed, webhooks and ledger against each other; how many of what there were."""
        assert self.problems == []
        numbers = [event["event_no"] for event in self.feed]
        assert numbers == list(range(1, len(numbers) + 1)), "who follows the feed misses nothing"
        assert self._all_pages() == self.feed, "nothing came up behind the reader"
        self._compare_with_ledger()
        messages = self.receiver.messages()
        deliveries = [number for _, number, _, status in messages if status < 300]
        assert sorted(set(deliveries)) == numbers, "each was taken at least once"
        ids = {(key, number) for key, number, _, _ in messages}
        assert len(ids) == len({key for key, _ in ids}) == len(numbers), "an id is one event"
        first_times = list(dict.fromkeys(number for _, number, _, _ in messages))
        assert first_times == numbers, "in their order"
        assert all(
            later - earlier in (0, 1) for earlier, later in pairwise(deliveries)
        ), "only the last one is sent again"  # fmt: skip
        return {
            "events": len(numbers),
            "messages": len(messages),
            "doubles": len(deliveries) - len(set(deliveries)),
            "failures": len(messages) - len(deliveries),
        }

    def _compare_with_ledger(self) -> None:
        rows = self.server.query(_EXPECTED, self.buyer.id, self.buyer.id)
        subjects = Counter(row["subject"] for row in rows)
        links = self.server.query(
            "select p.code, l.day_used from distributor_pipeline l join pipelines p"
            " on p.id = l.pipeline_id where l.distributor_id = %s and l.daily_quota = %s",
            self.buyer.id, QUOTA,
        )  # fmt: skip
        for link in links:
            for percent in (80, 100):
                if link["day_used"] * 100 >= QUOTA * percent:
                    subjects[f"quota.threshold:{link['code']}:{percent}"] += 1
        assert Counter(map(_subject, self.feed)) == subjects

    def _all_pages(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        while True:
            after = events[-1]["event_no"] if events else 0
            page = self.buyer.client.get("/pipeline_dist/v1/events", params={"after": after})
            if not page.json()["rows"]:
                return events
            events += page.json()["rows"]

    def _follow(self) -> None:
        """Read the feed as a program does that keeps the last number it has."""
        with self._http() as client:
            while not self._end_of_feed.is_set():
                after = self.feed[-1]["event_no"] if self.feed else 0
                answer = self._ask(client, "get", "events", params={"after": after, "rows": 7})
                rows = answer.json()["rows"] if answer is not None else []
                self.feed += rows
                if not rows:
                    time.sleep(0.02)

    def _client(self, number: int) -> None:
        dice = random.Random(number)
        with self._http() as client:
            while not self._stop.is_set():
                try:
                    self._act(client, dice)
                except Exception as exc:  # noqa: BLE001  told by the test
                    self.problems.append(repr(exc))
                    return

    def _act(self, client: httpx.Client, dice: random.Random) -> None:
        key = f"storm-{next(self._numbers)}"
        if dice.random() < 0.3:
            # By hand, with a number: the same again is the same.
            fields = {"distributor_id": self.buyer.id, "amount": "1", "reason": "storm"}
            self._insist("pipeline_dist/distributor_adjust", **fields, reference=key)
            return
        pipeline = dice.choice(self.quota_pipelines) if dice.random() < 0.2 else self.pipeline
        body = {"pipeline": pipeline.code, "status": "succeeded", "lines": ONE}
        headers = {"Idempotency-Key": key}
        answer = None
        while answer is None or answer.status_code >= 500:
            if self._stop.is_set():
                return
            answer = self._ask(client, "post", "calls", json=body, headers=headers)
        if answer.status_code == 201 and pipeline is self.pipeline:
            (row,) = self.shop.ledger("call_no = %s and line_no = 0", answer.json()["call_no"])
            self._insist("pipeline_ops/pipeline_usage_log_delete", id=row["id"], reason="storm")

    def _insist(self, path: str, **fields: Any) -> None:
        """Ask as an administrator until there is an answer; what it is, the ledger tells."""
        while not self._stop.is_set():
            try:
                if self.shop.try_post(path, **fields).status_code < 500:
                    return
            except httpx.TransportError as exc:
                self.statuses[type(exc).__name__] += 1
            time.sleep(0.05)

    def _ask(
        self, client: httpx.Client, method: str, path: str, **options: Any
    ) -> httpx.Response | None:
        try:
            answer = client.request(method, f"/pipeline_dist/v1/{path}", **options)
        except httpx.TransportError as exc:
            self.statuses[type(exc).__name__] += 1
            time.sleep(0.05)
            return None
        self.statuses[answer.status_code] += 1
        return answer if answer.status_code < 500 else None

    def _http(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.server.base_url, timeout=20, **DIRECT,
            headers={"Authorization": f"Bearer {self.buyer.api_key}"},
        )  # fmt: skip


def _subject(event: dict[str, Any]) -> str:
    data = event["data"]
    if event["type"] == "quota.threshold":
        return f"quota.threshold:{data['pipeline']}:{data['percent']}"
    if event["type"] == "adjustment.created":
        assert Decimal(data["amount"]) == 1
        return f"adjustment.created:{data['entry_no']}"
    return f"{event['type']}:{data['call_no']}"
