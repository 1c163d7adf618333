"""What people and scripts of the operator send: blanks at the ends, times without a zone."""

from typing import Any

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.refusals import pointers, refusal_of
from tests.support.selling import make_pipeline, post

PRICES = "/pipeline_ops/api/pipeline_pricing_create.dspy"


@pytest.fixture(scope="module")
def pipeline(server: Installation) -> dict[str, Any]:
    return make_pipeline(server.admin, "forms")


@pytest.mark.parametrize("as_form", [False, True])
def test_blanks_at_the_ends_are_refused_when_made_and_when_changed(
    server: Installation, pipeline: dict[str, Any], as_form: bool
) -> None:
    """A unique name with a blank behind it would be the same to the database and another one to
    everybody else."""

    def send(name: str, body: dict[str, Any]) -> httpx.Response:
        path = f"/pipeline_core/api/{name}.dspy"
        content = {"data": body} if as_form else {"json": body}
        return server.admin.request("POST", path, **content)  # type: ignore[arg-type]

    creation = send(
        "pipelines_create", {"code": "blank ", "name": " blank", "description": " kept "}
    )
    update = send(
        "pipelines_update",
        {"id": pipeline["id"], "lock_version": pipeline["lock_version"], "name": "产线\u3000"},
    )

    assert pointers(creation) == dict.fromkeys(("/code", "/name"), "blank_ends")
    assert pointers(update) == {"/name": "blank_ends"}
    price = {
        "pipeline_id": pipeline["id"], "unit": "image ", "unit_price": " 1", "currency": "USD ",
        "effective_from": "2026-11-24T06:00:00Z ",
    }  # fmt: skip
    assert pointers(server.admin.post(PRICES, json=price)) == dict.fromkeys(
        ("/unit", "/unit_price", "/currency", "/effective_from"), "blank_ends"
    )


def test_a_text_of_several_lines_keeps_its_blanks(server: Installation) -> None:
    pipeline = post(
        server.admin, "/pipeline_core/api/pipelines_create.dspy",
        code="several", name="several lines", description="  one\n  two\n",
    )  # fmt: skip

    assert pipeline["description"] == "  one\n  two\n"


def test_times_name_their_zone_and_dates_are_days_of_the_quota_zone(
    server: Installation, pipeline: dict[str, Any]
) -> None:
    price = {"pipeline_id": pipeline["id"], "unit": "image", "unit_price": 1, "currency": "USD"}
    answer = server.admin.post(PRICES, json=price | {"effective_from": "2027-01-01 08:00"})

    assert pointers(answer) == {"/effective_from": "no_zone"}
    record = post(
        server.admin, PRICES, **price, effective_from="2027-01-01",
        effective_to="2027-06-01T00:00+08:00",
    )  # fmt: skip
    assert record["effective_from"] == "2026-12-31T16:00:00.000Z"
    assert record["effective_to"] == "2027-05-31T16:00:00.000Z"


def test_lists_are_filtered_by_times_with_a_zone(server: Installation) -> None:
    prices = "/pipeline_ops/pipeline_pricing/get_pipeline_pricing.dspy"

    for name in ("effective_from_from", "effective_to_to"):
        assert server.admin.get(prices, params={name: "2026-11-24"}).status_code == 200
        answer = server.admin.get(prices, params={name: "2026-11-24T06:00"})
        assert "%2B" in refusal_of(answer, 400, "bad_filter")["detail"]
    for page in (" 1", "1_0", "１", "+1", "1.0"):
        refusal_of(server.admin.get(prices, params={"page": page}), 400, "bad_paging")


def test_a_time_in_a_file_is_the_reader_s_or_names_its_zone(
    server: Installation, pipeline: dict[str, Any]
) -> None:
    """A script that sends rows says in which zone their times are, or writes it to each."""
    body = {
        "table": "pipeline_pricing",
        "columns": ["pipeline_id", "unit", "unit_price", "currency", "effective_from"],
        "rows": [[pipeline["code"], "a", "1", "USD", "2026-11-24 06:00"],
                 [pipeline["code"], " b ", "1", "USD", "2026-11-24 06:00Z"]],
        "skip_failed": 1,
    }  # fmt: skip
    answer = server.admin.post("/appbase/import_rows.dspy", json=body)
    failures = answer.json()["data"]["failed"]

    assert [(row["row"], problem["code"]) for row in failures for problem in row["problems"]] == [
        (1, "no_zone")
    ]
    assert answer.json()["data"]["done"] == 1
