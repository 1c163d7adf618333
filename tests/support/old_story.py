"""
What happened before "money over time": three months of an operator and its distributors.

Told by `old_ledger.py` to the code of that time. Days turn in Shanghai, at 16:00 UTC.
"""

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.old_ledger import Teller

Record = dict[str, Any]
BEGINNING = datetime(2026, 8, 31, 1, 0, tzinfo=UTC)
SINCE = "2026-08-31T00:00:00Z"
PRICES: dict[str, list[Record]] = {
    "answer": [
        {"unit": "call", "unit_price": "1"},
        {"unit": "input_token", "unit_price": "0.123457", "unit_size": 1000},
        {"unit": "input_token", "step_key": "ask", "model": "model-a",
         "unit_price": "0.1", "unit_size": 3000},
        {"unit": "output_token", "step_key": "review", "unit_price": "0.000777"},
    ],
    "picture": [
        {"unit": "image", "pricing_type": "package", "package_size": 100, "package_price": "10"},
        {"unit": "image", "step_key": "draw", "model": "model-b", "pricing_type": "package",
         "package_size": 10, "package_price": "3.33"},
        {"unit": "second", "unit_price": "0.000333"},
    ],
    "archive": [{"unit": "call", "unit_price": "2.5"}],
}  # fmt: skip
STEPS = {
    "answer": [("ask", "model-a"), ("review", "model-b")],
    "picture": [("draw", "model-b")],
    "archive": [("keep", "model-c")],
}
FIXED_SOUTH: list[Record] = [
    {"unit": "image", "pricing_type": "package", "package_size": 50, "package_price": "4"},
    {"unit": "second", "unit_price": "0.0003"},
]
FIXED_TOKYO: dict[str, list[Record]] = {
    "answer": [{"unit": "call", "unit_price": "15.4321"},
               {"unit": "input_token", "model": "model-a", "unit_price": "2.5",
                "unit_size": 1000}],
    "picture": [{"unit": "image", "pricing_type": "package", "package_size": 20,
                 "package_price": "77.7"}],
}  # fmt: skip
# What a call of each pipeline uses, in CNY and for those who have own prices of some units only.
USES: dict[str, list[list[Record]]] = {
    "answer": [
        [{"unit": "call", "quantity": 1}],
        [{"unit": "call", "quantity": 1},
         {"step_key": "ask", "model": "model-a", "unit": "input_token", "quantity": 1234}],
        [{"step_key": "ask", "model": "model-a", "unit": "input_token", "quantity": "811.5"},
         {"step_key": "review", "model": "model-b", "unit": "output_token", "quantity": 96},
         {"step_key": "review", "model": "model-b", "unit": "input_token", "quantity": 2048}],
    ],
    "picture": [
        [{"unit": "image", "quantity": 30}],
        [{"step_key": "draw", "model": "model-b", "unit": "image", "quantity": 7},
         {"unit": "second", "quantity": "12.25"}],
        [{"unit": "image", "quantity": 45}, {"unit": "image", "quantity": 45}],
    ],
    "archive": [[{"unit": "call", "quantity": 2}]],
}  # fmt: skip
USES_TOKYO: dict[str, list[list[Record]]] = {
    "answer": [USES["answer"][0], [{"unit": "call", "quantity": 3},
               {"step_key": "ask", "model": "model-a", "unit": "input_token", "quantity": 777}]],
    "picture": [USES["picture"][0]],
}  # fmt: skip
# What the calls that run when the code is changed turn out to have used, and one that is expired.
LAST_USES: dict[tuple[str, str], list[Record]] = {
    ("north", "answer"): [USES["answer"][0][0],
        {"step_key": "ask", "model": "model-a", "unit": "input_token", "quantity": 4001}],
    ("north", "picture"): [{"unit": "image", "quantity": 20}, {"unit": "second", "quantity": 10}],
    ("south", "answer"): USES["answer"][2],
    ("south", "picture"): [{"unit": "image", "quantity": 70}, {"unit": "second", "quantity": 3}],
    ("tokyo", "picture"): [{"unit": "image", "quantity": 90}],
    ("tokyo", "answer"): USES_TOKYO["answer"][1],
    ("paused", "answer"): USES["answer"][1],
    ("paused", "picture"): [{"unit": "image", "quantity": 30}, {"unit": "second", "quantity": 5}],
}  # fmt: skip
EXPIRED = ("tokyo", "answer")


class Story:
    """Everybody in it, by code, and what they do."""

    def __init__(self, teller: "Teller") -> None:
        self.teller = teller
        self.pipelines: dict[str, Record] = {}
        self.prices: dict[str, list[Record]] = {}
        self.distributors: dict[str, Record] = {}
        self.links: dict[tuple[str, str], Record] = {}
        self._chance = random.Random(13)

    def make_pipeline(self, code: str, name: str, **capacity: Any) -> None:
        """A published pipeline with its steps and prices, and with *capacity* if any is given."""
        admin = self.teller.admin
        record = admin("pipeline_core/pipelines_create", code=code, name=name)
        own = {"pipeline_id": record["id"]}
        for key, model in STEPS[code]:
            admin("pipeline_core/pipeline_steps_create", **own, step_key=key, name=key.title(),
                  step_type="model", model=model)  # fmt: skip
        self.pipelines[code] = record
        self.prices[code] = [self.add_price(code, **price) for price in PRICES[code]]
        if capacity:
            admin("pipeline_ops/pipeline_capacity_create", **own, **capacity)
        admin("pipeline_core/pipeline_publish", **own, notes="first")

    def add_price(self, code: str, **fields: Any) -> Record:
        """A price of a pipeline."""
        values = {"currency": "CNY", "effective_from": SINCE, **fields}
        return self.teller.admin(
            "pipeline_ops/pipeline_pricing_create", pipeline_id=self.pipelines[code]["id"], **values
        )

    def edit_price(self, code: str, number: int, **fields: Any) -> None:
        """Change a price where it stands, as it was done then."""
        self.teller.change("pipeline_ops/pipeline_pricing_update", self.prices[code][number],
                           **fields)  # fmt: skip

    def make_distributor(self, code: str, name: str, **fields: Any) -> None:
        """A distributor with a key."""
        self.distributors[code] = self.teller.admin(
            "pipeline_dist/distributors_create", code=code, name=name,
            **{"currency": "CNY", **fields},
        )  # fmt: skip
        self.teller.give_key(self.distributors[code])

    def edit_distributor(self, code: str, **fields: Any) -> None:
        """Change a distributor."""
        self.teller.change("pipeline_dist/distributors_update", self.distributors[code], **fields)

    def link(self, code: str, pipeline: str, **terms: Any) -> None:
        """Let a distributor call a pipeline."""
        self.links[code, pipeline] = self.teller.admin(
            "pipeline_dist/distributor_pipeline_create",
            distributor_id=self.distributors[code]["id"],
            pipeline_id=self.pipelines[pipeline]["id"],
            **terms,
        )

    def edit_link(self, code: str, pipeline: str, **terms: Any) -> None:
        """Change the terms of a link."""
        path = "pipeline_dist/distributor_pipeline_update"
        self.teller.change(path, self.links[code, pipeline], **terms)

    def unlink(self, code: str, pipeline: str) -> None:
        """Delete a link."""
        path = "pipeline_dist/distributor_pipeline_delete"
        self.teller.change(path, self.links.pop((code, pipeline)))

    def some_use(self, code: str, pipeline: str) -> list[Record]:
        """What some call uses, priced for this distributor."""
        uses = USES_TOKYO if code == "tokyo" else USES
        return self._chance.choice(uses[pipeline])

    def begin(self, code: str, pipeline: str, lease_seconds: int = 600, **more: Any) -> str:
        """Begin a call; its number."""
        call = self.teller.post(
            code, "calls", pipeline=pipeline, lease_seconds=lease_seconds, **more
        )
        return str(call["call_no"])

    def finish(self, code: str, call_no: str, status: str = "succeeded", **more: Any) -> None:
        """End a call."""
        self.teller.post(code, "calls/finish", 200, call_no=call_no, status=status, **more)

    def book(self, code: str, pipeline: str, lines: list[Record] | None = None) -> str:
        """Book a call in one go; its number."""
        lines = lines or self.some_use(code, pipeline)
        call = self.teller.post(code, "calls", pipeline=pipeline, status="succeeded", lines=lines)
        return str(call["call_no"])

    def book_batch(self, code: str, pipeline: str, count: int) -> None:
        """Book calls in one request."""
        calls = [
            {"idempotency_key": f"batch-{self.teller.installation.moment:%d%H%M}-{number}",
             "pipeline": pipeline, "status": "failed" if number == 1 else "succeeded",
             "client_ref": f"order {number}", "lines": self.some_use(code, pipeline)}
            for number in range(count)
        ]  # fmt: skip
        answer = self.teller.post(code, "calls/batch", 200, calls=calls)
        assert answer["accepted"] == count, answer

    def book_by_hand(self, pipeline: str, code: str | None = None, **fields: Any) -> str:
        """Book a call as an administrator, of a distributor or our own; its number."""
        owner = {"distributor_id": self.distributors[code]["id"]} if code else {}
        values = {"pipeline_id": self.pipelines[pipeline]["id"], **owner, **fields}
        return str(self.teller.admin("pipeline_ops/pipeline_usage_log_create", **values)["call_no"])

    def void(self, call_no: str, **reason: Any) -> None:
        """Void a call."""
        self.teller.admin("pipeline_ops/pipeline_usage_log_delete", id=call_no, **reason)

    def take_off_sale(self, pipeline: str) -> None:
        """Take a pipeline off sale."""
        record = self.pipelines[pipeline]
        version = self.teller.row("pipelines", record["id"])["lock_version"]
        self.teller.admin("pipeline_core/pipeline_set_status", pipeline_id=record["id"],
                          status="offline", lock_version=version)  # fmt: skip

    def trade_a_day(self, code: str, pipeline: str) -> list[str]:
        """One of each: booked in one go, finished, failed, cancelled; those that may be voided."""
        first, second, third = [self.begin(code, pipeline) for _ in range(3)]
        one_go = self.book(code, pipeline)
        self.finish(code, second, lines=self.some_use(code, pipeline))
        self.finish(code, first, "failed", error="model was away",
                    lines=self._chance.choice([[], self.some_use(code, pipeline)]))  # fmt: skip
        self.finish(code, third, "cancelled")
        return [one_go, second, first]


def reference(code: str, pipeline: str) -> str:
    """The client's own number of a call that is to end later."""
    return f"runs {code} {pipeline}"


def make_everybody(story: Story) -> None:
    """The pipelines with their prices, the distributors with their terms."""
    story.make_pipeline("answer", "问答产线", daily_quota=40, monthly_quota=400, max_concurrency=20)
    story.make_pipeline("picture", "图片产线")
    story.make_pipeline("archive", "旧产线", daily_quota=10)
    story.make_distributor("north", "北方分销", quota_period="day", quota_calls=30,
                           spend_limit="5000", contact="Li", phone="010-1")  # fmt: skip
    story.make_distributor("south", "南方分销", quota_period="month", quota_calls=200)
    story.make_distributor("tokyo", "東京 O'Hara & \"Söhne\"", currency="JPY",
                           rate_limit_per_minute=600)  # fmt: skip
    story.make_distributor("gone", "已离开", spend_limit="100")
    # No currency of ISO 4217, which nobody held against it then.
    story.make_distributor("coin", "Coin", currency="RMB")
    story.make_distributor("paused", "暂停中", quota_period="day", quota_calls=5)
    for pipeline in ("answer", "picture", "archive"):
        story.link("north", pipeline)
    story.link("south", "answer", pricing_mode="discount", discount_rate="0.85", daily_quota=20,
               monthly_quota=100)  # fmt: skip
    story.link("south", "picture", pricing_mode="fixed", fixed_prices=FIXED_SOUTH)
    for pipeline, prices in FIXED_TOKYO.items():
        story.link("tokyo", pipeline, pricing_mode="fixed", fixed_prices=prices)
    story.link("gone", "answer", pricing_mode="discount", discount_rate="0.3333")
    story.link("gone", "picture", pricing_mode="fixed", fixed_prices=FIXED_SOUTH)
    story.link("paused", "answer")
    # What is not in the list was paid at everybody's price.
    story.link("paused", "picture", pricing_mode="fixed", fixed_prices=FIXED_SOUTH[:1])
    story.link("paused", "archive", pricing_mode="discount", discount_rate="0")
    story.link("coin", "answer", pricing_mode="fixed",
               fixed_prices=[{"unit": "call", "unit_price": "7.005"}])  # fmt: skip
    # A list that is kept and does not apply.
    story.edit_link("north", "picture", pricing_mode="fixed",
                    fixed_prices=[{"unit": "image", "unit_price": "0.01"}])  # fmt: skip
    story.edit_link("north", "picture", pricing_mode="inherit")


def september(story: Story) -> None:
    """A month that is long over."""
    story.teller.at("2026-09-03 02:00")
    north = story.trade_a_day("north", "answer") + story.trade_a_day("north", "archive")
    story.trade_a_day("tokyo", "answer")
    story.teller.at("2026-09-17 09:30")
    story.book_batch("south", "picture", 4)
    story.trade_a_day("gone", "picture")
    story.void(north[0], reason="booked twice")
    story.book_by_hand("archive", unit="call", quantity="2.5", remark="for ourselves")
    story.book("north", "answer", [{"step_key": "nowhere", "unit": "call", "quantity": 1},
                                   {"unit": "input_token", "quantity": 0}])  # fmt: skip
    story.book("coin", "answer", USES["answer"][0])
    story.book_by_hand("answer", "north", remark="nothing metered")
    story.void(story.book_by_hand("answer", "north", status="failed"))
    # Runs over the month's end: it counts where it began.
    story.teller.at("2026-09-30 15:55")
    over = story.begin("north", "picture")
    story.teller.at("2026-09-30 16:02")
    story.finish("north", over, lines=[{"unit": "image", "quantity": 150}])


def october(story: Story) -> str:
    """The month before: prices and terms change within it; a call that is told of later."""
    story.teller.at("2026-10-05 03:00")
    south = story.trade_a_day("south", "answer") + story.trade_a_day("south", "picture")
    first = story.book("north", "picture", [{"unit": "image", "quantity": 60}])
    story.book("north", "picture", [{"unit": "image", "quantity": 30}])
    story.void(first, reason="a package call")
    story.book("north", "picture", [{"unit": "image", "quantity": 50}])
    forgotten, late = story.begin("tokyo", "picture"), story.begin("north", "answer")
    story.teller.at("2026-10-14 00:00")
    story.edit_price("answer", 0, unit_price="1.2")
    story.finish("north", late, lines=story.some_use("north", "answer"))
    story.void(forgotten)
    story.trade_a_day("north", "answer")
    story.trade_a_day("tokyo", "picture")
    story.teller.at("2026-10-20 05:00")
    story.edit_link("south", "answer", discount_rate="0.8")
    story.book_batch("south", "answer", 5)
    story.trade_a_day("gone", "answer")
    own = story.book_by_hand("picture", unit="image", quantity="70")
    story.book_by_hand("picture", unit="image", quantity="50")
    story.void(own, reason="was a trial")
    story.unlink("north", "archive")
    story.link("north", "archive", pricing_mode="discount", discount_rate="0.5")
    story.book("north", "archive")
    story.void(south[3], reason="refund agreed")
    running = story.begin("south", "answer")
    story.void(running, reason="hung")
    story.teller.at("2026-10-25 08:00")
    story.unlink("gone", "picture")
    story.edit_distributor("gone", status="closed")
    story.teller.at("2026-10-31 15:40")
    story.trade_a_day("south", "picture")
    return story.begin("north", "picture", 60)


def november(story: Story, late: str) -> list[str]:
    """The month that runs; the calls that may be voided in it."""
    story.teller.at("2026-11-02 02:00")
    story.finish("north", late, lines=[{"unit": "image", "quantity": 33}])
    calls = story.trade_a_day("north", "picture") + story.trade_a_day("south", "picture")
    story.book("north", "picture", [{"unit": "image", "quantity": 150}])
    story.book_by_hand("answer", "south", unit="call", quantity="4",
                       started_at="2026-10-30T01:00:00Z", remark="a phone call")  # fmt: skip
    story.book_by_hand("picture", unit="image", quantity="30")
    story.teller.at("2026-11-08 02:00")
    story.edit_link("south", "picture", fixed_prices=[
        {**FIXED_SOUTH[0], "package_size": 60, "package_price": "5"}, FIXED_SOUTH[1]])  # fmt: skip
    story.book_batch("south", "picture", 4)
    story.teller.at("2026-11-10 00:00")
    story.edit_price("answer", 1, effective_to="2026-11-15T00:00:00Z")
    story.add_price("answer", unit="input_token", unit_price="0.2", unit_size=1000,
                    effective_from="2026-11-15T00:00:00Z")  # fmt: skip
    story.add_price("answer", unit="audio_second", unit_price="9", enabled=0)
    story.add_price("answer", unit="page", unit_price="3", effective_from="2027-01-01T00:00:00Z")
    calls += story.trade_a_day("north", "answer") + story.trade_a_day("tokyo", "picture")
    story.teller.at("2026-11-12 06:00")
    story.edit_price("picture", 0, package_size=1000, package_price="80")
    story.book("north", "picture", [{"unit": "image", "quantity": 500}])
    story.book("tokyo", "answer", USES_TOKYO["answer"][1])
    story.teller.at("2026-11-20 03:00")
    calls += story.trade_a_day("north", "answer") + story.trade_a_day("paused", "answer")
    story.book_batch("paused", "picture", 2)
    story.take_off_sale("archive")
    return calls


def last_day(story: Story, calls: list[str]) -> None:
    """What still runs when the code is changed, and voids of this month and the last."""
    story.teller.at("2026-11-25 01:00")
    story.void(calls[1], reason="wrong picture")
    story.void(calls[3], reason="wrong picture, own package")
    story.void(calls[6])
    october_call = story.book_by_hand("answer", "north", unit="call", quantity="6",
                                      started_at="2026-10-12T02:00:00Z")  # fmt: skip
    story.void(october_call, reason="of last month")
    expiring = story.begin("north", "answer", 60)
    story.begin(*EXPIRED, 60, client_ref=reference(*EXPIRED))
    story.teller.at("2026-11-25 01:10")
    story.void(expiring, reason="nobody came back")
    for code, pipeline in sorted(LAST_USES.keys() - {EXPIRED}):
        story.begin(code, pipeline, 86_400, client_ref=reference(code, pipeline))
    story.begin("north", "answer", 3600, client_ref="runs out")
    story.edit_price("answer", 2, unit_price="0.11")
    story.edit_link("south", "answer", enabled=0)
    story.edit_distributor("paused", status="suspended")
    story.teller.give_key(story.distributors["north"], grace_hours=48)
    story.teller.at("2026-11-25 01:30")


def finish_what_runs(teller: "Teller") -> dict[str, Record]:
    """Finish the calls that run; the answers by the client's reference."""
    answers = {}
    for (code, pipeline), lines in LAST_USES.items():
        name = reference(code, pipeline)
        (call,) = teller.installation.query(
            "select call_no from pipeline_usage_log where client_ref = %s and line_no = 0", name
        )
        body = {"call_no": call["call_no"], "status": "succeeded", "lines": lines}
        answers[name] = teller.post(code, "calls/finish", 200, **body)
    return answers


def tell(teller: "Teller") -> Story:
    """All of it, up to the moment when the code is changed."""
    story = Story(teller)
    make_everybody(story)
    september(story)
    late = october(story)
    last_day(story, november(story, late))
    return story
