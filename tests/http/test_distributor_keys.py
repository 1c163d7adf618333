"""Keys of distributors, as administrators make, replace and revoke them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline_dist.accounts import keys
from tests.support.distributors import API, change, problems, try_post
from tests.support.installation import Installation
from tests.support.raw_keys import GRACE_OVER, change_keys
from tests.support.selling import (
    Reseller,
    make_distributor,
    make_reseller,
    new_key,
    post,
)

BOTH_WAYS = True  # tests/conftest.py

SECRETS = ("api_key_hash", "previous_key_hash", "rate_window")


class TestKeys:
    def test_is_told_once_and_stored_as_a_digest(self, server: Installation) -> None:
        distributor = make_distributor(server.admin)
        key_answer = post(server.admin, f"{API}distributor_generate_key.dspy", id=distributor["id"])
        key = key_answer["api_key"]

        assert keys.is_well_formed(key)
        assert key_answer["api_key_prefix"] == key[:12]
        assert key in key_answer["curl"]
        assert key_answer["lock_version"] == 2
        assert not set(SECRETS) & key_answer.keys()
        stored_row = server.query("select * from distributors where id = %s", distributor["id"])[0]
        assert stored_row["api_key_hash"] == keys.digest(key)
        assert key not in str(stored_row)
        list_text = server.admin.get("/pipeline_dist/distributors/get_distributors.dspy").text
        assert key not in list_text
        assert keys.digest(key) not in list_text

    def test_is_in_no_log(self, server: Installation) -> None:
        reseller = make_reseller(server)
        assert reseller.get("me").status_code == 200

        assert reseller.key not in server.logs()
        assert reseller.key not in str(server.query("select * from app_audit"))

    def test_a_page_gets_a_widget_for_it(self, server: Installation) -> None:
        distributor = make_distributor(server.admin)
        answer = server.admin.post(
            f"{API}distributor_generate_key.dspy",
            data={
                "id": distributor["id"],
                "expires_at": "2099-01-01T00:00:00Z",
                "_webbricks_": "1",
            },
        )
        widget = answer.json()

        assert widget["widgettype"] == "ApiKey"
        assert keys.is_well_formed(widget["options"]["api_key"])
        assert widget["options"]["expires_at"] == "2099-01-01T00:00:00.000Z"
        assert widget["options"]["title"] == distributor["name"]

    def test_without_grace_the_old_one_ends_at_once(self, server: Installation) -> None:
        reseller = make_reseller(server)
        key = new_key(server.admin, reseller.distributor)

        assert reseller.get("me").status_code == 401
        assert Reseller(server, reseller.distributor, key).get("me").status_code == 200

    @pytest.mark.parametrize("grace_hours", [0, 5])
    def test_a_second_rotation_within_the_grace_is_refused_unless_it_is_meant(
        self, server: Installation, grace_hours: int
    ) -> None:
        first = make_reseller(server)
        result = {"id": first.distributor["id"], "grace_hours": grace_hours}
        second = Reseller(
            server, first.distributor, new_key(server.admin, first.distributor, grace_hours=5)
        )
        answer = try_post(server.admin, "distributor_generate_key", **result)

        assert problems(answer, 409) == {"/end_previous": "grace_running"}
        problem = answer.json()
        assert problem["code"] == "grace_running"
        assert problem["previous_key_expires_at"] in problem["detail"]
        assert [each.get("me").status_code for each in (first, second)] == [200, 200]
        refusal = try_post(server.admin, "distributor_generate_key", **result, end_previous=0)
        assert refusal.status_code == 409

        key = new_key(server.admin, first.distributor, grace_hours=grace_hours, end_previous=1)
        third = Reseller(server, first.distributor, key)
        status = 200 if grace_hours else 401
        assert [each.get("me").status_code for each in (first, second, third)] == [401, status, 200]

    @pytest.mark.parametrize("end", ["over", "revoked", "never begun"])
    def test_without_a_grace_that_runs_a_key_is_made_as_ever(
        self, server: Installation, end: str
    ) -> None:
        distributor = make_distributor(server.admin)
        new_key(server.admin, distributor)
        new_key(server.admin, distributor, grace_hours=0 if end == "never begun" else 5)
        if end == "over":
            change_keys(server, distributor, GRACE_OVER)
        if end == "revoked":
            post(server.admin, f"{API}distributor_revoke_key.dspy", id=distributor["id"])

        assert keys.is_well_formed(new_key(server.admin, distributor))

    def test_a_new_key_lives_as_long_as_the_one_before_was_made_for(
        self, server: Installation
    ) -> None:
        distributor = make_distributor(server.admin)

        def expiry(**options: Any) -> datetime | None:
            key = new_key(server.admin, distributor, end_previous=1, grace_hours=1, **options)
            body = Reseller(server, distributor, key).get("me").json()["api_key_expires_at"]
            return body and datetime.fromisoformat(body)

        assert (expiry(), expiry()) == (None, None)
        days = timedelta(days=30)
        assert expiry(expires_at=(datetime.now(UTC) + days).isoformat()) is not None
        # Also of a key that has expired, and again from the one that took it over.
        change_keys(
            server, distributor,
            "made_at = k.made_at - interval 40 day; expires_at = k.expires_at - interval 40 day",
        )  # fmt: skip
        for _ in range(2):
            end = expiry()
            assert end is not None
            assert abs(end - datetime.now(UTC) - days) < timedelta(minutes=1)
        other_end = datetime(2099, 1, 1, tzinfo=UTC)
        assert expiry(expires_at=other_end.isoformat()) == other_end
        post(server.admin, f"{API}distributor_revoke_key.dspy", id=distributor["id"])
        assert expiry() is None

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
            ({"end_previous": "perhaps"}, "/end_previous"),
            ({"scope": "all"}, "/scope"),
            ({"id": ""}, "/id"),
        ],
    )
    def test_options_are_checked(
        self, server: Installation, options: dict[str, Any], pointer: str
    ) -> None:
        distributor = make_distributor(server.admin)
        answer = try_post(
            server.admin, "distributor_generate_key", **{"id": distributor["id"], **options}
        )

        assert pointer in problems(answer)

    def test_a_stale_lock_version_makes_none(self, server: Installation) -> None:
        distributor = make_distributor(server.admin)
        new_key(server.admin, distributor, lock_version=1)
        answer = try_post(
            server.admin, "distributor_generate_key", id=distributor["id"], lock_version=1
        )

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
