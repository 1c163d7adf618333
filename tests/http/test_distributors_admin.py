"""Distributors, their keys and their links to lines, as an administrator keeps them."""

import json
from typing import Any

import httpx
import pytest

from pipeline_dist import keys
from tests.support.installation import Installation
from tests.support.selling import (
    Reseller,
    link,
    make_distributor,
    make_line,
    make_reseller,
    new_key,
    post,
)

API = "/pipeline_dist/api/"
SECRETS = ("api_key_hash", "previous_key_hash", "rate_window")


def try_post(client: httpx.Client, endpoint: str, /, **body: Any) -> httpx.Response:
    return client.post(f"{API}{endpoint}.dspy", json=body)


def problems(answer: httpx.Response, status: int = 400) -> dict[str, str]:
    """The pointers and codes of a refusal."""
    assert answer.status_code == status, answer.text
    return {item["pointer"]: item["code"] for item in answer.json()["errors"]}


def change(admin: httpx.Client, record: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return post(
        admin,
        f"{API}distributors_update.dspy",
        id=record["id"],
        lock_version=record["lock_version"],
        **fields,
    )


class TestFields:
    def test_defaults(self, server: Installation) -> None:
        made = post(server.admin, f"{API}distributors_create.dspy", code="plain", name="Plain")

        assert made["status"] == "active"
        assert made["currency"] == "CNY"
        assert made["quota_period"] == "none"
        assert made["spend_used"] == "0.0000000000"
        assert made["lock_version"] == 1
        assert not set(SECRETS) & made.keys()

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"code": "Upper"}, "/code"),
            ({"code": ""}, "/code"),
            ({"name": "x" * 129}, "/name"),
            ({"email": "nobody"}, "/email"),
            ({"phone": "call me"}, "/phone"),
            ({"status": "gone"}, "/status"),
            ({"allowed_ips": "10.0.0.0/8, 300.1.1.1"}, "/allowed_ips"),
            ({"allowed_ips": "example.com"}, "/allowed_ips"),
            ({"rate_limit_per_minute": 0}, "/rate_limit_per_minute"),
            ({"rate_limit_per_minute": "fast"}, "/rate_limit_per_minute"),
            ({"quota_calls": -1, "quota_period": "day"}, "/quota_calls"),
            ({"quota_period": "day"}, "/quota_calls"),
            ({"quota_calls": 5}, "/quota_period"),
            ({"quota_period": "week"}, "/quota_period"),
            ({"spend_limit": "-1"}, "/spend_limit"),
            ({"spend_limit": "1.1234567"}, "/spend_limit"),
            ({"currency": "usd"}, "/currency"),
            ({"colour": "red"}, "/colour"),
            ({"api_key_hash": "0" * 64}, "/api_key_hash"),
            ({"api_key_prefix": "ppk_"}, "/api_key_prefix"),
            ({"previous_key_hash": "0" * 64}, "/previous_key_hash"),
            ({"quota_used": 0}, "/quota_used"),
            ({"spend_used": 0}, "/spend_used"),
        ],
    )
    def test_are_checked(self, server: Installation, fields: dict[str, Any], pointer: str) -> None:
        answer = try_post(
            server.admin, "distributors_create", **{"code": "bad", "name": "Bad", **fields}
        )

        assert pointer in problems(answer)
        assert server.query("select id from distributors where code = 'bad'") == []

    def test_problems_come_all_at_once(self, server: Installation) -> None:
        answer = try_post(server.admin, "distributors_create", code="A", email="x", nonsense=1)

        assert problems(answer).keys() == {"/code", "/name", "/email", "/nonsense"}

    def test_networks_are_kept_in_one_spelling(self, server: Installation) -> None:
        made = make_distributor(server.admin, allowed_ips="10.1.2.3/8, 2001:DB8::1 10.0.0.0/8")

        assert made["allowed_ips"] == "10.0.0.0/8,2001:db8::1/128"

    def test_emoji_and_full_width_text_are_kept(self, server: Installation) -> None:
        made = make_distributor(server.admin, name="ＡＣＭＥ 🚀 株式会社", contact="O'Brien <x>")

        stored = server.query("select name, contact from distributors where id = %s", made["id"])
        assert stored == [{"name": "ＡＣＭＥ 🚀 株式会社", "contact": "O'Brien <x>"}]

    @pytest.mark.parametrize("field", ["code", "name"])
    def test_code_and_name_are_unique(self, server: Installation, field: str) -> None:
        made = make_distributor(server.admin)
        other = {"code": f"{made['code']}-2", "name": f"{made['name']} 2", field: made[field]}
        answer = try_post(server.admin, "distributors_create", **other)

        assert answer.json()["code"] == "duplicate"
        assert problems(answer, 409) == {f"/{field}": "duplicate"}

    def test_an_edit_of_a_stale_record_is_refused(self, server: Installation) -> None:
        made = make_distributor(server.admin)
        change(server.admin, made, contact="First")
        answer = try_post(
            server.admin, "distributors_update", id=made["id"], lock_version=1, contact="Second"
        )

        assert (answer.status_code, answer.json()["code"]) == (409, "edit_conflict")
        assert answer.json()["current"]["contact"] == "First"
        assert not set(SECRETS) & answer.json()["current"].keys()
        assert "/lock_version" in problems(
            try_post(server.admin, "distributors_update", id=made["id"], contact="Third")
        )

    def test_currency_is_fixed_once_calls_are_booked(self, server: Installation) -> None:
        line = make_line(server.admin)
        reseller = make_reseller(server, line)
        record = reseller.distributor | {"lock_version": 2}
        record = change(server.admin, record, currency="EUR")
        record = change(server.admin, record, currency="USD")
        assert reseller.begin(line).status_code == 201
        answer = try_post(
            server.admin,
            "distributors_update",
            id=record["id"],
            lock_version=record["lock_version"],
            currency="EUR",
        )

        assert (answer.status_code, answer.json()["code"]) == (409, "currency_in_use")
        change(server.admin, record, currency="USD", contact="still editable")

    def test_a_changed_quota_period_takes_up_what_the_ledger_has(
        self, server: Installation
    ) -> None:
        line = make_line(server.admin)
        reseller = make_reseller(server, line, quota_period="day", quota_calls=3)
        record = reseller.distributor | {"lock_version": 2}
        statuses = [reseller.begin(line).status_code for _ in range(2)]
        for period in ("month", "day", "none", "day"):
            calls = "" if period == "none" else 3
            record = change(server.admin, record, quota_period=period, quota_calls=calls)
        statuses += [reseller.begin(line).status_code for _ in range(2)]

        assert statuses == [201, 201, 201, 429]
        assert server.manage("check-ledger", check=False).returncode == 0


class TestDeleting:
    def test_an_unused_one_goes(self, server: Installation) -> None:
        made = make_distributor(server.admin)
        answer = try_post(server.admin, "distributors_delete", id=made["id"])

        assert answer.json()["data"]["code"] == made["code"]
        assert server.query("select id from distributors where id = %s", made["id"]) == []
        assert try_post(server.admin, "distributors_delete", id=made["id"]).status_code == 404

    def test_one_with_lines_or_calls_stays(self, server: Installation) -> None:
        line = make_line(server.admin)
        reseller = make_reseller(server, line)
        linked = server.query(
            "select id from distributor_pipeline where distributor_id = %s",
            reseller.distributor["id"],
        )[0]["id"]

        answer = try_post(server.admin, "distributors_delete", id=reseller.distributor["id"])
        assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
        assert [r["table"] for r in answer.json()["referrers"]] == ["distributor_pipeline"]

        call = reseller.begin(line).json()
        refused = try_post(server.admin, "distributor_pipeline_delete", id=linked)
        assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
        reseller.finish(call)
        assert try_post(server.admin, "distributor_pipeline_delete", id=linked).status_code == 200

        answer = try_post(server.admin, "distributors_delete", id=reseller.distributor["id"])
        assert [r["table"] for r in answer.json()["referrers"]] == ["pipeline_usage_log"]

    @pytest.mark.parametrize("key", [0, True, None, "", ["x"], {"a": 1}])
    def test_a_strange_id_deletes_nothing(self, server: Installation, key: Any) -> None:
        make_distributor(server.admin)
        before = server.query("select count(*) as n from distributors")
        answer = try_post(server.admin, "distributors_delete", id=key)

        assert answer.status_code == 400
        assert server.query("select count(*) as n from distributors") == before


class TestKeys:
    def test_is_told_once_and_stored_as_a_digest(self, server: Installation) -> None:
        made = make_distributor(server.admin)
        told = post(server.admin, f"{API}distributor_generate_key.dspy", id=made["id"])
        key = told["api_key"]

        assert keys.is_well_formed(key)
        assert told["api_key_prefix"] == key[:12]
        assert key in told["curl"]
        assert told["lock_version"] == 2
        assert not set(SECRETS) & told.keys()
        stored = server.query("select * from distributors where id = %s", made["id"])[0]
        assert stored["api_key_hash"] == keys.digest(key)
        assert key not in str(stored)
        listed = server.admin.get("/pipeline_dist/distributors/get_distributors.dspy").text
        assert key not in listed
        assert keys.digest(key) not in listed

    def test_is_in_no_log(self, server: Installation) -> None:
        reseller = make_reseller(server)
        assert reseller.get("me").status_code == 200

        assert reseller.key not in server.logs()
        assert reseller.key not in str(server.query("select * from app_audit"))

    def test_a_page_gets_a_widget_for_it(self, server: Installation) -> None:
        made = make_distributor(server.admin)
        answer = server.admin.post(
            f"{API}distributor_generate_key.dspy",
            data={"id": made["id"], "expires_at": "2099-01-01T00:00:00Z", "_webbricks_": "1"},
        )
        widget = answer.json()

        assert widget["widgettype"] == "ApiKey"
        assert keys.is_well_formed(widget["options"]["api_key"])
        assert widget["options"]["expires_at"] == "2099-01-01T00:00:00.000Z"
        assert widget["options"]["title"] == made["name"]

    def test_without_grace_the_old_one_ends_at_once(self, server: Installation) -> None:
        reseller = make_reseller(server)
        key = new_key(server.admin, reseller.distributor)

        assert reseller.get("me").status_code == 401
        assert Reseller(server, reseller.distributor, key).get("me").status_code == 200

    def test_only_one_old_key_is_kept(self, server: Installation) -> None:
        first = make_reseller(server)
        second = Reseller(
            server, first.distributor, new_key(server.admin, first.distributor, grace_hours=5)
        )
        third = Reseller(
            server, first.distributor, new_key(server.admin, first.distributor, grace_hours=5)
        )

        assert [each.get("me").status_code for each in (first, second, third)] == [401, 200, 200]

    def test_revoking_ends_all(self, server: Installation) -> None:
        old = make_reseller(server)
        new = Reseller(
            server, old.distributor, new_key(server.admin, old.distributor, grace_hours=5)
        )
        answer = try_post(server.admin, "distributor_revoke_key", id=old.distributor["id"])

        assert answer.json()["data"]["api_key_prefix"] is None
        assert [each.get("me").status_code for each in (old, new)] == [401, 401]
        assert try_post(server.admin, "distributor_revoke_key", id=old.distributor["id"]).is_success

    @pytest.mark.parametrize(
        ("options", "pointer"),
        [
            ({"grace_hours": -1}, "/grace_hours"),
            ({"grace_hours": 100_000}, "/grace_hours"),
            ({"expires_at": "2020-01-01"}, "/expires_at"),
            ({"expires_at": "soon"}, "/expires_at"),
            ({"scope": "all"}, "/scope"),
            ({"id": ""}, "/id"),
        ],
    )
    def test_options_are_checked(
        self, server: Installation, options: dict[str, Any], pointer: str
    ) -> None:
        made = make_distributor(server.admin)
        answer = try_post(server.admin, "distributor_generate_key", **{"id": made["id"], **options})

        assert pointer in problems(answer)

    def test_a_stale_lock_version_makes_none(self, server: Installation) -> None:
        made = make_distributor(server.admin)
        new_key(server.admin, made, lock_version=1)
        answer = try_post(server.admin, "distributor_generate_key", id=made["id"], lock_version=1)

        assert answer.json()["code"] == "edit_conflict"

    @pytest.mark.parametrize("status", ["suspended", "closed"])
    def test_suspending_and_closing_work_on_the_next_request(
        self, server: Installation, status: str
    ) -> None:
        reseller = make_reseller(server)
        assert reseller.get("me").status_code == 200
        record = change(server.admin, reseller.distributor | {"lock_version": 2}, status=status)

        assert reseller.get("me").json()["code"] == "distributor_suspended"
        change(server.admin, record, status="active")
        assert reseller.get("me").status_code == 200


class TestLinks:
    @pytest.fixture
    def pair(self, server: Installation) -> dict[str, str]:
        return {
            "distributor_id": make_distributor(server.admin)["id"],
            "pipeline_id": make_line(server.admin, publish=False, prices=())["id"],
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
            ({"pricing_mode": "fixed"}, "/fixed_prices"),
            ({"pricing_mode": "fixed", "fixed_prices": []}, "/fixed_prices"),
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
        line = make_line(server.admin)
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
            server, line, terms={"pricing_mode": "fixed", "fixed_prices": json.dumps(fixed)}
        )
        used = [
            {"unit": "input_token", "quantity": 4808},
            {"unit": "output_token", "quantity": 10},
            {"unit": "image", "quantity": 11},
        ]
        booked = reseller.begin(line, status="succeeded", lines=used).json()

        assert [item["amount"] for item in booked["lines"]] == [
            "1.2020000000",
            "0.0000500000",
            "6.0000000000",
        ]

    def test_who_and_what_are_linked_does_not_change(
        self, server: Installation, pair: dict[str, str]
    ) -> None:
        made = link(server.admin, {"id": pair["distributor_id"]}, {"id": pair["pipeline_id"]})
        other = make_line(server.admin, publish=False, prices=())
        answer = try_post(
            server.admin,
            "distributor_pipeline_update",
            id=made["id"],
            lock_version=made["lock_version"],
            pipeline_id=other["id"],
        )

        assert problems(answer) == {"/pipeline_id": "write_once"}
        again = post(
            server.admin,
            f"{API}distributor_pipeline_update.dspy",
            id=made["id"],
            lock_version=made["lock_version"],
            pipeline_id=pair["pipeline_id"],
            daily_quota=7,
        )
        assert again["daily_quota"] == 7

    def test_a_link_made_again_goes_on_counting(self, server: Installation) -> None:
        line = make_line(server.admin)
        reseller = make_reseller(server, line, terms={"daily_quota": 2})
        booked = reseller.begin(line, status="succeeded", lines=[])
        assert booked.status_code == 201
        linked = server.query(
            "select id from distributor_pipeline where distributor_id = %s",
            reseller.distributor["id"],
        )[0]["id"]
        assert try_post(server.admin, "distributor_pipeline_delete", id=linked).is_success
        link(server.admin, reseller.distributor, line, daily_quota=2)

        assert [reseller.begin(line).status_code for _ in range(2)] == [201, 429]


class TestSearching:
    def test_everything_comes_first_and_text_is_no_pattern(self, server: Installation) -> None:
        for code in ("find-me", "find_me", "lose-me"):
            make_distributor(server.admin, code, name=f"Search {code}")

        def found(**params: str) -> list[str]:
            answer = server.admin.get(f"{API}get_search_distributor_id.dspy", params=params)
            rows = answer.json()
            assert rows[0] == {"value": "", "text": "全部"}
            return sorted(row["text"] for row in rows[1:])

        assert found(q="search find") == ["Search find-me", "Search find_me"]
        assert found(q="find_") == ["Search find_me"]
        assert found(q="%%") == []
        assert len(found()) <= 50


class TestRights:
    @pytest.mark.parametrize(
        ("who", "path", "method", "allowed"),
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
        self, server: Installation, who: str, path: str, method: str, allowed: bool
    ) -> None:
        client = server.sign_in(who)
        answer = client.request(method, f"/pipeline_dist/{path}")

        assert (answer.status_code != 403) == allowed

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
        line = make_line(server.admin)
        reseller = make_reseller(server, line)
        used = [{"unit": unit, "quantity": 7} for unit in ("input_token", "output_token")]
        reseller.begin(line, status="succeeded", lines=used)
        of_it = {"distributor_id": reseller.distributor["id"]}
        made = post(server.admin, f"{API}distributor_statement.dspy", **of_it)
        own = reseller.get("statement").json()
        listed = server.admin.get(
            f"{API}distributor_statement_lines.dspy", params=of_it | {"sort": "amount desc"}
        ).json()
        view = server.admin.get(
            f"{API}distributor_statement_view.dspy", params=of_it | {"_webbricks_": 1}
        ).json()

        assert made | {"made_at": 0} == own | {"made_at": 0}
        assert listed["total"] == 2
        assert [row["unit"] for row in listed["rows"]] == ["output_token", "input_token"]
        assert own["month"] in view["subwidgets"][0]["options"]["text"]

    def test_parameters_are_checked(self, server: Installation) -> None:
        made = make_distributor(server.admin)
        answer = try_post(
            server.admin, "distributor_statement", distributor_id=made["id"], month="November"
        )
        assert problems(answer) == {"/month": "bad_month"}
        answer = try_post(server.admin, "distributor_statement", distributor_id="none")
        assert answer.status_code == 404
        answer = try_post(
            server.admin, "distributor_statement_lines", distributor_id=made["id"], sort="id;--"
        )
        assert answer.json()["code"] == "bad_sort"
