"""Lists as files, rows from files, names of people, and pages without what one may not do."""

import csv
import io
import struct
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook

from tests.support.installation import Installation
from tests.support.raw_http import send_raw

PIPELINES = "/pipeline_core/pipelines/get_pipelines.dspy"
PRICES = "/pipeline_ops/pipeline_pricing/get_pipeline_pricing.dspy"
FORMULA = '=HYPERLINK("http://x","y")'


@pytest.fixture(scope="module", autouse=True)
def _pipelines(server: Installation) -> None:
    for code, name, text in (
        ("upper-case", "Erste", FORMULA),
        ("second", "100% <b>", "+1"),
        ("third", 'Dritte, mit "Komma"', "eine\nZeile"),
    ):
        answer = server.admin.post(
            "/pipeline_core/api/pipelines_create.dspy",
            json={"code": code, "name": name, "description": text},
        )
        assert answer.status_code == 200, answer.text


def list_answer(admin: httpx.Client, **params: Any) -> dict[str, Any]:
    answer = admin.get(PIPELINES, params=params)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def imported(client: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = client.post("/appbase/import_rows.dspy", json=body)
    assert answer.status_code == 200, answer.text
    record: dict[str, Any] = answer.json()["data"]
    return record


def test_people_are_called_by_name(server: Installation) -> None:
    [pipeline] = list_answer(server.admin, code="second")["rows"]

    assert pipeline["created_by_text"] == pipeline["updated_by_text"] == "admin"
    assert pipeline["created_by"] != "admin"


def test_search_looks_through_all_texts_and_reads_wildcards_as_they_are(
    server: Installation,
) -> None:
    def codes(**params: Any) -> list[str]:
        return sorted(row["code"] for row in list_answer(server.admin, **params)["rows"])

    assert codes(q="UPPER") == ["upper-case"]  # a column that compares exactly
    assert codes(q="hyperlink") == ["upper-case"]
    assert codes(q="100%") == ["second"]
    assert codes(q="%") == ["second"]
    assert codes(q="x' or '1'='1") == []
    condition = '{"field": "code", "op": "LIKE", "const": "%UPPER%"}'
    assert codes(data_filter=condition) == ["upper-case"]
    assert server.admin.get(PIPELINES, params={"q": "x" * 201}).json()["code"] == "bad_search"


def test_a_list_becomes_a_csv_that_runs_nothing(server: Installation) -> None:
    answer = server.admin.get(
        PIPELINES,
        params={
            "_export": "csv", "_columns": "code,name,description,created_by,status,created_at",
            "_zone": "Asia/Shanghai", "_lang": "zh", "sort": "code", "q": "e",
        },
    )  # fmt: skip

    assert answer.headers["X-Total-Rows"] == "3"
    assert answer.text.startswith("\ufeff产线代码,产线名称,")
    head, *rows = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert head[3:5] == ["创建人", "状态"]
    assert [row[2] for row in rows] == ["'+1", "eine\nZeile", f"'{FORMULA}"]
    assert rows[1][1] == 'Dritte, mit "Komma"'
    assert {tuple(row[3:5]) for row in rows} == {("admin", "草稿")}
    assert all(row[5].endswith("+08:00") for row in rows)
    for params in ({"_export": "pdf"}, {"_export": "csv", "_columns": "x"},
                   {"_export": "csv", "_zone": "../etc"},
                   {"_export": "csv", "_columns": "code,name,code"}):  # fmt: skip
        assert server.admin.get(PIPELINES, params=params).json()["code"] == "bad_export"


def test_a_list_becomes_an_excel_file_whose_texts_stay_texts(server: Installation) -> None:
    answer = server.admin.get(PIPELINES, params={"_export": "xlsx", "sort": "code desc"})
    sheet = load_workbook(io.BytesIO(answer.content)).active

    assert sheet is not None
    names = [cell.value for cell in sheet[1]]
    cell = sheet[2][names.index("Description")]
    assert cell.value == FORMULA
    assert cell.data_type != "f"
    assert sheet[2][names.index("Edit version")].value == 1


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_file_in_pieces_tells_how_many_rows_are_done(server: Installation, kind: str) -> None:
    params = {"_export": kind, "sort": "code", "_progress": "1"}
    answer = server.admin.get(PIPELINES, params=params)
    whole = server.admin.get(PIPELINES, params=params | {"_progress": ""})

    assert answer.headers["Content-Type"] == "application/vnd.pipeline-app.pieces"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["Content-Disposition"] == whole.headers["Content-Disposition"]
    counts, file, rest = [], b"", answer.content
    while rest:
        rows, size = struct.unpack(">II", rest[:8])
        counts.append(rows)
        file += rest[8 : 8 + size]
        rest = rest[8 + size :]
    assert len(counts) >= 2
    assert counts == sorted(counts)
    assert counts[-1] == int(answer.headers["X-Total-Rows"])
    if kind == "csv":
        assert file == whole.content
    else:  # each holds the time at which it was made
        assert sheet_rows(file) == sheet_rows(whole.content)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_answer_to_head_has_no_file(server: Installation, kind: str) -> None:
    """Sent all the same, it would be taken for the next answer on the connection."""
    cookie = "; ".join(f"{name}={value}" for name, value in server.admin.cookies.items())
    place = server.base_url.partition("//")[2]
    head = f"HEAD /pipeline_core/pipelines/get_pipelines.dspy?_export={kind} HTTP/1.1"
    lines = [head, f"Host: {place}", f"Cookie: {cookie}", "Connection: close", "", ""]

    answer = send_raw(server.base_url, "\r\n".join(lines))

    assert (answer.status, answer.body) == (200, "")
    assert int(answer.headers["x-total-rows"]) > 0


def sheet_rows(file: bytes) -> list[tuple[Any, ...]]:
    """The cells of an Excel file's sheet."""
    sheet = load_workbook(io.BytesIO(file)).active
    assert sheet is not None
    return list(sheet.values)


def test_an_export_may_be_imported_again(server: Installation) -> None:
    text = server.admin.get(PIPELINES, params={"_export": "csv", "code": "upper-case"}).text
    head, row = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    row[head.index("Code")] = "copied"

    outcome = imported(server.admin, table="pipelines", columns=head, rows=[row])

    assert outcome["kept"]
    assert {"Created by", "Live version", "Id"} <= set(outcome["ignored"])
    [copy] = list_answer(server.admin, code="copied")["rows"]
    assert copy["description"] == FORMULA


def test_a_trial_keeps_nothing_and_tells_every_problem(server: Installation) -> None:
    rows = [["a-1", "A"], ["a-2", ""], ["No Code", "x" * 300], ["a-1", "twice"]]
    body: dict[str, Any] = {"table": "pipelines", "columns": ["产线代码", "name"], "rows": rows}

    trial = imported(server.admin, **body, dry_run=1)

    assert (trial["done"], trial["kept"]) == (1, False)
    result = {(f["row"], p["column"], p["code"]) for f in trial["failed"] for p in f["problems"]}
    assert result == {
        (2, "name", "required"),
        (3, "code", "bad_pattern"),
        (3, "name", "too_long"),
        (4, "code", "duplicate"),
    }
    # All or nothing, unless told otherwise.
    assert not imported(server.admin, **body)["kept"]
    assert list_answer(server.admin, q="a-1")["total"] == 0
    assert imported(server.admin, **body, skip_failed=1)["kept"]
    assert list_answer(server.admin, code="a-1")["total"] == 1


def test_cells_may_hold_names_choices_and_local_times(server: Installation) -> None:
    outcome = imported(
        server.admin,
        table="pipeline_pricing",
        columns=["产线", "计量单位", "计价方式", "单价", "是否启用", "生效时间"],
        rows=[["third", "call", "单价", "0.5", "否", "2026-01-01 08:00"],
              ["second", "call", "unit", "1,5", "maybe", ""],
              ["nowhere", "call", "unit", "1", "", ""]],
        zone="Asia/Shanghai",
        skip_failed=1,
    )  # fmt: skip

    assert outcome["done"] == 1
    result = {(f["row"], p["column"]) for f in outcome["failed"] for p in f["problems"]}
    assert result == {(2, "unit_price"), (2, "enabled"), (3, "pipeline_id")}
    [price] = server.admin.get(PRICES).json()["rows"]
    assert price["effective_from"] == "2026-01-01T00:00:00.000Z"
    assert (price["pricing_type"], price["enabled"]) == ("unit", 0)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"table": "users", "columns": ["id"], "rows": [["1"]]}, "not_found"),
        ({"table": "pipelines", "columns": ["nonsense"], "rows": [["1"]]}, "bad_columns"),
        ({"table": "pipelines", "columns": ["code", "产线代码"], "rows": [["1"]]}, "bad_columns"),
        ({"table": "pipelines", "columns": ["code"], "rows": []}, "bad_rows"),
        ({"table": "pipelines", "columns": ["code"], "rows": ["x"]}, "bad_rows"),
        ({"table": "pipelines", "columns": ["code"], "rows": [["x"]] * 5001}, "bad_rows"),
        ({"table": "pipelines", "columns": "x"}, "invalid_fields"),
    ],
)
def test_what_cannot_be_imported_is_refused(
    server: Installation, body: dict[str, Any], code: str
) -> None:
    assert server.admin.post("/appbase/import_rows.dspy", json=body).json()["code"] == code


def test_importing_takes_the_right_to_create(server: Installation) -> None:
    viewer = server.sign_in("viewer")
    body = {"table": "pipelines", "columns": ["code", "name"], "rows": [["v", "v"]]}

    assert viewer.post("/appbase/import_rows.dspy", json=body).status_code == 403
    assert viewer.get(PIPELINES, params={"_export": "csv"}).status_code == 200


def test_large_files_go_in_and_larger_ones_do_not(server: Installation) -> None:
    rows = [["x", "y" * 400]] * 4_000  # over the usual 1 MiB
    body = {"table": "pipelines", "columns": ["code", "name"], "rows": rows, "dry_run": 1}
    assert len(imported(server.admin, **body)["failed"]) == 4_000
    body["rows"] = [["x", "y" * 4_000]] * 3_000

    assert server.admin.post("/appbase/import_rows.dspy", json=body).status_code == 413


def test_pages_leave_out_what_their_reader_may_not_do(server: Installation) -> None:
    def page(client: httpx.Client) -> dict[str, Any]:
        options: dict[str, Any] = client.get(
            "/pipeline_core/pipelines/", params={"_webbricks_": 1}
        ).json()["options"]
        return options

    full, less = page(server.admin), page(server.sign_in("viewer"))

    assert full["page_rows"] == 50
    assert set(full["editable"]) == {"new_data_url", "update_data_url", "delete_data_url"}
    assert less["editable"] == {}
    gone = {t["name"] for t in full["toolbar"]["tools"]}
    gone -= {t["name"] for t in less["toolbar"]["tools"]}
    assert "publish" in gone
    assert "validate" not in gone
