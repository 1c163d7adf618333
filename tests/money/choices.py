"""The dice of the machine: which step comes next in a world, and with what values."""

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.money.acts import Step
from tests.money.days import next_month, previous_month
from tests.money.model import Model
from tests.money.prices import Price
from tests.money.statements import cut_total

UNITS = ("call", "token", "image")
STEPS = ("s1", "s2")
MODELS = ("m1", "m2")
PRICES = ("0", "1", "2.5", "0.000001", "0.123457", "19.99", "7", "1234.5")
SIZES = (1, 1, 7, 1000, 1_000_000)
PACKAGES = (1, 3, 10, 10, 100, 100, 1000)
QUANTITIES = (
    "0",
    "1",
    "1",
    "2",
    "3",
    "7",
    "30",
    "60",
    "99.5",
    "100",
    "0.333333",
    "150",
    "1234.567891",
)
RATES = ("0.85", "0.5", "1", "0.0001", "0.3333")
REASONS = ("wrong", "a customer complained", "没有交付")
# What each feature of the product lets the machine do, and how often.
WEIGHTS: dict[str, dict[str, int]] = {
    "terms": {
        "clock": 22, "price_create": 8, "price_edit": 3, "price_remark": 1, "price_change": 6,
        "price_end": 3, "price_move_end": 2, "begin": 14,
        "book": 14, "batch": 3, "book_by_hand": 5, "again": 3, "finish": 16, "quote": 4,
        "status": 2, "quota": 1,
    },
    "ledger": {"void": 8},
    "adjust": {"adjust": 3},
    # Their own prices, and the terms of their link as they were when a call began.
    "own_prices": {"link_set": 3, "link_delete": 1},
    "packages": {},
    "limits": {"limit": 3, "billing": 1, "topup": 2},
    "closing": {"close": 2, "rename": 1},
    # Grouped use of a closed month that stays as its statement is.
    "closed_groups": {},
    "suspended_finish": {},
    # Calls of no distributor, booked by hand; estimates that are told as items.
    "internal": {},
    "estimated_items": {},
}  # fmt: skip


class Dice:
    """Chooses steps for one world: by its seed, and by what the model knows of."""

    def __init__(self, seed: str, model: Model, features: frozenset[str]) -> None:
        self.dice = random.Random(seed)
        self.model = model
        self.features = features
        weights = [item for name in features for item in sorted(WEIGHTS[name].items())]
        weights.sort()
        self._actions = [name for name, _ in weights]
        self._weights = [weight for _, weight in weights]
        self._number = 0
        self._tries: list[Step] = []

    def step(self) -> Step:
        """The next step."""
        while True:
            (name,) = self.dice.choices(self._actions, self._weights)
            chooser: Any = getattr(self, f"_{name}")
            values = chooser()
            if values is not None:
                return {"do": name, **values}

    def opening(self, pipelines: list[str], parties: dict[str, str]) -> list[Step]:
        """A world to begin with: *parties* are distributors with their currencies."""
        steps: list[Step] = []
        for pipeline in pipelines:
            steps += [{"do": "link_set", **self._link(party, pipeline)} for party in parties]
            steps += [
                {"do": "price_create", **self._new_price(pipeline, unit, is_first=True)}
                for unit in UNITS[:2]
            ]
        return steps

    # Time.

    def _clock(self) -> Step:
        calendar, now = self.model.calendar, self.model.now
        kind = self.dice.random()
        if kind < 0.45:
            later = now + timedelta(milliseconds=self.dice.choice((1, 1, 500, 1000)))
        elif kind < 0.75:
            later = now + timedelta(minutes=self.dice.randint(1, 90))
        elif kind < 0.93:
            later = calendar.day_end(now) + self._edge()
        elif kind < 0.98:
            later = calendar.month_end(calendar.month_key(now)) + self._edge()
        else:
            later = now + timedelta(days=self.dice.randint(1, 12))
        return {"to": text_of(max(later, now))}

    def _edge(self) -> timedelta:
        return timedelta(milliseconds=self.dice.choice((-1, 0, 0, 1, 60_000)))

    # Prices and links.

    def _price_create(self) -> Step:
        return self._new_price(self._pipeline(), self.dice.choice(UNITS), is_first=False)

    def _new_price(self, pipeline: str, unit: str, *, is_first: bool) -> Step:
        currency = self.dice.choice([party.currency for party in self.model.distributors.values()])
        start = self.model.now - timedelta(days=400) if is_first else self._start()
        end = None
        if not is_first and self.dice.random() < 0.3:
            end = start + timedelta(hours=self.dice.choice((1, 5, 48, 900)))
        party = ""
        if "own_prices" in self.features and self.dice.random() < 0.35:
            party = self.dice.choice(list(self.model.distributors))
            if self.dice.random() < 0.9:
                currency = self.model.distributors[party].currency
            if pipeline not in self.model.distributors[party].links:
                party = ""
        return {
            "ref": self._ref("p"), "pipeline": pipeline, "distributor": party,
            "step": "" if is_first else self._maybe(STEPS),
            "model": "" if is_first else self._maybe(MODELS),
            "unit": unit, **self._terms(), "currency": currency, "start": text_of(start),
            "end": end and text_of(end), "enabled": 0 if self.dice.random() < 0.1 else 1,
        }  # fmt: skip

    def _start(self) -> datetime:
        now = self.model.now
        kind = self.dice.random()
        if kind < 0.4:
            return now
        if kind < 0.7:
            return now - timedelta(hours=self.dice.choice((1, 30, 800)))
        return now + timedelta(minutes=self.dice.choice((1, 30, 600)))

    def _terms(self, kind: str | None = None) -> Step:
        if kind is None:
            is_package = "packages" in self.features and self.dice.random() < 0.4
            kind = "package" if is_package else "unit"
        sizes = PACKAGES if kind == "package" else SIZES
        return {"type": kind, "price": self.dice.choice(PRICES), "size": self.dice.choice(sizes)}

    def _some_price(self, *, draft: bool | None = None) -> tuple[str, Price] | None:
        prices = [
            (pipeline.ref, price)
            for pipeline in self.model.pipelines.values() for price in pipeline.book.prices.values()
            if draft is None or price.is_draft(self.model.now) == draft
        ]  # fmt: skip
        return self.dice.choice(prices) if prices else None

    def _price_edit(self) -> Step | None:
        place = self._some_price(draft=None if self.dice.random() < 0.3 else True)
        if place is None:
            return None
        pipeline, price = place
        values: Step = {"pipeline": pipeline, "ref": price.ref, "type": price.terms.pricing_type,
                        "price": self.dice.choice(PRICES)}  # fmt: skip
        if Decimal(values["price"]) == price.terms.price:
            return None
        if not price.enabled and self.dice.random() < 0.7:
            values["enabled"] = 1
        return values

    def _price_remark(self) -> Step | None:
        place = self._some_price()
        return place and {"pipeline": place[0], "ref": place[1].ref, "remark": self._ref("r")}

    def _price_change(self) -> Step | None:
        place = self._some_price(draft=False)
        if place is None:
            return None
        pipeline, price = place
        terms = self._terms(None if self.dice.random() < 0.3 else price.terms.pricing_type)
        if (terms["type"], Decimal(terms["price"]), terms["size"]) == (
            price.terms.pricing_type, price.terms.price, price.terms.size
        ):  # fmt: skip
            return None
        later = self.model.now + timedelta(minutes=self.dice.choice((0, 10, 300)))
        return {"pipeline": pipeline, "ref": price.ref, "successor": self._ref("p"),
                "from": "now" if self.dice.random() < 0.6 else text_of(later), **terms}  # fmt: skip

    def _price_end(self) -> Step | None:
        place = self._some_price()
        by = self.dice.choice(("delete", "disable"))
        if place is None or (by == "disable" and not place[1].enabled):
            return None
        return {"pipeline": place[0], "ref": place[1].ref, "by": by}

    def _price_move_end(self) -> Step | None:
        place = self._some_price(draft=False)
        if place is None:
            return None
        end = self.model.now + timedelta(minutes=self.dice.choice((-5, 0, 10, 500)))
        new_end = None if self.dice.random() < 0.3 else end
        if new_end == place[1].end or (new_end and new_end <= place[1].start):
            return None
        return {"pipeline": place[0], "ref": place[1].ref, "end": new_end and text_of(new_end)}

    def _link_set(self) -> Step:
        return self._link(self._party(), self._pipeline())

    def _link(self, party: str, pipeline: str) -> Step:
        modes = ["inherit", "discount"] + ["fixed"] * ("own_prices" in self.features)
        mode = self.dice.choice(modes)
        rate = self.dice.choice(RATES) if mode == "discount" else None
        return {"distributor": party, "pipeline": pipeline, "mode": mode, "rate": rate,
                "enabled": 0 if self.dice.random() < 0.1 else 1}  # fmt: skip

    def _link_delete(self) -> Step | None:
        links = [
            (party.ref, pipeline)
            for party in self.model.distributors.values() for pipeline in party.links
        ]  # fmt: skip
        if not links:
            return None
        party, pipeline = self.dice.choice(links)
        return {"distributor": party, "pipeline": pipeline}

    # Calls.

    def _begin(self) -> Step:
        values: Step = {"ref": self._ref("c"), "distributor": self._party(),
                        "pipeline": self._pipeline(),
                        "lease": self.dice.choice((60, 3600, 86_400))}  # fmt: skip
        if "limits" in self.features and self.dice.random() < 0.4:
            values["estimate"] = self.dice.choice(("0", "1", "10", "50.5"))
            if "estimated_items" in self.features and self.dice.random() < 0.5:
                values["estimate"] = [self._item() for _ in range(self.dice.randint(1, 2))]
        self._tries.append({"do": "begin", **values})
        return values

    def _book(self) -> Step:
        values: Step = {"ref": self._ref("c"), "distributor": self._party(),
                        "pipeline": self._pipeline(), **self._use(may_cancel=False)}  # fmt: skip
        self._tries.append({"do": "book", **values})
        return values

    def _batch(self) -> Step:
        calls = [
            {"ref": self._ref("c"), "pipeline": self._pipeline(), **self._use(may_cancel=False)}
            for _ in range(self.dice.randint(1, 4))
        ]
        return {"distributor": self._party(), "calls": calls}

    def _book_by_hand(self) -> Step:
        before = timedelta(hours=self.dice.choice((0, 1, 20, 700, 1500)))
        is_own = "internal" in self.features and self.dice.random() < 0.3
        return {
            "ref": self._ref("c"), "distributor": "" if is_own else self._party(),
            "pipeline": self._pipeline(), "started_at": text_of(self.model.now - before),
            **self._use(may_cancel=False),
        }  # fmt: skip

    def _again(self) -> Step | None:
        able = [step for step in self._tries if step["ref"] in self.model.calls]
        if not able:
            return None
        step = self.dice.choice(able)
        party = self.model.distributors[step["distributor"]]
        if party.status != "active" or step["pipeline"] not in party.links:
            return None
        return {"of": step, "other": 1 if self.dice.random() < 0.3 else 0}

    def _finish(self) -> Step | None:
        states = ("reserved", "expired") if self.dice.random() < 0.9 else ("succeeded", "cancelled")
        calls = [
            call for call in self.model.calls.values()
            if call.status in states and call.header.distributor
            and (call.lease_end or self.dice.random() < 0.1)
        ]  # fmt: skip
        if not calls:
            return None
        call = self.dice.choice(calls)
        party = self.model.distributors[call.header.distributor]
        if party.status != "active" and "suspended_finish" not in self.features:
            return None
        values = {"ref": call.ref, "distributor": party.ref}
        if call.end_body and self.dice.random() < 0.5:
            status, items = call.end_body
            rows = [[item.unit, str(item.quantity), item.step, item.model] for item in items]
            return values | {"status": status, "items": rows}
        return values | self._use(may_cancel=True)

    def _use(self, *, may_cancel: bool) -> Step:
        kinds = ["succeeded"] * 6 + ["failed"] * 2 + ["cancelled"] * 2 * may_cancel
        status = self.dice.choice(kinds)
        count = 0 if status == "cancelled" else self.dice.choice((0, 1, 1, 1, 2, 3))
        return {"status": status, "items": [self._item() for _ in range(count)]}

    def _item(self) -> list[str]:
        unit = self.dice.choice((*UNITS[:2], *UNITS))
        step = "s9" if self.dice.random() < 0.02 else self._maybe(STEPS)
        return [unit, self.dice.choice(QUANTITIES), step, self._maybe(MODELS)]

    def _quote(self) -> Step:
        items = [self._item() for _ in range(self.dice.randint(1, 3))]
        return {"distributor": self._party(), "pipeline": self._pipeline(), "items": items}

    def _void(self) -> Step | None:
        calls = list(self.model.calls)
        return (
            {"ref": self.dice.choice(calls), "reason": self.dice.choice(REASONS)} if calls else None
        )

    # Accounts.

    def _rename(self) -> Step:
        return {"distributor": self._party(), "name": self._ref("name ")}

    def _status(self) -> Step:
        party = self.model.distributors[self._party()]
        return {"distributor": party.ref,
                "status": "suspended" if party.status == "active" else "active"}  # fmt: skip

    def _quota(self) -> Step:
        period = self.dice.choice(("none", "day", "month"))
        calls = None if period == "none" else self.dice.choice((3, 20, 1000))
        return {"distributor": self._party(), "period": period, "calls": calls}

    def _limit(self) -> Step:
        limit = None if self.dice.random() < 0.3 else self.dice.choice(("0", "10", "100", "5000"))
        return {"distributor": self._party(), "limit": limit,
                "period": self.dice.choice(("none", "day", "month"))}  # fmt: skip

    def _billing(self) -> Step:
        party = self.model.distributors[self._party()]
        mode = self.dice.choice(("postpaid", "prepaid"))
        return {"distributor": party.ref, "mode": mode}

    def _adjust(self) -> Step:
        reference = self.dice.choice(("", "", "A-1", "A-2"))
        return {"distributor": self._party(), "amount": self.dice.choice(("5", "-3", "12", "-40")),
                "reason": self.dice.choice(REASONS), "reference": reference}  # fmt: skip

    def _topup(self) -> Step:
        party = self.model.distributors[self._party()]
        amount = self.dice.choice(("10", "100", "1000"))
        if party.limit.prepaid_since is not None and self.dice.random() < 0.2:
            # What lets it be paid afterwards again.
            balance = cut_total(party.limit.balance(party.rows), party.currency)
            amount = str(-balance or amount)
        return {"distributor": party.ref, "amount": amount,
                "reason": self.dice.choice(REASONS),
                "reference": self.dice.choice(("T-1", "T-2", self._ref("t")))}  # fmt: skip

    def _close(self) -> Step:
        party = self._party()
        month = self.model.oldest_open_month(party)
        kind = self.dice.random()
        if kind < 0.1:
            month = self.model.calendar.month_key(self.model.now)
        elif kind < 0.2:
            month = self.dice.choice((previous_month(month), next_month(month)))
        return {"distributor": party, "month": month}

    def _party(self) -> str:
        return self.dice.choice(list(self.model.distributors))

    def _pipeline(self) -> str:
        return self.dice.choice(list(self.model.pipelines))

    def _maybe(self, names: tuple[str, ...]) -> str:
        return "" if self.dice.random() < 0.55 else self.dice.choice(names)

    def _ref(self, kind: str) -> str:
        self._number += 1
        return f"{kind}{self._number}"


def text_of(moment: datetime) -> str:
    """A time as steps have it."""
    return moment.isoformat(timespec="milliseconds")
