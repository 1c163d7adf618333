"""`manage.py replay` against the running application, on a small trace made here."""

import csv
import json
import random
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.installation import Installation

CALLS = 40
PRICES = {"small-model": ("0.8625", "4.3125"), "vendor/Big.Model": ("3", "15")}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A trace and a price list, written as the recorded ones are."""
    folder = tmp_path_factory.mktemp("replay")
    numbers = random.Random(7)
    trace, prices = folder / "trace.csv", folder / "prices.csv"
    with trace.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["TIMESTAMP", "ContextTokens", "GeneratedTokens"])
        for number in range(CALLS):
            second = f"2023-11-16 18:17:{number // 10:02d}.{number % 10}799600"
            writer.writerow([second, numbers.randrange(8000), numbers.randrange(400)])
    with prices.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["provider", "model", "input_usd_per_1m_tokens", "output_usd_per_1m_tokens"]
        )
        writer.writerow(["one", "small-model", *PRICES["small-model"]])
        writer.writerow(["vendor", "Big.Model", *PRICES["vendor/Big.Model"]])
        writer.writerow(["other", "Big.Model", "4", "15"])
    return trace, prices


def expected(trace: Path, model: str) -> Decimal:
    """What the trace costs, computed apart from the application."""
    price_in, price_out = (Decimal(text) for text in PRICES[model])
    with trace.open(encoding="utf-8", newline="") as file:
        return sum(
            (
                Decimal(row["ContextTokens"]) * price_in / 1_000_000
                + Decimal(row["GeneratedTokens"]) * price_out / 1_000_000
                for row in csv.DictReader(file)
            ),
            Decimal(0),
        )


def replay(server: Installation, files: tuple[Path, Path], *more: str) -> dict[str, Any]:
    process = server.manage(
        "replay", "--trace", str(files[0]), "--prices", str(files[1]), "--json", *more
    )
    value: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return value


def ledger(server: Installation, pipeline: str) -> dict[str, Any]:
    return server.query(
        "select count(*) as lines_booked, count(distinct u.call_no) as calls,"
        " sum(u.amount) as amount from pipeline_usage_log u"
        " join pipelines p on p.id = u.pipeline_id where p.code = %s",
        pipeline,
    )[0]


@pytest.fixture(scope="module")
def report(server: Installation, files: tuple[Path, Path]) -> dict[str, Any]:
    return replay(server, files, "--model", "small-model", "--prefix", "first")


def test_the_ledger_has_what_the_files_say(
    server: Installation, files: tuple[Path, Path], report: dict[str, Any]
) -> None:
    bookings = ledger(server, report["pipeline"])

    assert report["calls"] == bookings["calls"] == CALLS
    assert Decimal(report["amount"]) == bookings["amount"] == expected(files[0], "small-model")
    assert report["calls_per_second"] > 0
    assert server.manage("check-ledger").returncode == 0


def test_the_same_prefix_books_nothing_new(
    server: Installation, files: tuple[Path, Path], report: dict[str, Any]
) -> None:
    before = ledger(server, report["pipeline"])
    again = replay(server, files, "--model", "small-model", "--prefix", "first")

    assert ledger(server, report["pipeline"]) == before
    assert (again["calls"], again["amount"]) == (report["calls"], report["amount"])
    count_of = "select count(*) as n from {} where code like 'replay-%'"
    assert server.query(count_of.format("pipelines"))[0]["n"] == 1
    assert server.query(count_of.format("distributors"))[0]["n"] == 1


def test_another_prefix_books_again(
    server: Installation, files: tuple[Path, Path], report: dict[str, Any]
) -> None:
    before = ledger(server, report["pipeline"])
    replay(server, files, "--model", "small-model", "--prefix", "second", "--concurrency", "1")

    assert ledger(server, report["pipeline"])["amount"] == 2 * before["amount"]


def test_the_key_is_kept_for_the_owner_alone_and_made_anew_when_lost(
    server: Installation, files: tuple[Path, Path], report: dict[str, Any]
) -> None:
    key_file = server.var_dir / "replay-key.json"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    key_file.unlink()

    assert replay(server, files, "--model", "small-model", "--prefix", "first") | {
        "calls_per_second": 0
    } == report | {"calls_per_second": 0}
    assert report["pipeline"] in json.loads(key_file.read_text("utf-8"))


def test_models_of_several_providers_are_named_with_theirs(
    server: Installation, files: tuple[Path, Path]
) -> None:
    outcome = replay(server, files, "--model", "vendor/Big.Model")

    assert Decimal(outcome["amount"]) == expected(files[0], "vendor/Big.Model")
    assert outcome["pipeline"].startswith("replay-vendor-big-model-")


def test_changed_prices_hold_for_new_calls_only(
    server: Installation, files: tuple[Path, Path], report: dict[str, Any], tmp_path: Path
) -> None:
    before = ledger(server, report["pipeline"])["amount"]
    dearer = tmp_path / "dearer.csv"
    dearer.write_text(files[1].read_text("utf-8").replace("0.8625,4.3125", "1.725,8.625"))
    new = replay(server, (files[0], dearer), "--model", "small-model", "--prefix", "dearer")
    replay(server, files, "--model", "small-model", "--prefix", "first")

    assert Decimal(new["amount"]) == 2 * expected(files[0], "small-model")
    assert ledger(server, report["pipeline"])["amount"] == before + Decimal(new["amount"])


def test_speed_keeps_the_recorded_pace(server: Installation, files: tuple[Path, Path]) -> None:
    outcome = replay(server, files, "--model", "small-model", "--prefix", "slow", "--speed", "2")

    # 40 calls in 3.9 recorded seconds, twice as fast.
    assert outcome["calls_per_second"] <= CALLS / 1.95


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"--trace": "/no/such/file"}, "cannot be read"),
        ({"--model": "unheard-of"}, "no prices for the model unheard-of"),
        ({"--model": "Big.Model"}, "vendor/Big.Model, other/Big.Model"),
        ({"--base-url": "http://127.0.0.1:9"}, "Start it"),
        ({"--speed": "-1"}, "--speed"),
        ({"--concurrency": "0"}, "--concurrency"),
    ],
)
def test_what_cannot_be_is_said(
    server: Installation, files: tuple[Path, Path], change: dict[str, str], sentence: str
) -> None:
    options = {"--trace": str(files[0]), "--prices": str(files[1]), "--model": "small-model"}
    words = [word for pair in (options | change).items() for word in pair]
    process = server.manage("replay", *words, check=False)

    assert process.returncode in (1, 2)
    assert sentence in process.stderr
    assert "Traceback" not in process.stderr


def test_a_broken_row_is_named(
    server: Installation, files: tuple[Path, Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:03.9799600,48,1\r\n,x,1\r\n"
    )
    process = server.manage(
        "replay", "--trace", str(broken), "--prices", str(files[1]), "--model", "small-model",
        check=False,
    )  # fmt: skip

    assert process.returncode == 1
    assert "line 3" in process.stderr
