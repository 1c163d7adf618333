"""Distributors and their keys, as an administrator keeps them."""

from typing import Any

import pytest

from tests.support.distributors import API, change, problems, try_post
from tests.support.installation import Installation
from tests.support.selling import (
    link,
    make_distributor,
    make_pipeline,
    make_reseller,
    post,
)

SECRETS = ("api_key_hash", "previous_key_hash", "rate_window")


_OWN = "select id, currency from pipeline_pricing where distributor_id = %s order by effective_from"


class TestFields:
    def test_defaults(self, server: Installation) -> None:
        distributor = post(
            server.admin, f"{API}distributors_create.dspy", code="plain", name="Plain"
        )

        assert distributor["status"] == "active"
        assert distributor["currency"] == "CNY"
        assert distributor["quota_period"] == "none"
        assert distributor["spend_used"] == "0.0000000000"
        assert distributor["lock_version"] == 1
        assert not set(SECRETS) & distributor.keys()

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
        distributor = make_distributor(
            server.admin, allowed_ips="10.1.2.3/8, 2001:DB8::1 10.0.0.0/8"
        )

        assert distributor["allowed_ips"] == "10.0.0.0/8,2001:db8::1/128"

    def test_emoji_and_full_width_text_are_kept(self, server: Installation) -> None:
        distributor = make_distributor(
            server.admin, name="ＡＣＭＥ 🚀 株式会社", contact="O'Brien <x>"
        )

        rows = server.query(
            "select name, contact from distributors where id = %s", distributor["id"]
        )
        assert rows == [{"name": "ＡＣＭＥ 🚀 株式会社", "contact": "O'Brien <x>"}]

    @pytest.mark.parametrize("field", ["code", "name"])
    def test_code_and_name_are_unique(self, server: Installation, field: str) -> None:
        distributor = make_distributor(server.admin)
        other = {
            "code": f"{distributor['code']}-2",
            "name": f"{distributor['name']} 2",
            field: distributor[field],
        }
        answer = try_post(server.admin, "distributors_create", **other)

        assert answer.json()["code"] == "duplicate"
        assert problems(answer, 409) == {f"/{field}": "duplicate"}

    def test_an_edit_of_a_stale_record_is_refused(self, server: Installation) -> None:
        distributor = make_distributor(server.admin)
        change(server.admin, distributor, contact="First")
        answer = try_post(
            server.admin,
            "distributors_update",
            id=distributor["id"],
            lock_version=1,
            contact="Second",
        )

        assert (answer.status_code, answer.json()["code"]) == (409, "edit_conflict")
        assert answer.json()["current"]["contact"] == "First"
        assert not set(SECRETS) & answer.json()["current"].keys()
        assert "/lock_version" in problems(
            try_post(server.admin, "distributors_update", id=distributor["id"], contact="Third")
        )

    def test_currency_is_fixed_once_calls_are_booked(self, server: Installation) -> None:
        pipeline = make_pipeline(server.admin)
        reseller = make_reseller(server, pipeline)
        record = reseller.distributor | {"lock_version": 2}
        record = change(server.admin, record, currency="EUR")
        record = change(server.admin, record, currency="USD")
        assert reseller.begin(pipeline).status_code == 201
        answer = try_post(
            server.admin,
            "distributors_update",
            id=record["id"],
            lock_version=record["lock_version"],
            currency="EUR",
        )

        assert (answer.status_code, answer.json()["code"]) == (409, "currency_in_use")
        change(server.admin, record, currency="USD", contact="still editable")

    @pytest.mark.parametrize("mode", ["fixed", "inherit"])
    def test_currency_waits_for_fixed_prices_in_the_old_one(
        self, server: Installation, mode: str
    ) -> None:
        pipeline = make_pipeline(server.admin)
        record = make_distributor(server.admin)
        prices = [{"unit": "image", "unit_price": "7"}]
        pair = link(server.admin, record, pipeline, pricing_mode=mode, fixed_prices=prices)
        (own,) = server.query(_OWN, record["id"])

        result = {"id": record["id"], "lock_version": record["lock_version"], "currency": "EUR"}
        answer = try_post(server.admin, "distributors_update", **result)
        assert problems(answer, 409) == {"/currency": "currency_in_use"}
        assert answer.json()["code"] == "currency_in_use"
        assert f"产线 {pipeline['code']}" in answer.json()["detail"]
        assert [one["id"] for one in answer.json()["referrers"]] == [own["id"]]
        without: dict[str, Any] = {"pricing_mode": "inherit", "fixed_prices": None}
        for version, terms in enumerate([without, {"pricing_mode": mode, "fixed_prices": prices}]):
            post(
                server.admin,
                f"{API}distributor_pipeline_update.dspy",
                id=pair["id"],
                lock_version=version + 1,
                **terms,
            )
            change(server.admin, record | {"lock_version": version + 1}, currency="EUR")
        assert [row["currency"] for row in server.query(_OWN, record["id"])] == ["USD", "EUR"]

    def test_a_changed_quota_period_takes_up_what_the_ledger_has(
        self, server: Installation
    ) -> None:
        pipeline = make_pipeline(server.admin)
        reseller = make_reseller(server, pipeline, quota_period="day", quota_calls=3)
        record = reseller.distributor | {"lock_version": 2}
        statuses = [reseller.begin(pipeline).status_code for _ in range(2)]
        for period in ("month", "day", "none", "day"):
            calls = "" if period == "none" else 3
            record = change(server.admin, record, quota_period=period, quota_calls=calls)
        statuses += [reseller.begin(pipeline).status_code for _ in range(2)]

        assert statuses == [201, 201, 201, 429]
        assert server.manage("check-ledger", check=False).returncode == 0


class TestDeleting:
    def test_an_unused_one_goes(self, server: Installation) -> None:
        distributor = make_distributor(server.admin)
        answer = try_post(server.admin, "distributors_delete", id=distributor["id"])

        assert answer.json()["data"]["code"] == distributor["code"]
        assert server.query("select id from distributors where id = %s", distributor["id"]) == []
        assert (
            try_post(server.admin, "distributors_delete", id=distributor["id"]).status_code == 404
        )

    def test_one_with_pipelines_or_calls_stays(self, server: Installation) -> None:
        pipeline = make_pipeline(server.admin)
        reseller = make_reseller(server, pipeline)
        link_id = server.query(
            "select id from distributor_pipeline where distributor_id = %s",
            reseller.distributor["id"],
        )[0]["id"]

        answer = try_post(server.admin, "distributors_delete", id=reseller.distributor["id"])
        assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
        assert [r["table"] for r in answer.json()["referrers"]] == ["distributor_pipeline"]

        call = reseller.begin(pipeline).json()
        assert try_post(server.admin, "distributor_pipeline_delete", id=link_id).status_code == 200
        assert reseller.finish(call).status_code == 200

        answer = try_post(server.admin, "distributors_delete", id=reseller.distributor["id"])
        assert [r["table"] for r in answer.json()["referrers"]] == ["pipeline_usage_log"]

    def test_one_that_had_prices_of_its_own_stays(self, server: Installation) -> None:
        pipeline, record = make_pipeline(server.admin), make_distributor(server.admin)
        prices = [{"unit": "image", "unit_price": "7"}]
        pair = link(server.admin, record, pipeline, fixed_prices=prices)
        assert try_post(server.admin, "distributor_pipeline_delete", id=pair["id"]).is_success

        answer = try_post(server.admin, "distributors_delete", id=record["id"])

        assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
        assert [r["table"] for r in answer.json()["referrers"]] == ["pipeline_pricing"]

    @pytest.mark.parametrize("key", [0, True, None, "", ["x"], {"a": 1}])
    def test_a_strange_id_deletes_nothing(self, server: Installation, key: Any) -> None:
        make_distributor(server.admin)
        before = server.query("select count(*) as n from distributors")
        answer = try_post(server.admin, "distributors_delete", id=key)

        assert answer.status_code == 400
        assert server.query("select count(*) as n from distributors") == before
