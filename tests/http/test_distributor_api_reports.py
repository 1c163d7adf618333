"""What a distributor may look at: itself, pipelines, usage, statements, the document."""

import re
from decimal import Decimal
from typing import Any

import pytest

from tests.support.installation import Installation
from tests.support.refusals import pointers
from tests.support.selling import (
    COST,
    USED,
    Reseller,
    link,
    make_pipeline,
    make_reseller,
    post,
)


@pytest.fixture(scope="module")
def pipeline(server: Installation) -> dict[str, Any]:
    return make_pipeline(server.admin, daily_quota=10_000, max_concurrency=50)


@pytest.fixture(scope="module")
def reseller(server: Installation, pipeline: dict[str, Any]) -> Reseller:
    return make_reseller(server, pipeline, quota_period="month", quota_calls=1000)


class TestLooking:
    def test_me(self, server: Installation, pipeline: dict[str, Any]) -> None:
        reseller = make_reseller(
            server,
            pipeline,
            quota_period="day",
            quota_calls=10,
            spend_limit="1",
            rate_limit_per_minute=600,
            allowed_ips="127.0.0.1",
        )
        reseller.begin(pipeline, status="succeeded", lines=USED)
        me = reseller.get("me").json()

        assert me["code"] == reseller.distributor["code"]
        assert (me["quota_calls"], me["quota_used"], me["quota_remaining"]) == (10, 1, 9)
        assert me["spend_used"] == COST
        assert Decimal(me["spend_remaining"]) == 1 - Decimal(COST)
        assert me["allowed_ips"] == ["127.0.0.1/32"]
        assert me["api_key_prefix"] == reseller.key[:12]
        assert {limit["scope"] for limit in me["limits"]} == {"rate", "spend", "distributor_day"}
        assert not {"api_key_hash", "contact", "id"} & me.keys()

    def test_nothing_is_left_over_the_spending_limit(
        self, server: Installation, pipeline: dict[str, Any]
    ) -> None:
        reseller = make_reseller(server, pipeline, spend_limit="0.001")
        call = reseller.begin(pipeline).json()
        assert reseller.finish(call, lines=USED).status_code == 200
        me = reseller.get("me").json()

        assert me["spend_remaining"] == "0.0000000000"
        assert [limit["remaining"] for limit in me["limits"]] == ["0.0000000000"]

    def test_pipelines_are_those_that_may_be_called(self, server: Installation) -> None:
        pipelines = [make_pipeline(server.admin, f"shown-{name}") for name in ("a", "b", "c_d")]
        hidden = [
            make_pipeline(server.admin, "hidden-draft", publish=False),
            make_pipeline(server.admin, "hidden-disabled"),
            make_pipeline(server.admin, "hidden-early"),
            make_pipeline(server.admin, "hidden-not-linked"),
        ]
        reseller = make_reseller(server, *pipelines, hidden[0])
        link(server.admin, reseller.distributor, hidden[1], enabled=0)
        link(server.admin, reseller.distributor, hidden[2], valid_from="2099-01-01")

        def codes(**params: Any) -> list[str]:
            return [row["code"] for row in reseller.get("pipelines", **params).json()["rows"]]

        assert codes() == ["shown-a", "shown-b", "shown-c_d"]
        assert reseller.get("pipelines").json()["total"] == 3
        assert codes(rows=2, page=2) == ["shown-c_d"]
        assert codes(q="c_") == ["shown-c_d"]
        assert codes(q="%") == []
        assert "/rows" in pointers(reseller.get("pipelines", rows=101))
        assert "/raws" in pointers(reseller.get("pipelines", raws=1))

    def test_searching_pipelines_tells_rare_letters_apart_and_not_capitals(
        self, server: Installation
    ) -> None:
        names = {"emoji-a": "Café 😀", "emoji-b": "Café 🎉", "han": "𠮷野"}
        pipelines = [make_pipeline(server.admin, code, name=name) for code, name in names.items()]
        reseller = make_reseller(server, *pipelines)
        result = {
            text: [row["code"] for row in reseller.get("pipelines", q=text).json()["rows"]]
            for text in ("😀", "🎉", "🎈", "CAFE", "É 🎉", "𠮷", "𠮸", "EMOJI-B", "100%", "\\", "!")
        }

        assert {text: codes for text, codes in result.items() if codes} == {
            "😀": ["emoji-a"], "🎉": ["emoji-b"], "CAFE": ["emoji-a", "emoji-b"],
            "É 🎉": ["emoji-b"], "𠮷": ["han"], "EMOJI-B": ["emoji-b"],
        }  # fmt: skip

    def test_one_pipeline_has_its_live_version_and_no_configuration(
        self, server: Installation
    ) -> None:
        pipeline = make_pipeline(server.admin, monthly_quota=70)
        for key, stage in (("draw", 2), ("sing", 2)):
            post(
                server.admin,
                "/pipeline_core/api/pipeline_steps_create.dspy",
                pipeline_id=pipeline["id"],
                step_key=key,
                name=key,
                stage=stage,
                step_no=1,
                step_type="http",
                config={"url": "https://internal.example/secret", "method": "POST"},
            )
        post(
            server.admin,
            "/pipeline_core/api/pipeline_publish.dspy",
            pipeline_id=pipeline["id"],
            notes="more",
        )
        reseller = make_reseller(
            server, pipeline, terms={"pricing_mode": "discount", "discount_rate": "0.5"}
        )
        answer = reseller.get("pipelines", code=pipeline["code"])
        body = answer.json()

        assert "internal.example" not in answer.text
        assert body["version"]["version_no"] == body["version_no"] == 2
        assert len(body["version"]["checksum"]) == 64
        stages = [
            [step["step_key"] for step in stage["steps"]] for stage in body["version"]["stages"]
        ]
        assert [sorted(keys) for keys in stages] == [["answer"], ["draw", "sing"]]
        assert [price["unit_price"] for price in body["prices"]] == ["0.500000", "2.500000"]
        assert body["limits"][0]["scope"] == "capacity_month"
        assert answer.headers["RateLimit-Limit"] == "70"

    def test_a_quote_agrees_with_the_booking_and_books_nothing(
        self, reseller: Reseller, pipeline: dict[str, Any]
    ) -> None:
        before = reseller.get("me").json()
        quote = reseller.post("quote", {"pipeline": pipeline["code"], "lines": USED}).json()

        assert quote["total"] == COST
        assert quote["admitted"] is True
        assert reseller.get("me").json() == before
        assert "/lines" in pointers(reseller.post("quote", {"pipeline": pipeline["code"]}))

    def test_a_quote_says_what_would_refuse_a_call_in_the_reader_s_language(
        self, server: Installation
    ) -> None:
        full = make_pipeline(server.admin, daily_quota=1)
        reseller = make_reseller(server, full)
        assert reseller.begin(full).status_code == 201
        result = {}
        for lang in ("en", "zh-CN"):
            reseller.client.headers["Accept-Language"] = lang
            quote = reseller.post("quote", {"pipeline": full["code"], "lines": USED}).json()
            result[lang] = (quote["refusal"]["code"], quote["refusal"]["detail"][:8])

        assert result == {
            "en": ("capacity_exceeded", "The line"),
            "zh-CN": ("capacity_exceeded", "该产线的供应量 "),
        }

    def test_getting_changes_nothing(
        self, server: Installation, reseller: Reseller, pipeline: dict[str, Any]
    ) -> None:
        def state() -> list[dict[str, Any]]:
            rows: list[dict[str, Any]] = []
            for table in ("distributors", "distributor_pipeline", "pipeline_capacity"):
                rows += server.query(f"select * from {table} order by id")
            return rows + server.query("select count(*) as calls from pipeline_usage_log")

        before = state()
        for path in (
            "me",
            "pipelines",
            "usage",
            "usage?group_by=day",
            "statement",
            "calls?call_no=x",
        ):
            reseller.client.get(f"/pipeline_dist/v1/{path}")

        assert state() == before


class TestDocument:
    def test_is_served_without_a_key_in_both_languages(self, server: Installation) -> None:
        client = server.anonymous()
        english = client.get("/pipeline_dist/v1/openapi.json").json()
        chinese = client.get(
            "/pipeline_dist/v1/openapi.json", headers={"Accept-Language": "zh-CN"}
        ).json()

        assert english["openapi"] == "3.1.0"
        assert english["paths"].keys() == chinese["paths"].keys()
        assert english["info"]["title"] != chinese["info"]["title"]

    def test_page_has_every_call_and_nothing_from_elsewhere(self, server: Installation) -> None:
        client = server.anonymous()
        page = client.get("/pipeline_dist/v1/docs", headers={"Accept": "text/html"})
        document = client.get("/pipeline_dist/v1/openapi.json").json()

        assert page.headers["Content-Type"].startswith("text/html")
        assert page.text.count("<script") == page.text.count('<script src="/pipeline_dist/v1/') == 1
        assert "[Line] | null" in page.text
        text = page.text.replace(document["servers"][0]["url"], "")
        assert re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", text) == []
        for path in document["paths"]:
            assert path in page.text
        assert client.get("/pipeline_dist/v1/docs/docs.css").status_code == 200
