"""Links of distributors to pipelines, statements, searching and rights, for administrators."""

import json
from typing import Any

import pytest

from tests.support.distributors import API, problems, try_post
from tests.support.installation import Installation
from tests.support.selling import (
    link,
    make_distributor,
    make_pipeline,
    make_reseller,
    post,
)


class TestLinks:
    @pytest.fixture
    def pair(self, server: Installation) -> dict[str, str]:
        return {
            "distributor_id": make_distributor(server.admin)["id"],
            "pipeline_id": make_pipeline(server.admin, publish=False, prices=())["id"],
        }

    def test_a_pair_is_linked_once(self, server: Installation, pair: dict[str, str]) -> None:
        assert try_post(server.admin, "distributor_pipeline_create", **pair).status_code == 200
        answer = try_post(server.admin, "distributor_pipeline_create", **pair)

        assert answer.json()["code"] == "duplicate"
        assert problems(answer, 409).keys() == {"/distributor_id", "/pipeline_id"}

    @pytest.mark.parametrize(
        ("terms", "pointer"),
        [
            ({"pipeline_id": "none"}, "/pipeline_id"),
            ({"distributor_id": "none"}, "/distributor_id"),
            ({"pricing_mode": "gift"}, "/pricing_mode"),
            ({"pricing_mode": "discount"}, "/discount_rate"),
            ({"pricing_mode": "discount", "discount_rate": "-0.1"}, "/discount_rate"),
            ({"pricing_mode": "discount", "discount_rate": "100"}, "/discount_rate"),
            ({"pricing_mode": "discount", "discount_rate": "0.12345"}, "/discount_rate"),
            ({"pricing_mode": "discount", "discount_rate": "1.0001"}, "/discount_rate"),
            ({"pricing_mode": "discount", "discount_rate": 85}, "/discount_rate"),
            ({"discount_rate": "1.5"}, "/discount_rate"),
            ({"pricing_mode": "discount", "discount_rate": "0"}, "/discount_rate"),
            ({"discount_rate": "0.0000"}, "/discount_rate"),
            ({"pricing_mode": "fixed", "fixed_prices": "{"}, "/fixed_prices"),
            ({"pricing_mode": "fixed", "fixed_prices": [1]}, "/fixed_prices/0"),
            ({"daily_quota": -1}, "/daily_quota"),
            ({"valid_from": "2026-02-01", "valid_to": "2026-01-01"}, "/valid_to"),
            ({"valid_from": "whenever"}, "/valid_from"),
            ({"day_used": 0}, "/day_used"),
            ({"enabled": "perhaps"}, "/enabled"),
        ],
    )
    def test_terms_are_checked(
        self, server: Installation, pair: dict[str, str], terms: dict[str, Any], pointer: str
    ) -> None:
        answer = try_post(server.admin, "distributor_pipeline_create", **(pair | terms))

        assert pointer in problems(answer)

    def test_a_rate_above_one_is_asked_back(
        self, server: Installation, pair: dict[str, str]
    ) -> None:
        """85 for 0.85 would charge 85 times the price."""
        terms = post(server.admin, f"{API}distributor_pipeline_create.dspy", **pair)
        wrong = try_post(
            server.admin, "distributor_pipeline_update",
            id=terms["id"], lock_version=terms["lock_version"], discount_rate=85,
        )  # fmt: skip
        assert problems(wrong) == {"/discount_rate": "out_of_range"}
        assert "In a request 85% is 0.85" in wrong.text
        # One of before is no reason why the link could not be switched off.
        server.query(
            "update distributor_pipeline set pricing_mode = 'discount', discount_rate = 1.5"
            " where id = %s", terms["id"],
        )  # fmt: skip
        off = post(
            server.admin, f"{API}distributor_pipeline_update.dspy",
            id=terms["id"], lock_version=terms["lock_version"], enabled=0,
        )  # fmt: skip
        assert off["enabled"] == 0
        after = post(
            server.admin, f"{API}distributor_pipeline_update.dspy",
            id=terms["id"], lock_version=off["lock_version"], discount_rate=1,
        )  # fmt: skip
        assert float(after["discount_rate"]) == 1

    @pytest.mark.parametrize(
        ("price", "pointer"),
        [
            ({"unit": "call"}, "unit_price"),
            ({"unit_price": "1"}, "unit"),
            ({"unit": "call", "unit_price": "-1"}, "unit_price"),
            ({"unit": "call", "unit_price": "1.1234567"}, "unit_price"),
            ({"unit": "call", "unit_price": "1", "unit_size": 0}, "unit_size"),
            ({"unit": "call", "unit_price": "1", "currency": "EUR"}, "currency"),
            ({"unit": "call", "unit_price": "1", "enabled": 1}, "enabled"),
            ({"unit": "call", "unit_price": "1", "colour": 1}, "colour"),
            ({"unit": "call", "pricing_type": "package", "package_size": 5}, "package_price"),
            ({"unit": "call", "pricing_type": "package", "package_price": 5}, "package_size"),
        ],
    )
    def test_fixed_prices_are_checked_like_prices(
        self, server: Installation, pair: dict[str, str], price: dict[str, Any], pointer: str
    ) -> None:
        good = {"unit": "second", "unit_price": "0.01"}
        answer = try_post(
            server.admin,
            "distributor_pipeline_create",
            **pair,
            pricing_mode="fixed",
            fixed_prices=[good, price],
        )

        assert f"/fixed_prices/1/{pointer}" in problems(answer)

    def test_fixed_prices_for_one_use_stand_once(
        self, server: Installation, pair: dict[str, str]
    ) -> None:
        price = {"unit": "call", "unit_price": "1"}
        answer = try_post(
            server.admin,
            "distributor_pipeline_create",
            **pair,
            pricing_mode="fixed",
            fixed_prices=[price, {**price, "model": "m"}, price],
        )

        assert problems(answer) == {"/fixed_prices/2": "duplicate"}

    def test_fixed_prices_are_charged(self, server: Installation) -> None:
        pipeline = make_pipeline(server.admin)
        fixed = [
            {"unit": "input_token", "unit_price": 0.25, "unit_size": 1000},
            {
                "unit": "image",
                "pricing_type": "package",
                "package_size": 10,
                "package_price": "3",
            },
        ]
        reseller = make_reseller(
            server, pipeline, terms={"pricing_mode": "inherit", "fixed_prices": json.dumps(fixed)}
        )
        usage = [
            {"unit": "input_token", "quantity": 4808},
            {"unit": "output_token", "quantity": 10},
            {"unit": "image", "quantity": 11},
        ]
        booking = reseller.begin(pipeline, status="succeeded", lines=usage).json()

        assert [item["amount"] for item in booking["lines"]] == [
            "1.2020000000",
            "0.0000500000",
            "6.0000000000",
        ]

    def test_units_of_a_fixed_price_do_not_count_for_packages(self, server: Installation) -> None:
        pipeline = make_pipeline(server.admin)
        reseller = make_reseller(server, pipeline)
        (row,) = server.query(
            "select id from distributor_pipeline where distributor_id = %s",
            reseller.distributor["id"],
        )
        package = {"pricing_type": "package", "package_size": 10, "package_price": "3"}
        prices: list[dict[str, Any]] = [{"unit_price": "1"}, package]

        amounts = []
        for version, price in enumerate(prices):
            post(
                server.admin,
                f"{API}distributor_pipeline_update.dspy",
                id=row["id"],
                lock_version=version + 1,
                pricing_mode="fixed",
                fixed_prices=[{"unit": "image", **price}],
            )
            usage = [{"unit": "image", "quantity": 5}]
            booking = reseller.begin(pipeline, status="succeeded", lines=usage).json()
            amounts.append(booking["amount"])

        assert amounts == ["5.0000000000", "3.0000000000"]

    def test_who_and_what_are_linked_does_not_change(
        self, server: Installation, pair: dict[str, str]
    ) -> None:
        terms = link(server.admin, {"id": pair["distributor_id"]}, {"id": pair["pipeline_id"]})
        other = make_pipeline(server.admin, publish=False, prices=())
        answer = try_post(
            server.admin,
            "distributor_pipeline_update",
            id=terms["id"],
            lock_version=terms["lock_version"],
            pipeline_id=other["id"],
        )

        assert problems(answer) == {"/pipeline_id": "write_once"}
        again = post(
            server.admin,
            f"{API}distributor_pipeline_update.dspy",
            id=terms["id"],
            lock_version=terms["lock_version"],
            pipeline_id=pair["pipeline_id"],
            daily_quota=7,
        )
        assert again["daily_quota"] == 7

    def test_a_link_made_again_goes_on_counting(self, server: Installation) -> None:
        pipeline = make_pipeline(server.admin)
        reseller = make_reseller(server, pipeline, terms={"daily_quota": 2})
        booking = reseller.begin(pipeline, status="succeeded", lines=[])
        assert booking.status_code == 201
        link_id = server.query(
            "select id from distributor_pipeline where distributor_id = %s",
            reseller.distributor["id"],
        )[0]["id"]
        assert try_post(server.admin, "distributor_pipeline_delete", id=link_id).is_success
        link(server.admin, reseller.distributor, pipeline, daily_quota=2)

        assert [reseller.begin(pipeline).status_code for _ in range(2)] == [201, 429]


class TestSearching:
    def test_everything_comes_first_and_text_is_no_pattern(self, server: Installation) -> None:
        for code in ("find-me", "find_me", "lose-me"):
            make_distributor(server.admin, code, name=f"Search {code}")

        def search(**params: str) -> list[str]:
            answer = server.admin.get(f"{API}get_search_distributor_id.dspy", params=params)
            rows = answer.json()
            assert rows[0] == {"value": "", "text": "全部"}
            return sorted(row["text"] for row in rows[1:])

        assert search(q="search find") == ["Search find-me", "Search find_me"]
        assert search(q="find_") == ["Search find_me"]
        assert search(q="%%") == []
        assert len(search()) <= 50


class TestRights:
    @pytest.mark.parametrize(
        ("who", "path", "method", "may"),
        [
            ("operator", "distributors/get_distributors.dspy", "GET", False),
            ("viewer", "distributors/get_distributors.dspy", "GET", False),
            ("operator", "api/distributor_generate_key.dspy", "POST", False),
            ("operator", "api/distributors_update.dspy", "POST", False),
            ("operator", "distributor_pipeline/get_distributor_pipeline.dspy", "GET", True),
            ("viewer", "distributor_pipeline/get_distributor_pipeline.dspy", "GET", True),
            ("operator", "api/get_search_distributor_id.dspy", "GET", True),
            ("viewer", "api/distributor_pipeline_create.dspy", "POST", False),
        ],
    )
    def test_by_role(
        self, server: Installation, who: str, path: str, method: str, may: bool
    ) -> None:
        client = server.sign_in(who)
        answer = client.request(method, f"/pipeline_dist/{path}")

        assert (answer.status_code != 403) == may

    def test_writing_answers_to_post_only_and_to_nobody_unknown(self, server: Installation) -> None:
        for name in (
            "distributors_create",
            "distributors_update",
            "distributors_delete",
            "distributor_generate_key",
            "distributor_revoke_key",
            "distributor_pipeline_create",
            "distributor_pipeline_update",
            "distributor_pipeline_delete",
        ):
            assert server.admin.get(f"{API}{name}.dspy").status_code == 405
            assert server.anonymous().post(f"{API}{name}.dspy", json={}).status_code == 401


class TestStatements:
    def test_are_those_of_the_distributors_own(self, server: Installation) -> None:
        pipeline = make_pipeline(server.admin)
        reseller = make_reseller(server, pipeline)
        usage = [{"unit": unit, "quantity": 7} for unit in ("input_token", "output_token")]
        reseller.begin(pipeline, status="succeeded", lines=usage)
        of_it = {"distributor_id": reseller.distributor["id"]}
        statement = post(server.admin, f"{API}distributor_statement.dspy", **of_it)
        own = reseller.get("statement").json()
        page = server.admin.get(
            f"{API}distributor_statement_lines.dspy", params=of_it | {"sort": "amount desc"}
        ).json()
        view = server.admin.get(
            f"{API}distributor_statement_view.dspy", params=of_it | {"_webbricks_": 1}
        ).json()

        assert statement | {"made_at": 0} == own | {"made_at": 0}
        assert page["total"] == 2
        assert [row["unit"] for row in page["rows"]] == ["output_token", "input_token"]
        assert own["month"] in view["subwidgets"][0]["options"]["text"]

    def test_parameters_are_checked(self, server: Installation) -> None:
        distributor = make_distributor(server.admin)
        answer = try_post(
            server.admin,
            "distributor_statement",
            distributor_id=distributor["id"],
            month="November",
        )
        assert problems(answer) == {"/month": "bad_month"}
        answer = try_post(server.admin, "distributor_statement", distributor_id="none")
        assert answer.status_code == 404
        answer = try_post(
            server.admin,
            "distributor_statement_lines",
            distributor_id=distributor["id"],
            sort="id;--",
        )
        assert answer.json()["code"] == "bad_sort"
