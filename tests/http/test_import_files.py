"""Files that are brought in as they are: read on the server, tried, told about, kept."""

import csv
import io
import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from openpyxl import load_workbook

from tests.support.installation import Installation
from tests.support.workbooks import number, row, text, workbook

FILES = Path(__file__).parents[1] / "data" / "table_files"
IMPORT = "/appbase/import_rows.dspy"
PIPELINES = "/pipeline_core/pipelines/get_pipelines.dspy"
PRICES = "/pipeline_ops/pipeline_pricing/get_pipeline_pricing.dspy"
HEAD = "单价,生效时间,计量单位"


@pytest.fixture(scope="module")
def pipeline_id(server: Installation) -> str:
    """A pipeline for prices to belong to."""
    answer = server.admin.post(
        "/pipeline_core/api/pipelines_create.dspy", json={"code": "priced", "name": "Priced"}
    )
    assert answer.status_code == 200, answer.text
    body: str = answer.json()["data"]["id"]
    return body


def send(client: httpx.Client, content: bytes, **params: Any) -> httpx.Response:
    fixed = json.dumps(params.pop("fixed", {}))
    return client.post(
        IMPORT,
        content=content,
        params={"table": "pipeline_pricing", "fixed": fixed, "dry_run": 1, **params},
        headers={"Content-Type": "application/octet-stream"},
    )


@pytest.fixture
def tried(server: Installation, pipeline_id: str) -> Any:
    """Try a file of prices of one pipeline; the outcome."""

    def attempt(content: bytes | str, **params: Any) -> dict[str, Any]:
        raw = content.encode() if isinstance(content, str) else content
        answer = send(server.admin, raw, fixed={"pipeline_id": pipeline_id}, **params)
        assert answer.status_code == 200, answer.text
        record: dict[str, Any] = answer.json()["data"]
        return record

    return attempt


def problems(outcome: dict[str, Any]) -> set[tuple[int, str, str]]:
    return {(f["row"], p["column"], p["code"]) for f in outcome["failed"] for p in f["problems"]}


def previewed(outcome: dict[str, Any], name: str) -> list[Any]:
    return [entry["values"][name] for entry in outcome["preview"]]


def test_a_price_with_its_thousands_unquoted_is_a_problem_and_no_price(tried: Any) -> None:
    outcome = tried((FILES / "prices-thousands-unquoted.csv").read_bytes())

    assert problems(outcome) == {(2, "", "too_many_cells")}
    assert "4 cells" in outcome["failed"][0]["problems"][0]["message"]
    assert previewed(outcome, "unit_price") == ["0.350000"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("lines-unclosed-quote.csv", "Row 2:"), ("lines-one-bad-byte.csv", "Row 4 ")],
)
def test_a_file_that_cannot_be_read_is_refused_and_its_row_named(
    server: Installation, name: str, sentence: str
) -> None:
    answer = send(server.admin, (FILES / name).read_bytes(), table="pipelines")

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_file")
    assert sentence in answer.json()["detail"]


def test_a_formula_without_a_result_and_an_error_are_problems_and_never_blank(tried: Any) -> None:
    outcome = tried((FILES / "prices-formula-without-value.xlsx").read_bytes())
    assert problems(outcome) == {(2, "effective_from", "formula_without_result")}
    assert problems(tried("计量单位,单价,生效时间\ncall,#VALUE!,#N/A\n")) == {
        (2, "unit_price", "error_cell"),
        (2, "effective_from", "error_cell"),
    }


def test_dates_are_days_of_the_readers_zone(tried: Any) -> None:
    for name, count in (("prices-1904.xlsx", 1), ("prices-merged-date.xlsx", 3)):
        content = (FILES / name).read_bytes()
        for zone, start in (("Asia/Shanghai", "2026-11-30T16"), ("UTC", "2026-12-01T00")):
            outcome = tried(content, zone=zone)
            assert previewed(outcome, "effective_from") == [f"{start}:00:00.000Z"] * count
    # Without one: of the zone of quota days.
    [start] = previewed(tried((FILES / "prices-1904.xlsx").read_bytes()), "effective_from")
    assert start == "2026-11-30T16:00:00.000Z"


def test_a_prefix_of_a_namespace_changes_nothing(server: Installation) -> None:
    content = (FILES / "lines-x-prefix.xlsx").read_bytes()
    outcome = send(server.admin, content, table="pipelines").json()["data"]
    assert [entry["values"] for entry in outcome["preview"]] == [
        {"code": "xp-a", "name": "图像审核"}
    ]


def test_rows_are_named_as_excel_counts_them(server: Installation) -> None:
    content = (FILES / "lines-blank-rows.csv").read_bytes()
    outcome = send(server.admin, content, table="pipelines").json()["data"]

    assert problems(outcome) == {(5, "code", "bad_pattern")}
    assert outcome["failed"][0]["problems"][0]["value"] == "BAD CODE"
    assert [entry["row"] for entry in outcome["preview"]] == [2]


def test_days_with_the_year_first_are_taken_and_others_are_refused(tried: Any) -> None:
    outcome = tried((FILES / "prices-slash-dates.csv").read_bytes())
    assert previewed(outcome, "effective_from") == [
        "2026-11-30T16:00:00.000Z", "2026-12-01T00:00:00.000Z", "2026-11-30T16:00:00.000Z",
    ]  # fmt: skip
    outcome = tried(
        f"{HEAD}\n1,1/12/2026,a\n1,2026/13/1,b\n1,明天,c\n１．５,２０２６／１２／２ ８：００,d\n"
        '"1,200.50",2026-12-01,e\n²,2026-12-01,f\n１，５,2026-12-01,g\n',
    )
    assert problems(outcome) == {
        (2, "effective_from", "ambiguous_date"),
        (3, "effective_from", "bad_datetime"),
        (4, "effective_from", "bad_datetime"),
    } | {(row, "unit_price", "not_a_number") for row in (6, 7, 8)}
    [entry] = outcome["preview"]
    assert (entry["row"], entry["values"]["unit_price"]) == (5, "1.500000")
    assert entry["values"]["effective_from"] == "2026-12-02T00:00:00.000Z"


def test_a_heading_may_say_in_which_zone_its_times_are(tried: Any, server: Installation) -> None:
    """As an Excel export does; else a colleague elsewhere would bring in other times."""
    content = "单价,计量单位,生效时间 (Europe/Berlin)\n1,a,2026-12-01 09:00\n"
    outcome = tried(content, zone="Asia/Tokyo")
    assert previewed(outcome, "effective_from") == ["2026-12-01T08:00:00.000Z"]
    for heading in ("生效时间 (Mars/Olympus)", "单价 (Europe/Berlin)"):
        answer = send(server.admin, f"{heading}\n1\n".encode())
        assert answer.json()["code"] == "bad_columns"


def test_hours_that_clocks_show_twice_are_told(tried: Any) -> None:
    outcome = tried(
        f"{HEAD}\n1,2026-10-25 02:30,a\n1,2026-10-25 02:30+01:00,b\n1,2026-03-29 02:30,c\n",
        zone="Europe/Berlin",
    )
    assert problems(outcome) == {(row, "effective_from", "clock_change") for row in (2, 4)}
    assert previewed(outcome, "effective_from") == ["2026-10-25T01:30:00.000Z"]


def test_values_that_nobody_can_mean_are_told_by_row_and_column(
    server: Installation, pipeline_id: str
) -> None:
    sheet = workbook(
        row(1, text("A1", "code"), text("B1", "name"), text("D1", "description"))
        + row(2, text("A2", "a1"), text("B2", "broken \ufffd"))
        + row(3, text("A3", "a2"), text("B3", "b"), text("C3", "lost"))
        + row(4, text("A4", "a3"), text("B4", "b"), text("E4", "lost"))
        + row(5, text("A5", "a4"), text("B5", "'=1_x0041_"), text("D5", " indented\n")),
    )
    outcome = send(server.admin, sheet, table="pipelines").json()["data"]

    assert problems(outcome) == {
        (2, "name", "damaged_text"), (3, "", "no_heading"), (4, "", "too_many_cells"),
    }  # fmt: skip
    [entry] = outcome["preview"]
    assert entry["values"] == {"code": "a4", "name": "'=1A", "description": " indented\n"}


def test_the_trial_shows_names_choices_and_numbers_as_they_were_understood(
    server: Installation, pipeline_id: str
) -> None:
    head = "产线,计量单位,计价方式,单价,是否启用,生效时间"
    content = f"{head}\npriced,call,单价,.5,否,2026/1/1 8:00\n"
    answer = send(server.admin, content.encode("gb18030"), zone="Asia/Tokyo")
    [entry] = answer.json()["data"]["preview"]

    assert entry == {"row": 2, "values": {
        "pipeline_id": pipeline_id, "pipeline_id_text": "priced", "unit": "call",
        "pricing_type": "unit", "unit_price": "0.500000", "enabled": 0,
        "effective_from": "2025-12-31T23:00:00.000Z",
    }}  # fmt: skip
    assert server.admin.get(PRICES, params={"unit": "call"}).json()["total"] == 0


def test_the_failed_rows_come_back_as_a_file_and_go_in_again(server: Installation) -> None:
    rows = ["sep=;", "产线代码;产线名称;说明", "ok-1;A;x", 'Bad Code;B;"=1;+2\nzwei"', "ok-2;;y"]
    content = "\r\n".join(rows)

    def bring_in(content: str, **params: Any) -> dict[str, Any]:
        answer = send(server.admin, content.encode(), table="pipelines", dry_run=0, **params)
        record: dict[str, Any] = answer.json()["data"]
        return record

    outcome = bring_in(content, skip_failed=1, _lang="zh")
    assert (outcome["done"], outcome["kept"]) == (1, True)
    failures = outcome["failed_file"]
    head, *lines = csv.reader(io.StringIO(failures.removeprefix("\ufeff"), newline=""))
    assert head == ["产线代码", "产线名称", "说明", "问题"]
    assert lines[0][:3] == ["Bad Code", "B", "'=1;'+2\nzwei"]
    assert lines[0][3].startswith("产线代码: ")
    assert [line[0] for line in lines] == ["Bad Code", "ok-2"]

    mended = failures.replace("Bad Code", "good-code").replace("ok-2,,", "ok-2,C,")
    assert bring_in(mended)["done"] == 2
    [line] = server.admin.get(PIPELINES, params={"code": "good-code"}).json()["rows"]
    assert line["description"] == "=1;+2\nzwei"
    # Rows that are too wide lose nothing, and the column of the problems does not double.
    again = bring_in(bring_in("code,name\nx,y,z\n")["failed_file"])["failed_file"]
    head, only = csv.reader(io.StringIO(again.removeprefix("\ufeff"), newline=""))
    assert (head, only[:3]) == (["code", "name", "", "Problem"], ["x", "y", "z"])


def test_cells_without_a_value_come_back_as_errors_and_not_as_blanks_or_parts(tried: Any) -> None:
    """Blank, the price would hold from now on; the beginning of a number or text is another."""
    mark = " ✂ 32767/40000"
    head = row(1, *(text(f"{letter}1", name) for letter, name in zip("ABCDE", (
        "unit", "unit_price", "effective_from", "model", "currency"), strict=True)))  # fmt: skip
    sheet = workbook(
        head
        + row(2, text("A2", "call"), number("B2", "9" * 401), '<c r="C2"><f>NOW()</f></c>',
              text("D2", "x" * (32_767 - len(mark)) + mark), '<c r="E2" t="e"><v>#PYTHON!</v></c>')
    )  # fmt: skip
    outcome = tried(sheet)
    assert [one["code"] for one in outcome["failed"][0]["problems"]] == [
        "not_a_number", "formula_without_result", "cut_text", "error_cell"
    ]  # fmt: skip
    _, line = csv.reader(io.StringIO(outcome["failed_file"].removeprefix("\ufeff"), newline=""))
    assert line[:5] == ["call", "#VALUE!", "#VALUE!", "#VALUE!", "#PYTHON!"]
    again = tried(outcome["failed_file"])
    assert {one["code"] for one in again["failed"][0]["problems"]} == {"error_cell"}
    assert again["done"] == 0


def test_hundredths_are_shares_in_numbers_and_as_they_are_seen_in_texts(tried: Any) -> None:
    sheet = workbook(
        row(1, text("A1", "unit"), text("B1", "unit_price"), text("C1", "model"))
        + row(2, text("A2", "call"), number("B2", "0.855", 1), number("C2", "0.855", 1)),
        formats=(10,),
    )
    content = "unit,unit_price,model\ncall,85.5%,85.5%\nimage,８５.５％,\n"
    for file in (sheet, content.encode()):
        first, *others = tried(file)["preview"]
        assert (first["values"]["unit_price"], first["values"]["model"]) == ("0.855000", "85.5%")
        assert [one["values"]["unit_price"] for one in others] in ([], ["0.855000"])
    [failure] = tried("unit,unit_price\ncall,1e1%\n")["failed"]
    assert failure["problems"][0]["code"] == "not_a_number"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_was_exported_can_be_imported(server: Installation, kind: str) -> None:
    odd = "x;=1+1\n\t@y\r\n- z _x0041_ '=q\n"
    result = {"code": f"odd-{kind}", "name": "=a;-b", "description": odd}
    assert server.admin.post("/pipeline_core/api/pipelines_create.dspy", json=result).is_success
    file = server.admin.get(
        PIPELINES,
        params={"_export": kind, "code": result["code"], "_columns": "code,name,description"},
    ).content
    pipeline = server.admin.get(PIPELINES, params={"code": result["code"]}).json()["rows"][0]
    version = {"id": pipeline["id"], "lock_version": pipeline["lock_version"]}
    assert server.admin.post("/pipeline_core/api/pipelines_delete.dspy", json=version).is_success

    assert send(server.admin, file, table="pipelines", dry_run=0).json()["data"]["kept"]
    [back] = server.admin.get(PIPELINES, params={"code": result["code"]}).json()["rows"]
    assert {name: back[name] for name in result} == result


def test_progress_comes_in_lines_and_refusals_too(server: Installation, pipeline_id: str) -> None:
    rows = "".join(f"1,2026-12-01,unit-{n}\n" for n in range(400))

    def lines(content: str) -> list[dict[str, Any]]:
        answer = send(
            server.admin, content.encode(), fixed={"pipeline_id": pipeline_id}, _progress=1
        )
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        assert answer.headers["X-Accel-Buffering"] == "no"
        return [json.loads(line) for line in answer.text.splitlines()]

    *steps, last = lines(f"{HEAD}\n{rows}")
    assert last["data"]["done"] == 400
    assert {step["step"] for step in steps} <= {"reading", "checking"}
    result = [step["done"] for step in steps if step["step"] == "checking"]
    assert result == sorted(result)
    assert result
    assert [*lines("x\n1\n")][-1]["error"]["code"] == "bad_columns"
    assert [*lines('a\n"')][-1]["error"]["code"] == "bad_file"


def test_a_caller_who_goes_away_leaves_nothing_behind(
    server: Installation, pipeline_id: str
) -> None:
    rows = "".join(f"1,2026-12-01,gone-{n}\n" for n in range(4_000))
    with server.admin.stream(
        "POST", IMPORT, content=f"{HEAD}\n{rows}".encode(),
        params={"table": "pipeline_pricing", "fixed": json.dumps({"pipeline_id": pipeline_id}),
                "_progress": 1},
        headers={"Content-Type": "text/csv"},
    ) as answer:  # fmt: skip
        for text_line in answer.iter_lines():
            if json.loads(text_line)["step"] == "keeping":
                break
    # The table is free again, and empty of them: nothing waits and nothing was kept.
    content = f"{HEAD}\n1,2026-12-01,gone-0\n".encode()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        again = send(server.admin, content, fixed={"pipeline_id": pipeline_id}).json()
        if again.get("data", {}).get("done") == 1:
            break
        time.sleep(0.2)
    assert again["data"]["done"] == 1
    assert server.admin.get(PRICES, params={"q": "gone-"}).json()["total"] == 0


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"table": "users"}, "not_found"),
        ({"zone": "Mars/Olympus"}, "bad_zone"),
        ({"fixed": []}, "invalid_fields"),
        ({"columns": "x"}, "invalid_fields"),
        ({"rows": "x"}, "invalid_fields"),
    ],
)
def test_parameters_of_a_file_are_checked(
    server: Installation, params: dict[str, Any], code: str
) -> None:
    assert send(server.admin, b"a\n1\n", **params).json()["code"] == code


def test_a_file_goes_in_where_it_is_expected_only(server: Installation) -> None:
    content = (FILES / "lines-x-prefix.xlsx").read_bytes()
    headers = {"Content-Type": "application/octet-stream"}
    elsewhere = server.admin.post(
        "/pipeline_core/api/pipelines_create.dspy", content=content, headers=headers
    )
    assert elsewhere.status_code == 415
    viewer = server.sign_in("viewer")
    assert send(viewer, content, table="pipelines").status_code == 403
    assert send(server.admin, b"x" * 9_000_000).status_code == 413
    foreign = server.admin.post(
        IMPORT, content=content, params={"table": "pipelines"},
        headers={**headers, "Origin": "http://evil.example"},
    )  # fmt: skip
    assert foreign.status_code == 403
    plain = server.admin.post(IMPORT, content=content, headers={"Content-Type": "text/plain"})
    assert plain.status_code == 415
    assert send(server.admin, b"").json()["code"] == "bad_file"


def test_an_excel_export_has_dates_on_the_readers_clock(server: Installation) -> None:
    [pipeline] = server.admin.get(PIPELINES, params={"code": "priced"}).json()["rows"]
    columns = {"_export": "xlsx", "code": "priced", "_columns": "code,created_at", "_lang": "en"}
    moment = datetime.fromisoformat(pipeline["created_at"])
    for zone_param, zone in (({"_zone": "Europe/Berlin"}, "Europe/Berlin"), ({}, "Asia/Shanghai")):
        answer = server.admin.get(PIPELINES, params=columns | zone_param)
        sheet = load_workbook(io.BytesIO(answer.content)).active
        assert sheet is not None
        (_, head), (_, cell) = sheet.iter_rows()
        assert head.value == f"Created ({zone})"
        assert cell.number_format == "yyyy-mm-dd hh:mm:ss"
        assert isinstance(cell.value, datetime)
        exported = cell.value.replace(tzinfo=ZoneInfo(zone))
        assert abs((exported - moment).total_seconds()) < 0.002


def test_prices_in_another_currency_are_asked_about_once_for_the_file(server: Installation) -> None:
    rows = "unit,unit_price,currency,enabled\ncall,1,CNY,0\nimage,1,USD,0\nsecond,1,EUR,0\n"
    pipeline = {"code": "two-currencies", "name": "Two currencies"}
    answer = server.admin.post("/pipeline_core/api/pipelines_create.dspy", json=pipeline)
    fixed = {"pipeline_id": answer.json()["data"]["id"]}

    outcome = send(server.admin, rows.encode(), fixed=fixed).json()["data"]
    problems = [one["problems"][0] for one in outcome["failed"]]
    assert [(one["code"], one["ask"]) for one in problems] == [
        ("confirm_currency", "confirm_currency")
    ] * 2
    fixed |= {"confirm_currency": 1}
    outcome = send(server.admin, rows.encode(), fixed=fixed).json()["data"]

    assert (outcome["done"], outcome["failed"]) == (3, [])
