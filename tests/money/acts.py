"""
What one step of a history does to the model. Steps are plain JSON, so that a history can be
printed, told again and cut down.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.money.accounts import Link
from tests.money.ledger import Call, Item
from tests.money.model import Model
from tests.money.prices import Price, Terms
from tests.money.refusal import Refusal

Step = dict[str, Any]


def moment_of(text: str | None) -> datetime | None:
    """The time that a step says."""
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def items_of(rows: Sequence[Sequence[str]]) -> list[Item]:
    """The items of a call: unit, quantity, step, model."""
    return [Item(unit, Decimal(quantity), step, model) for unit, quantity, step, model in rows]


def terms_of(step: Step) -> Terms:
    """The price that a step says."""
    return Terms(step["type"], Decimal(step["price"]), step["size"])


def decimal_of(value: str | None) -> Decimal | None:
    """A number that may be left out."""
    return None if value is None else Decimal(value)


class ModelSide:
    """Does steps to the model; answers what the product is to answer too."""

    def __init__(self, model: Model, features: frozenset[str]) -> None:
        self.model = model
        self.features = features

    def do(self, step: Step) -> dict[str, Any]:
        """Do *step*; raises Refusal."""
        action: Any = getattr(self, step["do"])
        return action(step) or {}

    def clock(self, step: Step) -> None:
        moment = moment_of(step["to"])
        assert moment is not None
        self.model.now = moment
        self.model.sweep()
        if "closing" in self.features:
            self.model.close_due()

    def price_create(self, step: Step) -> None:
        start = moment_of(step["start"])
        assert start is not None
        price = Price(
            ref=step["ref"], distributor=step["distributor"], step=step["step"],
            model=step["model"], unit=step["unit"], terms=terms_of(step),
            currency=step["currency"], start=start, end=moment_of(step["end"]),
            enabled=bool(step["enabled"]),
        )  # fmt: skip
        self.model.add_price(step["pipeline"], price)

    def price_edit(self, step: Step) -> None:
        book = self._book(step)
        fields: dict[str, Any] = {}
        if "enabled" in step:
            fields["enabled"] = bool(step["enabled"])
        if "price" in step:
            terms = book.prices[step["ref"]].terms
            fields["terms"] = replace(terms, price=Decimal(step["price"]))
        book.edit(step["ref"], self.model.now, **fields)

    def price_remark(self, step: Step) -> None:
        """A remark is nothing to the model."""

    def price_change(self, step: Step) -> None:
        moment = self.model.now if step["from"] == "now" else moment_of(step["from"])
        assert moment is not None
        self._book(step).succeed(step["ref"], step["successor"], self.model.now, moment,
                                 terms_of(step))  # fmt: skip

    def price_end(self, step: Step) -> None:
        book = self._book(step)
        price = book.prices[step["ref"]]
        if step["by"] == "disable" and price.is_draft(self.model.now):
            book.edit(step["ref"], self.model.now, enabled=False)
        else:
            book.end(step["ref"], self.model.now)

    def price_move_end(self, step: Step) -> None:
        self._book(step).move_end(step["ref"], self.model.now, moment_of(step["end"]))

    def link_set(self, step: Step) -> None:
        link = Link(step["mode"], decimal_of(step["rate"]), bool(step["enabled"]))
        self.model.set_link(step["distributor"], step["pipeline"], link)

    def link_delete(self, step: Step) -> None:
        self.model.delete_link(step["distributor"], step["pipeline"])

    def begin(self, step: Step) -> dict[str, Any]:
        call = self.model.begin(
            step["ref"], step["distributor"], step["pipeline"], timedelta(seconds=step["lease"]),
            _estimate(step.get("estimate")),
        )  # fmt: skip
        return {"status": call.status}

    def book(self, step: Step) -> dict[str, Any]:
        call = self.model.book(step["ref"], step["distributor"], step["pipeline"], step["status"],
                               items_of(step["items"]))  # fmt: skip
        return _view(call)

    def batch(self, step: Step) -> dict[str, Any]:
        self.model.check_active(step["distributor"])
        results = []
        for item in step["calls"]:
            try:
                results.append(self.book(item | {"distributor": step["distributor"]}))
            except Refusal as refusal:
                results.append({"code": refusal.code})
        return {"results": results}

    def book_by_hand(self, step: Step) -> dict[str, Any]:
        moment = moment_of(step["started_at"])
        assert moment is not None
        call = self.model.book_by_hand(step["ref"], step["distributor"], step["pipeline"],
                                       step["status"], items_of(step["items"]), moment)  # fmt: skip
        return {"total": call.first_amount}

    def again(self, step: Step) -> dict[str, Any]:
        if step["other"]:
            raise Refusal("idempotency_key_reused")
        call = self.model.calls[step["of"]["ref"]]
        if step["of"]["do"] == "begin":
            return {"status": "reserved", "is_replay": True}
        return {"amount": call.first_amount, "status": step["of"]["status"], "is_replay": True}

    def finish(self, step: Step) -> dict[str, Any]:
        call = self.model.finish(step["ref"], step["status"], items_of(step["items"]))
        return {"amount": call.first_amount, "status": step["status"]}

    def void(self, step: Step) -> None:
        self.model.void(step["ref"], step["reason"])

    def quote(self, step: Step) -> dict[str, Any]:
        self.model.check_active(step["distributor"])
        amounts = self.model.quote(step["distributor"], step["pipeline"], items_of(step["items"]))
        return {"amounts": amounts}

    def rename(self, step: Step) -> None:
        """A name is nothing to the model; what was told before keeps the former one."""

    def status(self, step: Step) -> None:
        self.model.distributors[step["distributor"]].status = step["status"]

    def quota(self, step: Step) -> None:
        party = self.model.distributors[step["distributor"]]
        party.quota_period, party.quota_calls = step["period"], step["calls"]

    def limit(self, step: Step) -> None:
        limit = self.model.distributors[step["distributor"]].limit
        limit.limit, limit.period = decimal_of(step["limit"]), step["period"]

    def billing(self, step: Step) -> None:
        self.model.switch_billing(step["distributor"], step["mode"])

    def adjust(self, step: Step) -> None:
        self.model.adjust(step["distributor"], Decimal(step["amount"]), step["reason"],
                          step["reference"])  # fmt: skip

    def topup(self, step: Step) -> None:
        self.model.topup(step["distributor"], Decimal(step["amount"]), step["reason"],
                         step["reference"])  # fmt: skip

    def close(self, step: Step) -> dict[str, Any]:
        return {"number": self.model.close(step["distributor"], step["month"])}

    def _book(self, step: Step) -> Any:
        return self.model.pipelines[step["pipeline"]].book


def _estimate(value: str | list[list[str]] | None) -> Decimal | list[Item] | None:
    return items_of(value) if isinstance(value, list) else decimal_of(value)


def _view(call: Call) -> dict[str, Any]:
    return {
        "amount": call.first_amount, "status": call.status,
        "lines": [row.amount for row in call.items],
    }  # fmt: skip
