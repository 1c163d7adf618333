"""What the benchmarks compare the application with does the same, and leaves the ledger right."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import sql_client
from tests.bench.admission_servers import Server, make_procedures, running
from tests.bench.contests import Contest
from tests.bench.load import bookings, drive, write_requests
from tests.bench.postgres_server import Postgres, binaries, postgres
from tests.bench.table import compare_reads, reads
from tests.bench.targets import make_targets
from tests.support.installation import Installation

SERVERS = ("ours-1", "plain-2", "procedure", "reads-1")
Servers = dict[str, Server]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def targets(database: Installation, folder: Path) -> list[tuple[str, str]]:
    return make_targets(database, 2, 2, folder / "targets")


@pytest.fixture(scope="module")
def servers(
    database: Installation, folder: Path, targets: list[tuple[str, str]]
) -> Iterator[Servers]:
    make_procedures(database)
    with running(database, folder, SERVERS) as some:
        yield {server.name: server for server in some}


def row_count(database: Installation) -> int:
    (row,) = database.query("select count(*) as row_count from pipeline_usage_log")
    return int(row["row_count"])


def assert_exact(database: Installation) -> None:
    check = database.manage("check-ledger", check=False)
    assert ": 0 difference(s)." in check.stdout, check.stdout


@pytest.mark.parametrize("mode", ["one_go", "begin_finish"])
def test_all_book_the_same_rows(
    database: Installation,
    folder: Path,
    targets: list[tuple[str, str]],
    servers: Servers,
    mode: str,
) -> None:
    file = write_requests(folder / mode, bookings(targets, mode))
    for name in ("ours-1", "plain-2", "procedure"):
        before = row_count(database)
        run = drive(servers[name].url, file, clients=4, seconds=0.3, pids=servers[name].pids)
        assert run.good > 0, name
        assert (run.errors, run.lost) == (0, 0), name
        # Where a call takes two requests, the second finishes what the first began.
        calls = run.good if mode == "one_go" else run.good / 2
        assert row_count(database) - before == calls, name
    assert_exact(database)


def test_reads_have_the_same_answers(
    folder: Path, targets: list[tuple[str, str]], servers: Servers
) -> None:
    contests = [
        Contest(title, ("ours-1", "reads-1"), write_requests(folder / name, [request]), 1)
        for name, (title, request, _) in reads(targets[0]).items()
    ]
    assert len(contests) == 4
    compare_reads(servers, contests)


def test_the_sql_alone_books_the_same_rows(
    database: Installation, targets: list[tuple[str, str]], servers: Servers, folder: Path
) -> None:
    drive(servers["ours-1"].url, folder / "targets", clients=2, seconds=0.2)
    program = sql_client.compile_client()
    if isinstance(program, str):
        pytest.skip(program)
    before = row_count(database)
    run = sql_client.run(program, database, targets[0][1], batch=7, seconds=0.2)
    assert run.per_second > 0
    assert row_count(database) > before
    assert_exact(database)


def test_the_postgresql_function_lets_in_what_fits(
    database: Installation, targets: list[tuple[str, str]]
) -> None:
    if binaries() is None:
        pytest.skip("no PostgreSQL here")
    with postgres() as server:
        assert server is not None
        server.copy_targets(database)
        server.run("update pipeline_capacity set daily_quota = 5;")
        code = targets[0][1]
        digest = server.run(
            "select d.api_key_hash from distributors d join distributor_pipeline l"
            " on l.distributor_id = d.id join pipelines p on p.id = l.pipeline_id"
            f" where p.code = '{code}';"
        ).strip()
        assert admit(server, digest, code, "a", 3) == ["", "", ""]
        # Two fit; the batch as a whole does not.
        refusals = admit(server, digest, code, "b", 4)
        assert sorted(refusals) == ["", "", "429 refused", "429 refused"]
        assert admit(server, "0" * 64, code, "c", 1) == ["429 refused"]
        assert server.check() == "5 calls: 0 wrong counter(s)"


def admit(server: Postgres, digest: str, code: str, mark: str, count: int) -> list[str]:
    """What the function says of so many calls: '' of those that it lets in."""
    names = range(count)
    arrays = [
        [digest] * count, [code] * count, [f"{mark}-{n}" for n in names], ["h"] * count,
        ["call"] * count, [f"{mark}{n}" for n in names],
    ]  # fmt: skip
    texts = ["array[" + ", ".join(f"'{value}'" for value in array) + "]" for array in arrays]
    quantities = f"array[{', '.join(['1'] * count)}]::numeric[]"
    text = (
        f"select coalesce(refused, '') from bench_admit({', '.join(texts[:5])}, {quantities},"
        f" {texts[5]}, '2026-11-20 07:00:00', '2026-11-20', '2026-11') order by place;"
    )
    return server.run(text)[:-1].split("\n")
