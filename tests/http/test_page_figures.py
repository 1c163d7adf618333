"""The figures behind the pages of a pipeline and a distributor, and the overview."""

from decimal import Decimal

import pytest

from tests.support.installation import Installation
from tests.support.selling import Reseller, link, make_pipeline, make_reseller

STATS = "/pipeline_ops/api/usage_stats.dspy"
PERIOD = "/pipeline_ops/api/usage_figures.dspy"
CALLS_TOTAL = "/pipeline_ops/api/usage_calls_total.dspy"
FIGURES = "/pipeline_ops/api/line_figures.dspy"
OVERVIEW = "/pipeline_dist/api/distributor_overview.dspy"
USAGE = "/pipeline_dist/api/distributor_usage.dspy"
FILE = "/pipeline_dist/api/distributor_statement_file.dspy"
STATEMENTS = ("distributor_statement", "distributor_statement_lines", "distributor_statement_view")
USED = [{"step_key": "answer", "unit": "input_token", "quantity": 50_000}]


@pytest.fixture
def pipeline(server: Installation) -> dict[str, str]:
    return make_pipeline(server.admin, daily_quota=10, max_concurrency=3)


@pytest.fixture
def reseller(server: Installation, pipeline: dict[str, str]) -> Reseller:
    """Two calls that succeeded, one that failed, one that runs."""
    customer = make_reseller(server, pipeline, quota_period="day", quota_calls=8)
    for status in ("succeeded", "succeeded", "failed"):
        assert customer.begin(pipeline, status=status, lines=USED).status_code == 201
    assert customer.begin(pipeline).status_code == 201
    return customer


def test_a_pipelines_figures(
    server: Installation, pipeline: dict[str, str], reseller: Reseller
) -> None:
    record = server.admin.get(FIGURES, params={"pipeline_id": pipeline["id"]}).json()["data"]

    gauges = {gauge["scope"]: (gauge["used"], gauge["limit"]) for gauge in record["gauges"]}
    assert gauges == {"day": (4, 10), "month": (4, None), "slots": (1, 3)}
    assert record["gauges"][0]["resets_at"] > record["now"]
    assert record["today"]["success_rate"] == "0.6667"
    assert record["today"]["amounts"] == {"USD": "0.1500000000"}
    assert [call["distributor"] for call in record["running"]] == [reseller.distributor["name"]]
    assert {price["unit"] for price in record["prices"]} == {"input_token", "output_token"}
    missing = server.admin.get(FIGURES, params={"pipeline_id": "nowhere"})
    assert missing.status_code == 404


def test_a_pipeline_without_capacity_is_not_limited(server: Installation) -> None:
    bare = make_pipeline(server.admin, prices=())
    record = server.admin.get(FIGURES, params={"pipeline_id": bare["id"]}).json()["data"]

    assert record["capacity"] is None
    assert [gauge["limit"] for gauge in record["gauges"]] == [None, None, None]
    assert record["today"]["success_rate"] is None
    assert record["prices"] == []


def test_a_distributors_figures(server: Installation, reseller: Reseller) -> None:
    cheap = make_pipeline(server.admin)
    terms = {"pricing_mode": "discount", "discount_rate": "0.5", "daily_quota": 7}
    link(server.admin, reseller.distributor, cheap, **terms)
    answer = server.admin.get(OVERVIEW, params={"id": reseller.distributor["id"]})
    record = answer.json()["data"]

    assert "api_key_hash" not in answer.text
    quota, spend = record["gauges"]
    assert (quota["scope"], quota["used"], quota["limit"]) == ("day", 4, 8)
    assert (Decimal(spend["used"]), spend["limit"]) == (Decimal("0.15"), None)
    by_code = {one["code"]: one for one in record["lines"]}
    prices = {price["unit"]: price["unit_price"] for price in by_code[cheap["code"]]["prices"]}
    assert prices == {"input_token": "0.500000", "output_token": "2.500000"}
    assert by_code[cheap["code"]]["gauges"][0] == {"scope": "day", "limit": 7, "used": 0}
    assert by_code[cheap["code"]]["callable"] is True
    assert [(day["calls"], day["failed"]) for day in record["by_day"]] == [(4, 1)]


@pytest.mark.parametrize("group_by", ["day", "pipeline", "step", "model"])
def test_use_by_what(
    server: Installation, pipeline: dict[str, str], reseller: Reseller, group_by: str
) -> None:
    result = {"distributor_id": reseller.distributor["id"], "group_by": group_by}
    (group,) = server.admin.get(USAGE, params=result).json()["data"]["groups"]

    assert group["amount"] == "0.1500000000"
    # By step and model only what was metered counts, and a running call has no lines yet.
    assert group["calls"] == (4 if group_by in ("day", "pipeline") else 3)
    other = server.admin.get(USAGE, params={**result, "pipeline": "another"}).json()["data"]
    assert other["groups"] == []
    refusal = server.admin.get(USAGE, params={**result, "group_by": "u.amount"})
    assert refusal.status_code == 400


def test_times_at_the_end_of_the_calendar_are_refused(
    server: Installation, reseller: Reseller
) -> None:
    one = {"distributor_id": reseller.distributor["id"]}
    times = ("9999-12-31T23:59:59.999Z", "9999-12-01", "9999-12-15T00:00:00Z", "0999-12-31")
    result: list[tuple[str, dict[str, str]]] = [(USAGE, {"from": time}) for time in times]
    result.append((FILE, {"month": "9999-12"}))
    result += [(f"/pipeline_dist/api/{name}.dspy", {"month": "9999-12"}) for name in STATEMENTS]

    for path, when in result:
        problem = server.admin.get(path, params=one | when).json()
        assert (problem["status"], problem["code"]) == (400, "invalid_fields"), path
        assert [item["pointer"] for item in problem["errors"]] == [f"/{next(iter(when))}"]


def test_a_statement_as_a_file(server: Installation, reseller: Reseller) -> None:
    result = {"distributor_id": reseller.distributor["id"]}
    as_csv = server.admin.get(FILE, params={**result, "format": "csv"})
    as_xlsx = server.admin.get(FILE, params={**result, "format": "xlsx"})

    # A page's download is for people and their Excel, which needs the mark; programs get names.
    assert as_csv.content.startswith(b"\xef\xbb\xbf")
    own = reseller.client.get("/pipeline_dist/v1/statement", params={"format": "csv"})
    assert own.content.startswith(b"pipeline,")
    assert as_csv.headers["content-disposition"].startswith("attachment; filename=")
    assert as_xlsx.content[:2] == b"PK"


def test_the_overview_tells_hours_and_pipelines(server: Installation) -> None:
    bad = make_pipeline(server.admin, "bad")
    busy = make_reseller(server, bad)
    for status in ("succeeded", *["failed"] * 6):
        assert busy.begin(bad, status=status, lines=USED).status_code == 201
    record = server.admin.get(STATS).json()["data"]

    assert len(record["by_hour"]) == 24
    assert sum(hour["calls"] for hour in record["by_hour"]) >= 7
    top = record["top_distributors"][0]
    assert (top["id"], top["calls"]) == (busy.distributor["id"], 7)
    assert top["amounts"] == {"USD": "0.3500000000"}
    worst = record["failing_lines"][0]
    assert (worst["id"], worst["failed"], worst["success_rate"]) == (bad["id"], 6, "0.1429")
    means = [one["mean_ms"] for one in record["slow_lines"]]
    assert means == sorted(means, reverse=True)
    assert 0 < len(means) <= 5


@pytest.mark.parametrize("group_by", ["distributor", "pipeline", "model"])
def test_a_period_by_groups(
    server: Installation, pipeline: dict[str, str], reseller: Reseller, group_by: str
) -> None:
    query = {"period": "30d", "group_by": group_by, "pipeline_id": pipeline["id"]}
    record = server.admin.get(PERIOD, params=query).json()["data"]

    total = record["total"]
    assert (total["calls"], total["failed"], total["running"]) == (4, 1, 1)
    assert total["amounts"] == {"USD": "0.1500000000"}
    assert (record["total_before"]["calls"], record["total_before"]["amounts"]) == (0, {})
    assert (record["step"], len(record["bars"])) == ("day", 30)
    last = record["bars"][-1]
    assert (last["start"], last["calls"]) == (record["period"]["last_day"], 4)
    (group,) = record["groups"]
    assert (group["amounts"], record["group_count"]) == (total["amounts"], 1)
    # By model only what was metered counts, and a running call has no lines yet.
    own = {
        "distributor": (reseller.distributor["name"], 4, 1),
        "pipeline": (pipeline["name"], 4, 1),
        "model": ("", 3, None),
    }
    assert (group["name"], group["calls"], group["failed"]) == own[group_by]


def test_a_day_by_hours(server: Installation, pipeline: dict[str, str], reseller: Reseller) -> None:
    query = {"period": "today", "pipeline_id": pipeline["id"]}
    record = server.admin.get(PERIOD, params=query).json()["data"]

    assert record["step"] == "hour"
    assert sum(hour["calls"] for hour in record["bars"]) == record["total"]["calls"] == 4
    assert record["before"]["until"] < record["now"]
    missing = server.admin.get(PERIOD, params={"pipeline_id": "nowhere"})
    assert missing.status_code == 404
    problem = server.admin.get(PERIOD, params={"first_day": "9999-12-31"}).json()
    assert problem["errors"][0]["pointer"] == "/first_day"


def test_a_model_is_a_filter_of_calls(server: Installation) -> None:
    """A call with several items of one model is one call, in the figures and in the list."""
    chain = make_pipeline(server.admin)
    buyer = make_reseller(server, chain)
    items = [
        {"unit": unit, "quantity": 1_000_000, "model": model}
        for unit, model in (("input_token", "m-a"), ("output_token", "m-a"), ("input_token", "m-b"))
    ]
    assert buyer.begin(chain, status="succeeded", lines=items).status_code == 201
    assert buyer.begin(chain, status="succeeded", lines=items[2:]).status_code == 201
    query = {"pipeline_id": chain["id"], "period": "7d"}
    record = server.admin.get(PERIOD, params={**query, "group_by": "model"}).json()["data"]
    figures = {group["id"]: (group["calls"], group["amounts"]["USD"]) for group in record["groups"]}

    assert figures == {"m-b": (2, "2.0000000000"), "m-a": (1, "6.0000000000")}
    for model, (calls, amount) in figures.items():
        total = server.admin.get(CALLS_TOTAL, params={**query, "model": model}).json()["data"]
        assert total["count"] == calls
        assert total["sums"] == [{"currency": "USD", "calls": calls, "amount": amount}]
    none = server.admin.get(CALLS_TOTAL, params={**query, "model": "-"}).json()["data"]
    assert none["count"] == 0


def test_who_may_see_them(
    server: Installation, pipeline: dict[str, str], reseller: Reseller
) -> None:
    viewer = server.sign_in("viewer")
    assert viewer.get(FIGURES, params={"pipeline_id": pipeline["id"]}).status_code == 200
    assert viewer.get(PERIOD).status_code == 200
    assert viewer.get("/pipeline_core/line.ui").status_code == 200
    one = {"id": reseller.distributor["id"], "distributor_id": reseller.distributor["id"]}
    for path in (OVERVIEW, USAGE, FILE, "/pipeline_dist/distributor.ui"):
        assert viewer.get(path, params=one).status_code == 403
