"""What the code of before left behind (tests/data/old_ledger) is migrated, and nothing is lost."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from operator import itemgetter
from typing import Any

import pytest

from app.base.clock import quota_day
from pipeline_dist.reports.statement import round_amount
from tests.support.installation import Installation
from tests.support.long_form import by_form
from tests.support.old_answers import load, old_answers, old_installation, state, take_keys
from tests.support.old_ledger import (
    GROUPS,
    MONTHS,
    MOVED_CLOCK,
    MovedInstallation,
    Teller,
    answers_of,
)
from tests.support.old_story import finish_what_runs
from tests.support.template import Template

Rows = list[dict[str, Any]]
PRICE_KEY = ("distributor_id", "pipeline_id", "step_key", "model", "unit")
PRICE_VALUES = (
    "pricing_type", "unit_price", "unit_size", "package_size", "package_price", "currency",
)  # fmt: skip
# Whose numbers of settlement count on their own: a distributor's, or our own calls' of a pipeline.
ACCOUNT = "coalesce(u.distributor_id, u.pipeline_id)"
CODES = ("coin", "gone", "north", "paused", "south", "tokyo")
OLD = old_answers()
# The old code counted packages by the sum of units: it gave away the rest of one that had grown
# from 100 for 10 to 1000 for 80, and of one that was given back while others used it. What is left
# now is what was paid for; the amounts of the item and of the call:
PACKAGES_NOT_PAID = {
    "runs north picture": ("80.0000000000", "80.0033300000"),
    "runs south picture": ("10.0000000000", "10.0009000000"),
}
# Of the running month, by distributor, and step and model of the price: what was paid for, less
# what was used. Where the size of a package was changed in that month, more was used than paid for.
UNITS_LEFT = {
    ("", "", ""): 100 - 30,
    ("north", "", ""): 0,
    ("north", "draw", "model-b"): 10 - 7,
    ("paused", "", ""): 100 - 60,
    ("south", "", ""): 0,
    ("tokyo", "", ""): 60 - 60,
}


@dataclass
class Migrated:
    """The tables of before, and what became of them."""

    installation: MovedInstallation
    old_tables: dict[str, Rows]
    lines: str
    tables: dict[str, Rows]
    answers: dict[str, Any]
    template: Template
    moment: datetime

    def again(self) -> MovedInstallation:
        """The same, just migrated: put back, which is quicker than to migrate once more."""
        assert self.installation.put_back(self.template)
        return MovedInstallation(self.installation.var_dir, self.moment)


@pytest.fixture(scope="module")
def migrated(database: Installation) -> Iterator[Migrated]:
    installation = old_installation(database)
    old_tables = state(installation)
    lines = installation.manage("migrate").stdout
    tables = state(installation)
    template, moment = installation.take(), installation.moment
    with installation.worker():
        teller = Teller(installation, "after")
        take_keys(teller)
        # As they are sent: texts, numbers, nothing else.
        answers = json.loads(json.dumps(answers_of(teller), default=str))
    answers = answers["distributors"]
    yield Migrated(installation, old_tables, lines, tables, answers, template, moment)
    installation.stop()


def old_of(code: str) -> dict[str, Any]:
    return OLD["distributors"][code]


def assert_as_before(old: Any, new: Any, *, beside: tuple[str, ...] = ()) -> None:
    """Assert that *new* says all that *old* said, apart from *beside*; it may say more."""
    if isinstance(old, dict):
        for name in old.keys() - {*beside}:
            assert name in new, name
            assert_as_before(old[name], new[name], beside=beside)
    elif isinstance(old, list):
        assert len(old) == len(new)
        for old_item, new_item in zip(old, new, strict=True):
            assert_as_before(old_item, new_item, beside=beside)
    else:
        assert new == old


@pytest.mark.parametrize("month", MONTHS)
@pytest.mark.parametrize("code", CODES)
def test_a_statement_is_as_before_to_the_last_digit(
    migrated: Migrated, code: str, month: str
) -> None:
    old, new = (of[code]["statements"][month] for of in (OLD["distributors"], migrated.answers))

    # Final is only what was closed.
    assert_as_before(old, new, beside=("made_at", "total", "final"))
    # What is paid has the currency's own decimals by now: none of the yen.
    assert new["total"] == str(round_amount(Decimal(old["amount"]), old["currency"]))


@pytest.mark.parametrize("code", ["coin", "north", "south", "tokyo"])
def test_an_account_and_its_calls_are_told_as_before(migrated: Migrated, code: str) -> None:
    old, new = old_of(code), migrated.answers[code]

    assert_as_before(old["me"], new["me"], beside=("limits",))
    assert_as_before(
        [limit for limit in old["me"]["limits"] if limit["scope"] != "rate"],
        [limit for limit in new["me"]["limits"] if limit["scope"] != "rate"],
    )
    assert_as_before(old["calls"], new["calls"])


@pytest.mark.parametrize("month", MONTHS)
@pytest.mark.parametrize("code", ["coin", "north", "south", "tokyo"])
def test_use_is_told_as_before_and_as_the_statement_has_it(
    migrated: Migrated, code: str, month: str
) -> None:
    old, new = (of[code]["usage"][month] for of in (OLD["distributors"], migrated.answers))
    statement = migrated.answers[code]["statements"][month]

    for group in GROUPS:
        # A cancelled call counts nowhere by now.
        assert_as_before(old[group], new[group], beside=("calls",))
        assert new[group]["total"]["calls"] == statement["calls"]
    rows = new["lines"]["rows"]
    others = [row for row in rows if row["status"] != "voided" and row["unit"]]
    key = itemgetter("call_no", "line_no")
    assert_as_before(sorted(old["lines"]["rows"], key=key), sorted(others, key=key))
    assert sum(Decimal(row["amount"]) for row in rows) == Decimal(statement["amount"])
    assert sum(Decimal(row["quantity"]) for row in rows) == sum(
        Decimal(line["quantity"]) for line in statement["lines"]
    )


def test_numbers_follow_the_order_of_settlement_without_a_gap(migrated: Migrated) -> None:
    entries: dict[str, dict[int, Rows]] = {}
    for row in migrated.installation.query(
        f"select u.*, {ACCOUNT} as account from pipeline_usage_log u where entry_no is not null"
    ):
        entries.setdefault(row["account"], {}).setdefault(row["entry_no"], []).append(row)

    def settled_at(rows: Rows) -> Any:
        items = [row["created_at"] for row in rows if row["unit"] or row["reverses"]]
        (header,) = [row for row in rows if row["line_no"] == 0] or [{}]
        end = header.get("finished_at" if header.get("lease_seconds") else "created_at")
        return min(items, default=end)

    assert len(entries) == 8  # six distributors, and our own calls of two pipelines
    for account, by_number in entries.items():
        assert sorted(by_number) == list(range(1, len(by_number) + 1)), account
        assert all(len({row["call_no"] for row in rows}) == 1 for rows in by_number.values())
        times = [settled_at(by_number[number]) for number in sorted(by_number)]
        assert all(before <= after for before, after in pairwise(times)), account
    counters = {
        row["id"]: row["entry_no"]
        for table in ("distributors", "app_own_entries")
        for row in migrated.installation.query(f"select id, entry_no from {table}")
    }
    assert counters == {account: len(numbers) for account, numbers in entries.items()}


def test_each_settled_row_has_the_day_of_its_settlement(migrated: Migrated) -> None:
    rows = {row["id"]: row for row in migrated.tables["pipeline_usage_log"]}

    for row in rows.values():
        if row["entry_no"] is None:
            assert row["spend_day"] is None
            continue
        # What is taken back is taken off the day on which it was charged.
        charge = rows[row["reverses"] or row["id"]]
        ends_later = not charge["unit"] and charge["lease_seconds"]
        settled_at = (ends_later and charge["finished_at"]) or charge["created_at"]
        assert row["spend_day"] == quota_day(settled_at.replace(tzinfo=UTC))


def test_what_is_not_settled_has_no_number(migrated: Migrated) -> None:
    rows = migrated.installation.query(
        "select status, count(*) as calls, max(end_hash) as end_hash from pipeline_usage_log"
        " where entry_no is null group by status order by status"
    )

    # The voided ones were voided while they ran, or after their lease.
    assert [row["status"] for row in rows] == ["expired", "reserved", "voided"]
    assert {row["end_hash"] for row in rows} == {None}


def test_each_voided_call_is_taken_back_in_its_own_month(migrated: Migrated) -> None:
    voided: dict[str, Rows] = {}
    for row in migrated.old_tables["pipeline_usage_log"]:
        if row["status"] == "voided":
            voided.setdefault(row["call_no"], []).append(row)
    assert len(voided) >= 10

    for call_no, old in voided.items():
        rows = migrated.installation.query(
            "select * from pipeline_usage_log where call_no = %s order by line_no", call_no
        )
        charges, reversals = rows[: len(old)], rows[len(old) :]
        items = [row for row in charges if row["unit"]] or charges[:1]
        assert [row["reverses"] for row in reversals] == [row["id"] for row in items]
        assert [row["line_no"] for row in rows] == list(range(len(rows)))
        assert sum(row["calls"] for row in rows) == 0
        assert [row["calls"] for row in reversals] == [-1] + [0] * (len(reversals) - 1)
        for item, reversal in zip(items, reversals, strict=True):
            assert (reversal["quantity"], reversal["amount"]) == (
                -item["quantity"], -item["amount"],
            )  # fmt: skip
            for name in ("month_key", "day_key", "started_at", "step_key", "model", "unit"):
                assert reversal[name] == item[name]
            assert (reversal["entry_type"], reversal["created_at"]) == (
                "reversal", item["voided_at"],
            )  # fmt: skip
            assert (reversal["reason"], reversal["created_by"]) == (
                item["void_reason"], item["voided_by"],
            )  # fmt: skip


def test_no_row_of_before_is_changed_but_for_what_is_new(migrated: Migrated) -> None:
    new = {row["id"]: row for row in migrated.tables["pipeline_usage_log"]}

    for row in migrated.old_tables["pipeline_usage_log"]:
        # What runs gets the terms of its link.
        names = row.keys() - ({"pricing_mode"} if new[row["id"]]["entry_no"] is None else set())
        assert {name: new[row["id"]][name] for name in names} == {name: row[name] for name in names}
        counts = row["line_no"] == 0 and row["status"] != "cancelled"
        assert (new[row["id"]]["entry_type"], new[row["id"]]["calls"]) == ("charge", int(counts))


def test_each_fixed_price_is_a_row_of_its_own_since_its_link_was_made(migrated: Migrated) -> None:
    own = {
        tuple(row[name] for name in PRICE_KEY): row
        for row in migrated.tables["pipeline_pricing"]
        if row["distributor_id"]
    }
    count = 0
    for link in migrated.old_tables["distributor_pipeline"]:
        for item in json.loads(link["fixed_prices"] or "[]", parse_float=Decimal):
            count += 1
            row = own[tuple((link | item)[name] for name in PRICE_KEY)]
            assert [row[name] for name in PRICE_VALUES] == [
                Decimal(value) if isinstance(value := item[name], str) and value[0].isdigit()
                else value for name in PRICE_VALUES
            ]  # fmt: skip
            # A list that was kept beside another mode did not apply, and does not.
            assert row["enabled"] == (link["pricing_mode"] == "fixed")
            assert (row["effective_from"], row["effective_to"]) == (link["created_at"], None)
            assert (row["created_at"], row["created_by"], row["terms_no"]) == (
                link["created_at"], link["created_by"], 0,
            )  # fmt: skip
    assert count == len(own) == 8


def test_a_link_that_needs_general_prices_inherits_them_and_the_operator_is_told(
    migrated: Migrated,
) -> None:
    modes = {row["id"]: row["pricing_mode"] for row in migrated.tables["distributor_pipeline"]}
    changes = [
        (row["pricing_mode"], modes[row["id"]])
        for row in migrated.old_tables["distributor_pipeline"]
        if row["pricing_mode"] != modes[row["id"]]
    ]

    assert changes == [("fixed", "inherit")]
    assert "paused inherits prices of picture that its own do not cover" in migrated.lines


def test_what_runs_has_the_terms_of_its_link(migrated: Migrated) -> None:
    links = {
        (row["distributor_id"], row["pipeline_id"]): row
        for row in migrated.tables["distributor_pipeline"]
    }
    running = [row for row in migrated.tables["pipeline_usage_log"] if row["status"] == "reserved"]
    assert len(running) == 8

    for row in running:
        link = links[row["distributor_id"], row["pipeline_id"]]
        for name in ("pricing_mode", "discount_rate"):
            assert row[name] == link[name]
        assert row["terms_no"] == 0


def test_units_that_are_paid_for_are_kept(migrated: Migrated) -> None:
    rows = migrated.installation.query(
        "select coalesce(d.code, '') as code, u.* from app_package_use u"
        " left join distributors d on d.id = u.distributor_id where u.month_key = '2026-11'"
    )

    units_left = {(row["code"], row["step_key"], row["model"]): row["units_left"] for row in rows}
    assert units_left == UNITS_LEFT
    assert {row["unit"] for row in rows} == {"image"}


def test_months_that_are_over_stay_open_and_the_operator_is_told_how_to_close(
    migrated: Migrated,
) -> None:
    rows = {row["code"]: row for row in migrated.tables["distributors"]}

    assert {row["closed_month"] for row in rows.values()} == {None}
    # One had no call in them.
    assert rows.pop("paused")["statements_from"] is None
    assert {row["statements_from"] for row in rows.values()} == {"2026-11"}
    assert migrated.tables["app_statement"] == []
    assert {
        answers["statements"][month]["status"]
        for code, answers in migrated.answers.items() if code != "paused"
        for month in ("2026-09", "2026-10")
    } == {"ended"}  # fmt: skip
    assert "5 distributor(s) have months that are over and stay open, the oldest 2026-09" in (
        migrated.lines
    )
    assert "close-months" in migrated.lines


def test_what_is_closed_then_says_what_was_told_before(migrated: Migrated) -> None:
    installation = migrated.again()
    installation.manage("close-months")
    with installation.worker():
        teller = Teller(installation, "closed")
        take_keys(teller)
        answers = json.loads(json.dumps(answers_of(teller), default=str))["distributors"]

    numbers = []
    for code in CODES:
        for month in ("2026-09", "2026-10"):
            old, new = (of[code]["statements"][month] for of in (OLD["distributors"], answers))
            assert_as_before(old, new, beside=("made_at", "total"))
            assert new["final"]
            assert new["total"] == str(round_amount(Decimal(old["amount"]), old["currency"]))
            numbers.append(new.get("number"))
    # Who had nothing to pay for gets no statement, and no number.
    assert sorted(filter(None, numbers)) == [
        *(f"2026-09-{n:04}" for n in range(1, 6)), *(f"2026-10-{n:04}" for n in range(1, 5)),
    ]  # fmt: skip
    assert installation.manage("check-ledger", check=False).returncode == 0
    installation.stop()


def test_the_ledger_is_clean_and_a_second_migration_changes_nothing(migrated: Migrated) -> None:
    check = migrated.installation.manage("check-ledger", check=False)

    assert check.returncode == 0, check.stdout
    tables = state(migrated.installation)  # the worker has closed months without a call
    assert "The tables are as the models say." in migrated.installation.manage("migrate").stdout
    assert state(migrated.installation) == tables


def change_all_terms(teller: Teller) -> None:
    """Take all links away, with the own prices that they had, and double everybody's prices."""
    for link in teller.installation.query("select id from distributor_pipeline order by id"):
        teller.change("pipeline_dist/distributor_pipeline_delete", link)
    for price in teller.installation.query(
        "select * from pipeline_pricing where distributor_id = '' and enabled = 1"
        " and effective_from <= %s and coalesce(effective_to, '9999-12-31') > %s",
        *[teller.installation.moment.replace(tzinfo=None)] * 2,
    ):
        name = "unit_price" if price["unit_price"] is not None else "package_price"
        new = {name: str(price[name] * 2), "change_from": "now"}
        teller.change("pipeline_ops/pipeline_pricing_update", price, **new)


def test_what_runs_is_finished_at_the_terms_it_began_under(migrated: Migrated) -> None:
    installation = migrated.again()
    with installation.worker():
        teller = Teller(installation, "endings")
        take_keys(teller)
        change_all_terms(teller)
        endings = finish_what_runs(teller)

    for name, old in OLD["endings"].items():
        new = json.loads(json.dumps(endings[name], default=str))
        if name in PACKAGES_NOT_PAID:
            old["lines"][0]["amount"], old["amount"] = PACKAGES_NOT_PAID[name]
        # The first item stands in the header row by now.
        assert_as_before(old, new, beside=("finished_at", "duration_ms", "line_no"))
    assert installation.manage("check-ledger", check=False).returncode == 0
    installation.stop()


def test_a_migration_killed_at_any_change_goes_on_to_the_same(
    database: Installation, migrated: Migrated
) -> None:
    load(migrated.installation)

    apart = by_form("18", "1")  # changes; at each it takes a minute
    program = "tests/support/dying_migration.py"
    kills = int(migrated.installation.command(MOVED_CLOCK, program, apart).stdout)

    assert kills > 4
    tables = state(migrated.installation)
    assert tables.keys() == migrated.tables.keys()
    for name, rows in migrated.tables.items():  # one by one: what differs is told
        assert tables[name] == rows
