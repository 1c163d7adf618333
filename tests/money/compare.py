"""Whether the product's reports and its ledger say what the model says."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.money.accounts import Distributor
from tests.money.days import next_month
from tests.money.disagreement import expect
from tests.money.kept import FORMS, KeptStatements
from tests.money.ledger import Row, is_item, sums, sums_by
from tests.money.limits import reserved_amount
from tests.money.model import Model
from tests.money.product import Product
from tests.money.statements import round_total
from tests.money.wires import Reaction

# So far back calls are booked; lines are followed from there.
DAYS_BACK = 90
GROUPS = {
    "day": lambda row: row.day_key,
    "pipeline": lambda row: row.pipeline,
    "model": lambda row: row.item.model if row.item else "",
    "step": lambda row: row.item.step if row.item else "",
}


class Comparer:
    """Compares what the product says of distributors; follows each one's lines by the cursor."""

    def __init__(self, model: Model, product: Product, features: frozenset[str]) -> None:
        self.model = model
        self.product = product
        self.features = features
        start = model.calendar.day_key(model.now - timedelta(days=DAYS_BACK))
        self._first_query = {"from": start, "rows": "1000"}
        self._cursors: dict[str, str] = {}
        self._place: dict[str, int] = {}
        self.statements = KeptStatements(product)

    async def account(self, party: Distributor) -> None:
        """`/me`: the quota, what is spent, what is left."""
        if party.status != "active":
            return
        model = self.model
        body = await self._read(party, "me")
        if party.quota_period != "none" and party.quota_calls is not None:
            expect("/me quota_used", body["quota_used"], party.quota_use(model.calendar, model.now))
        if party.limit.prepaid_since is not None:
            expect("/me balance", Decimal(body["balance"]), party.limit.balance(party.rows))
        else:
            spend = party.limit.spend(party.rows, model.calendar, model.now)
            expect("/me spend_used", Decimal(body["spend_used"]), spend)
        if "limits" in self.features:
            calls = [call for call in model.calls.values() if call.header.distributor == party.ref]
            estimates = reserved_amount(calls)
            expect("/me spend_reserved", Decimal(body["spend_reserved"]), estimates)

    async def reports(self, party: Distributor, months: Iterable[str]) -> None:
        """`/me`, `/usage` and `/statement` of a distributor."""
        if party.status != "active":
            return
        await self.account(party)
        await self.new_lines(party)
        for month in months:
            await self.statement(party, month)

    async def new_lines(self, party: Distributor) -> None:
        """Lines that were settled since they were read last: each comes once, in its order."""
        query = self._first_query
        if party.ref in self._cursors:
            query = {"next": self._cursors[party.ref]}
        body = await self._read(party, "usage", **query)
        self._cursors[party.ref] = body["next"]
        settlements = self.settlements(party)
        place = self._place.get(party.ref, 0)
        self._place[party.ref] = len(settlements)
        should_be = [line_view(row, self.product) for row in settlements[place:]]
        expect("/usage new lines", [answer_view(row) for row in body["rows"]], should_be)
        if "own_prices" in self.features:
            says = [(row["price_scope"], row["matched"]) for row in body["rows"] if row["unit"]]
            matches = [row.match for row in settlements[place:] if row.match]
            expect("/usage matches", says, [(match.scope, match.matched_by) for match in matches])

    async def all_lines(self, party: Distributor, rows: str) -> None:
        """All lines from the first, page by page."""
        query, answers = {**self._first_query, "rows": rows}, []
        while True:
            body = await self._read(party, "usage", **query)
            answers += body["rows"]
            if not body["rows"]:
                break
            query = {"next": body["next"]}
        should_be = [line_view(row, self.product) for row in self.settlements(party)]
        expect("/usage lines", [answer_view(row) for row in answers], should_be)

    async def groups(self, party: Distributor, group: str, month: str) -> None:
        """Sums of a month by one thing."""
        if party.months.is_closed(month) and "closed_groups" not in self.features:
            return
        body = await self._read(party, "usage", month=month, group_by=group)
        rows = [row for row in party.rows if row.month_key == month]
        members = [row for row in rows if is_item(row) or row.entry_type == "adjustment"]
        should_be = sums_by(
            members, lambda row: (GROUPS[group](row), row.item.unit if row.item else "")
        )
        pipelines = {"": "", None: ""} | {
            self.product.ids[ref + ".code"]: ref for ref in self.model.pipelines
        }
        answer = {}
        for row in body["rows"]:
            name = pipelines[row[group]] if group == "pipeline" else row[group]
            answer[name, row["unit"]] = group_view(row)
        expect(f"/usage by {group} of {month}", answer, should_be)
        total = sums(rows, self.model.calls)
        amount = Decimal(body["total"]["amount"])
        says = (body["total"]["calls"], amount)
        expect(f"/usage total of {month}", says, (total.calls, total.amount))

    async def days(self, party: Distributor, first: str, last: str) -> None:
        """What was used on days, whatever month it stands in."""
        body = await self._read(party, "usage", **{"from": first, "to": last, "group_by": "day"})
        rows = [row for row in party.rows if first <= row.day_key <= last]
        total = sums(rows, self.model.calls)
        says = (body["total"]["calls"], Decimal(body["total"]["amount"]))
        expect(f"/usage {first} to {last}", says, (total.calls, total.amount))

    async def statement(self, party: Distributor, month: str) -> None:
        """The statement of a month, open or closed."""
        reaction = await self._ask(party, "statement", month=month)
        body = reaction.body
        own = self.model.statement(party.ref, month)
        name = f"/statement {month} "
        expect(name + "calls", body["calls"], own.sums.calls)
        expect(name + "amount", Decimal(body["amount"]), own.sums.amount)
        expect(name + "total", Decimal(body["total"]),
               round_total(own.sums.amount, party.currency))  # fmt: skip
        expect(name + "running", body["running"], own.sums.running)
        pipelines = {self.product.ids[ref + ".code"]: ref for ref in self.model.pipelines}
        lines = {}
        for row in body["lines"]:
            lines[pipelines[row["pipeline"]], row["step_key"], row["model"], row["unit"],
                  *price_view(row)] = group_view(row)  # fmt: skip
        expect(name + "lines", lines, own.lines)
        if "closing" not in self.features:
            return
        corrections = [correction_view(row) for row in body["corrections"]]
        should_be = [
            (*ledger_view(row, self.product)[:4], row.amount, row.calls)
            for row in by_settlement(own.corrections)
        ]
        expect(name + "corrections", corrections, should_be)
        says = body["status"], body["number"], body["final"]
        expect(name + "status", says, (own.status, own.number, own.status == "closed"))
        if own.number is not None:
            self.statements.check(party, month, ("json", ""), reaction.raw)

    async def kept_statement(self, party: Distributor, month: str, form: tuple[str, str]) -> None:
        """The statement of a closed month in one of its forms, by its month and by its number."""
        number = party.months.numbers[month]
        for place in ({"month": month}, {"number": number}):
            reaction = await self._ask(party, "statement", **place, **FORMS[form])
            self.statements.check(party, month, form, reaction.raw)
        page = await self.product.wire.admin(
            "distributor_statement_page", distributor_id=self.product.ids[party.ref], month=month
        )
        self.statements.check(party, month, ("print", "en"), page.raw)

    async def everything(self, party: Distributor) -> None:
        """All reports of a distributor, its ledger row by row."""
        self.ledger(party)
        if party.status != "active":
            return
        months = months_of(party, self.model)
        await self.reports(party, months)
        await self.all_lines(party, "17")
        if "closing" in self.features:
            await self.numbers(party)
            self.statements.check_files(party)
        for group, month in zip(GROUPS, months * len(GROUPS), strict=False):
            await self.groups(party, group, month)

    def settlements(self, party: Distributor) -> list[Row]:
        """What `/usage` lists: all that is settled, in the order of settlement; without what came
        with the limits in money, the metered items."""
        rows = [row for row in party.rows if row.entry_no is not None]
        if "limits" not in self.features:
            rows = [row for row in rows if is_item(row)]
        return sorted(rows, key=lambda row: (row.entry_no or 0, row.line_no))

    def ledger(self, party: Distributor) -> None:
        """The rows themselves."""
        sql = (
            "select call_no, line_no, entry_no, entry_type, calls, day_key, month_key, unit,"
            " quantity, amount, currency from pipeline_usage_log where distributor_id <=> %s"
        )
        rows = self.product.rows(sql, self.product.ids.get(party.ref))
        for row in rows:
            if row["entry_type"] in ("adjustment", "topup"):
                row["call_no"] = ""
        says = sorted(tuple(none_to_blank(value) for value in row.values()) for row in rows)
        should_be = sorted(ledger_view(row, self.product) for row in party.rows)
        missing = [row for row in should_be if row not in says]
        surplus = [row for row in says if row not in should_be]
        expect(f"ledger of {party.ref}", surplus, missing)

    async def numbers(self, party: Distributor) -> None:
        """The list of closed statements."""
        body = await self._read(party, "statements", rows="100")
        says = [
            (row["month"], row["number"], row["calls"], Decimal(row["amount"]),
             Decimal(row["total"]))
            for row in body["rows"]
        ]  # fmt: skip
        should_be = []
        for month, number in sorted(party.months.numbers.items(), reverse=True):
            own = self.model.statement(party.ref, month)
            should_be.append((month, number, own.sums.calls, own.sums.amount, own.total))
        expect("/statements", says, should_be)

    async def _read(self, party: Distributor, path: str, **params: str) -> Any:
        return (await self._ask(party, path, **params)).body

    async def _ask(self, party: Distributor, path: str, **params: str) -> Reaction:
        reaction = await self.product.wire.get(self.product.keys[party.ref], path, **params)
        expect(f"GET {path}", reaction.code, None)
        return reaction


def months_of(party: Distributor, model: Model) -> list[str]:
    """The months that have to do with a distributor."""
    keys = {row.month_key for row in party.rows} | {model.calendar.month_key(model.now)}
    return sorted(keys | {next_month(max(keys))})


def by_settlement(rows: Iterable[Row]) -> list[Row]:
    """Rows in the order in which they were settled."""
    return sorted(rows, key=lambda row: (row.entry_no or 0, row.call, row.line_no))


def correction_view(row: dict[str, Any]) -> tuple[Any, ...]:
    """A correction of a statement as both sides are compared."""
    return (row["call_no"], row["line_no"], row["entry_no"], row["entry_type"],
            Decimal(row["amount"]), row["calls"])  # fmt: skip


def line_view(row: Row, product: Product) -> tuple[Any, ...]:
    """A line as both sides are compared."""
    item = (row.item.step, row.item.model, row.item.unit) if row.item else ("", "", "")
    call = product.ids[row.call] if row.call else ""
    return (row.entry_no, row.entry_type, call, row.line_no, *item, row.quantity, row.amount,
            row.currency)  # fmt: skip


def answer_view(row: dict[str, Any]) -> tuple[Any, ...]:
    """A line of an answer, likewise."""
    call = "" if row["entry_type"] in ("adjustment", "topup") else row["call_no"]
    return (
        row["entry_no"], row["entry_type"], call, row["line_no"], row["step_key"],
        row["model"], row["unit"], Decimal(row["quantity"]), Decimal(row["amount"]),
        row["currency"],
    )  # fmt: skip


def ledger_view(row: Row, product: Product) -> tuple[Any, ...]:
    """A row of the ledger as both sides are compared."""
    unit = row.item.unit if row.item else ""
    call = product.ids.get(row.call, "") if row.call else ""
    return (
        call, row.line_no, row.entry_no or 0, row.entry_type, row.calls, row.day_key,
        row.month_key, unit, row.quantity, row.amount, row.currency,
    )  # fmt: skip


def none_to_blank(value: Any) -> Any:
    """Rows without a number sort first."""
    return 0 if value is None else value


def group_view(row: dict[str, Any]) -> tuple[int, Decimal, Decimal]:
    """Calls, quantity and amount of a group."""
    return row["calls"], Decimal(row["quantity"]), Decimal(row["amount"])


def price_view(row: dict[str, Any]) -> tuple[Any, ...]:
    """The price of a statement's line."""
    if row["pricing_type"] == "package":
        return "package", Decimal(row["package_price"]), row["package_size"]
    return "unit", Decimal(row["unit_price"]), row["unit_size"]
