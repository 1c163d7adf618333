"""The list of a large table: read by its indexes at any depth, and saying what it can do."""

import json
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from app.base.catalogue.records import LIST_TOO_SLOW
from app.base.errors import BadRequest, Unavailable
from app.base.settings import settings
from app.db.time_limit import TimeLimit
from app.db.transactions import reading
from app.endpoints import choices, large_lists, lists
from app.endpoints.lists import list_rows, page_of, select_rows
from app.records import table_sizes
from app.schema.tables import table
from tests.support.installation import Installation, write_config
from tests.support.large_ledger import COUNTED_ROWS, FREE_ROWS, ROWS, fill_ledger
from tests.support.reads import reads_of

pytestmark = pytest.mark.usefixtures("pool")
LEDGER = "pipeline_usage_log"
# A count up to its limit, a page, and what is looked up for its rows.
FEW = 1_500


@pytest.fixture(scope="module", autouse=True)
def _large(database: Installation) -> Iterator[None]:
    write_config(database.var_dir, list_free_rows=FREE_ROWS, list_counted_rows=COUNTED_ROWS)
    fill_ledger(database)
    yield
    write_config(database.var_dir)


@pytest.fixture(autouse=True)
def _sizes() -> Iterator[None]:
    table_sizes.forget()
    yield
    table_sizes.forget()


async def listing(
    params: dict[str, Any], name: str = LEDGER, sort: Any = "id desc"
) -> tuple[dict[str, Any], int]:
    """A page with what the answer says of the list, and how many rows and keys were read for it."""
    async with reading() as sor:
        await table_sizes.is_large(sor, name)  # counted once in some seconds
        return await reads_of(sor, _listing(sor, params, name, sort))


async def _listing(sor: Any, params: dict[str, Any], name: str, sort: Any) -> dict[str, Any]:
    selection, large = await select_rows(sor, table(name), params, sort, [])
    return await page_of(sor, selection, params) | large


def day(number: int) -> dict[str, str]:
    """The filter for one day of 2026."""
    name = f"2026-{number:02}"
    return {"started_at_from": f"{name}-05T00:00:00Z", "started_at_to": f"{name}-06T00:00:00Z"}


FILTERS: list[dict[str, Any]] = [
    {},
    {"distributor_id": "main"},
    {"distributor_id": "past"},
    {"distributor_id": "few"},
    {"pipeline_id": "big"},
    {"pipeline_id": "old"},
    {"pipeline_id": "rare"},
    {"pipeline_id": "big", "day_key": "2026-05-05"},
    {"pipeline_id": "big", **day(5)},
    {"pipeline_id": "old", "distributor_id": "past"},
    {"pipeline_id": "rare", "distributor_id": "few"},
    {"status": "voided"},
    {"status": "succeeded"},
    {"status": ["voided", "failed"]},
    {"distributor_id": "past", "status": "voided"},
    day(3),
    {"started_at_from": "2026-01-01", "started_at_to": "2026-02-01"},
    {"started_at_to": "2026-01-20"},
]  # fmt: skip


@pytest.mark.parametrize("params", FILTERS, ids=str)
async def test_a_page_is_found_without_walking_past_others(params: dict[str, Any]) -> None:
    """Rows of `past` and `old` are behind 27,000 others in the list's own order."""
    answer, reads = await listing(params | {"rows": 50})

    assert answer["rows"]
    assert reads < FEW


@pytest.mark.parametrize("params", FILTERS, ids=str)
async def test_the_way_on_costs_the_same_at_any_depth(params: dict[str, Any]) -> None:
    end, reads = await listing(params | {"rows": 50, "_last": "1"})
    assert (end["next"], reads < FEW) == (None, True)
    if end["previous"]:
        before, reads = await listing(params | {"rows": 50, "_before": end["previous"]})
        assert reads < FEW
        behind, reads = await listing(params | {"rows": 50, "_after": before["next"]})
        assert reads < FEW
        assert behind["rows"] == end["rows"]


SORTS = [None, "started_at", "started_at desc", "id", "id desc", "call_no", "status desc"]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize(
    "params",
    [{"distributor_id": "past"}, {"status": "voided"}, {"pipeline_id": "old", **day(1)},
     {"pipeline_id": "old", "started_at_from": "2026-01-03T00:00:00Z"}],
    ids=str,
)  # fmt: skip
async def test_walking_either_way_meets_every_row_once(
    pool: Installation, params: dict[str, Any], sort: str | None
) -> None:
    query = params | {"rows": 300} | ({"sort": sort} if sort else {})
    there, back = await walk(query, "_after", "next"), await walk(query, "_before", "previous")

    conditions = {"started_at_from": "started_at >= %s", "started_at_to": "started_at < %s"}
    where = " and ".join(conditions.get(name, f"{name} = %s") for name in params)
    expected = pool.query(f"select id from {LEDGER} where {where}", *params.values())
    ids = [row["id"] for row in there]
    assert ids == [row["id"] for row in back]
    assert sorted(ids) == sorted(row["id"] for row in expected)
    if sort and (name := sort.split()[0]) not in params:
        values = [row[name] for row in there]
        assert values == sorted(values, reverse=sort.endswith("desc"))


async def walk(query: dict[str, Any], direction: str, way: str) -> list[dict[str, Any]]:
    """All rows, page by page, in order; backwards from the end."""
    page, _ = await listing(query | ({"_last": "1"} if direction == "_before" else {}))
    rows: list[dict[str, Any]] = page["rows"]
    while page[way]:
        page, _ = await listing(query | {direction: page[way]})
        rows = page["rows"] + rows if direction == "_before" else rows + page["rows"]
    return rows


async def test_the_calls_of_a_distributor_s_month_are_found_without_the_later_ones() -> None:
    """As a distributor's page asks for them."""
    conditions = [
        ("distributor_id", "=", "main"), ("pipeline_id", "=", "big"), ("line_no", "=", 0),
        ("day_key", ">=", "2026-03-01"), ("day_key", "<=", "2026-03-31"),
        ("started_at", ">=", "2026-02-28T00:00:00.000Z"),
        ("started_at", "<", "2026-04-02T00:00:00.000Z"),
    ]  # fmt: skip
    parts = [{"field": name, "op": op, "const": value} for name, op, value in conditions]
    params = {"data_filter": json.dumps({"AND": parts}), "sort": "started_at desc", "rows": 50}
    answer, reads = await listing(params)

    assert {row["day_key"] for row in answer["rows"]} == {"2026-03-31"}
    assert reads < FEW


async def test_it_is_counted_up_to_a_limit() -> None:
    answer, reads = await listing({"distributor_id": "main", "rows": 10})
    assert (answer["total"], answer["capped"]) == (COUNTED_ROWS + 1, True)
    assert reads < FEW
    answer, _ = await listing({"distributor_id": "few", "rows": 10})
    assert (answer["total"], answer["capped"]) == (ROWS // 500, False)


async def test_page_numbers_end_where_counting_does() -> None:
    page, _ = await listing({"rows": 50, "page": 1 + COUNTED_ROWS // 50})
    assert len(page["rows"]) == 50
    with pytest.raises(BadRequest) as refusal:
        await listing({"rows": 50, "page": 2 + COUNTED_ROWS // 50})
    assert refusal.value.code == "bad_paging"


@pytest.mark.parametrize("sort", ["amount", "client_ref desc", "distributor_id_text", "model"])
async def test_it_is_sorted_by_what_an_index_carries(sort: str) -> None:
    answer, _ = await listing({})
    assert sort.split()[0] not in answer["large"]["sortable"]
    with pytest.raises(BadRequest) as refusal:
        await listing({"sort": sort})
    assert refusal.value.code == "bad_sort"
    assert "started_at" in str(refusal.value)
    with pytest.raises(BadRequest):
        await listing({"sort": "started_at, id desc"})  # no index has two directions
    # What the filter leaves is few.
    answer, reads = await listing({"sort": sort, "distributor_id": "few"})
    assert reads < FEW
    assert "large" not in answer


async def test_what_it_says_can_be_sorted_by_can() -> None:
    for params in ({}, {"distributor_id": "main"}, {"pipeline_id": "big", "status": "succeeded"}):
        answer, _ = await listing(params)
        for name in answer["large"]["sortable"]:
            _, reads = await listing(params | {"sort": f"{name} desc", "rows": 20})
            # An order that is asked for may lead past rows that the filter leaves out.
            assert reads < (FEW if not params else ROWS // 5), (params, name)


@pytest.mark.parametrize(
    ("params", "keys"),
    [
        ({"q": "key-2999"}, ["key-2999", *(f"key-2999{n}" for n in range(10))]),
        ({"q": "key-29%"}, []),
        ({"q": "ey-2999"}, []),
        ({"q": "ref-2999"}, []),
        # Few are searched through and through.
        ({"q": "EF-25007", "distributor_id": "few"}, ["key-25007"]),
    ],
    ids=str,
)
async def test_the_beginnings_of_texts_are_searched(
    params: dict[str, Any], keys: list[str]
) -> None:
    answer, reads = await listing(params | {"rows": 50})

    assert sorted(row["idempotency_key"] for row in answer["rows"]) == sorted(keys)
    assert answer["total"] == len(answer["rows"])
    assert reads < FEW
    if not params.get("distributor_id"):
        assert answer["large"]["searchable"] == ["call_no", "idempotency_key"]


async def test_a_search_that_finds_most_goes_by_the_order() -> None:
    answer, reads = await listing({"q": "key-", "rows": 50})

    assert [row["idempotency_key"] for row in answer["rows"][:2]] == [f"key-{ROWS}", "key-29999"]
    assert answer["capped"]
    assert reads < FEW


@pytest.mark.parametrize(
    "text", ["x", "é", "eyJ", "W10", "WyJpZCJd", "WyJpZCIsW11d", "WyJhbW91bnQiLDFd", "A" * 3_000]
)
async def test_a_cursor_is_read_with_care(text: str) -> None:
    for name in ("_after", "_before"):
        with pytest.raises(BadRequest) as refusal:
            await listing({name: text})
        assert refusal.value.code in ("bad_paging", "bad_sort")


@pytest.mark.parametrize("sort", ["id,description desc", "description desc,id", "description,id"])
async def test_a_cursor_may_hold_nothing(sort: str) -> None:
    """Also as the last word of an order that its reader chose."""
    query: dict[str, Any] = {"sort": sort, "rows": 1}
    pages = [await listing(query | {"_after": ""}, "pipelines")]
    while cursor := pages[-1][0]["next"]:
        pages.append(await listing(query | {"_after": cursor}, "pipelines"))

    assert [row["id"] for page, _ in pages for row in page["rows"]] == ["big", "old", "rare"]


async def test_a_cursor_goes_with_its_order() -> None:
    answer, _ = await listing({"sort": "started_at", "rows": 5})
    for sort in ("started_at desc", "call_no"):
        with pytest.raises(BadRequest) as refusal:
            await listing({"sort": sort, "_after": answer["next"]})
        assert refusal.value.code == "bad_paging"
    behind, _ = await listing({"_after": answer["next"], "rows": 5})
    assert behind["rows"][0]["started_at"] > answer["rows"][-1]["started_at"]


async def test_a_cursor_is_not_moved_by_what_others_add_and_delete(pool: Installation) -> None:
    query: dict[str, Any] = {"sort": "code", "rows": 1}
    first, _ = await listing(query | {"_after": ""}, "pipelines")
    try:
        pool.query("insert into pipelines (id, code, name, created_at, updated_at)"
                   " values ('new', 'a', 'A', now(3), now(3))")  # fmt: skip
        second, _ = await listing(query | {"_after": first["next"]}, "pipelines")
    finally:
        pool.query("delete from pipelines where id = 'new'")
    assert [row["code"] for page in (first, second) for row in page["rows"]] == ["big", "old"]


@pytest.mark.parametrize(
    ("sort", "most"), [("call_no", [10, 100_000]), ("distributor_id", [100_000, 10])]
)
async def test_a_cursor_goes_on_where_a_list_grows_or_shrinks(
    monkeypatch: pytest.MonkeyPatch, sort: str, most: list[int]
) -> None:
    """It becomes one of many or of few rows between two pages, so that another index is gone by."""
    options, cursor = settings().options, ""
    pages: list[dict[str, Any]] = []
    for count in most:
        present = SimpleNamespace(options=replace(options, list_counted_rows=count))
        for module in (lists, large_lists):
            monkeypatch.setattr(module, "settings", lambda present=present: present)
        query = {"distributor_id": "few", "sort": sort, "rows": 20, "_after": cursor}
        pages.append((await listing(query))[0])
        cursor = pages[-1]["next"]

    whole, _ = await listing({"distributor_id": "few", "sort": sort, "rows": 40})
    assert [row["id"] for page in pages for row in page["rows"]] == [
        row["id"] for row in whole["rows"]
    ]


LISTS = {
    "app_audit": "created_at desc",
    "pipelines": "created_at desc",
    "pipeline_steps": ["pipeline_id", "stage", "step_no"],
    "pipeline_versions": ["pipeline_id", "version_no desc"],
    "pipeline_capacity": "created_at desc",
    "pipeline_pricing": ["pipeline_id", "effective_from desc"],
    "distributors": "created_at desc",
    "distributor_pipeline": ["distributor_id", "created_at desc"],
}


@pytest.mark.parametrize("name", LISTS)
async def test_every_list_can_be_that_of_a_large_table(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each goes by an index in its own order, and searches what its model says."""

    async def is_large(*_: Any) -> bool:
        return True

    monkeypatch.setattr(lists, "is_large", is_large)
    model, sort = table(name), LISTS[name]
    async with reading() as sor:
        selection, answer = await select_rows(sor, model, {}, sort, [])
        await page_of(sor, selection, {})
        await page_of(sor, selection, {"_last": "1"})
        plan = await sor.sqlExe(
            f"explain select a.id from `{name}` a force index ({', '.join(selection.indexes)})"
            f" order by {selection._order(selection.terms)} limit 5", {}
        )  # fmt: skip
        # The order of the list, as far as one index has it in one direction.
        assert selection.terms[0] == lists._terms(model, sort)[0]
        assert "filesort" not in plan[0]["extra"]
        large = answer["large"]
        assert set(large["searchable"]) == set(model.search)
        for column in large["sortable"]:
            query: dict[str, Any] = {"sort": column}
            selection, _ = await select_rows(sor, model, query, sort, [])
            await page_of(sor, selection, query)
        if model.search:
            selection, _ = await select_rows(sor, model, {"q": "x"}, sort, [])
            assert (await page_of(sor, selection, {}))["rows"] == []


async def test_a_small_table_stays_as_it_was() -> None:
    answer, _ = await listing({"sort": "name desc,code", "q": "he R"}, "pipelines", "created_at")

    assert [row["code"] for row in answer["rows"]] == ["rare"]
    assert answer.keys() == {"total", "rows"}


async def test_what_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over = TimeLimit(LIST_TOO_SLOW, 7, 0.0)
    monkeypatch.setattr(TimeLimit, "of", classmethod(lambda *_: over))
    names = ("distributors", "id", "name", None)
    for reader in (list_rows(None, {}, "pipeline_ops", LEDGER), choices._choices(names, "", None)):
        with pytest.raises(Unavailable) as refusal:
            await reader
        assert (refusal.value.code, refusal.value.status) == ("too_slow", 503)
        assert "7 s" in str(refusal.value)


async def test_every_row_is_exported(pool: Installation) -> None:
    params = {"data_filter": json.dumps({"field": "status", "op": "=", "const": "voided"})}
    async with reading() as sor:
        selection, _ = await select_rows(sor, table(LEDGER), params, "id desc", [])
        keys = await selection.keys(sor, 100_000)
    (row,) = pool.query(f"select count(*) as total from {LEDGER} where status = 'voided'")
    assert len(set(keys)) == len(keys) == row["total"] > COUNTED_ROWS
