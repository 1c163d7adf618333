"""Going live later, and with the approval of a second person: nobody gets round it alone."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.http.test_moved_state import state_of
from tests.support.installation import Installation
from tests.support.pipelines import (
    ask,
    do,
    fresh,
    live_versions,
    new_pipeline,
    new_step,
    refusal_of,
    rows,
)
from tests.support.transfers import bring, export

Pipeline = dict[str, Any]


@pytest.fixture(scope="module")
def colleagues(server: Installation) -> tuple[httpx.Client, httpx.Client]:
    """Two further administrators."""
    for name in ("second", "third"):
        server.manage("create-admin", "--username", name, "--role", "owner.superuser",
                      "--password-stdin", stdin=f"{name}-password-1\n")  # fmt: skip
    second, third = (server.sign_in(name, f"{name}-password-1") for name in ("second", "third"))
    return second, third


def at(**distance: float) -> str:
    """The time so far from now, as a page sends it."""
    moment = datetime.now(UTC) + timedelta(**distance)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def request(client: httpx.Client, pipeline: Pipeline, **more: Any) -> httpx.Response:
    fields = {"pipeline_id": pipeline["id"], "state": state_of(client, pipeline), **more}
    return ask(client, "pipeline_publication_request", **fields)


def approve(
    client: httpx.Client, pipeline: Pipeline, publication: dict[str, Any]
) -> httpx.Response:
    return ask(client, "pipeline_publication_approve", id=publication["id"],
               state=state_of(client, pipeline))  # fmt: skip


def set_approval(client: httpx.Client, pipeline: Pipeline, *, needed: bool) -> httpx.Response:
    return ask(client, "pipeline_approval_set", pipeline_id=pipeline["id"],
               needs_approval=int(needed), state=state_of(client, pipeline))  # fmt: skip


def publications(client: httpx.Client, pipeline: Pipeline) -> list[dict[str, Any]]:
    """The open request first, then those that are over."""
    requests: list[dict[str, Any]] = do(client, "pipeline_editor", pipeline_id=pipeline["id"])[
        "publications"
    ]
    return requests


def under_approval(client: httpx.Client) -> Pipeline:
    """A pipeline with two versions, the second live, whose draft differs and needs approval."""
    pipeline = new_pipeline(client, "a")
    do(client, "pipeline_publish", pipeline_id=pipeline["id"])
    new_step(client, pipeline, "b")
    do(client, "pipeline_publish", pipeline_id=pipeline["id"])
    new_step(client, pipeline, "c")
    assert set_approval(client, pipeline, needed=True).status_code == 200
    return pipeline


def test_one_person_does_not_get_anything_live(
    server: Installation, admin: httpx.Client, colleagues: tuple[httpx.Client, httpx.Client]
) -> None:
    pipeline = under_approval(admin)
    by_id = {"pipeline_id": pipeline["id"]}
    do(admin, "pipeline_versions_create", **by_id)
    alone = [
        ("pipeline_publish", by_id),
        ("pipeline_publish", by_id | {"version_no": 3}),
        ("pipeline_publish", by_id | {"version_no": 1, "notes": "n"}),
        ("pipeline_rollback", by_id | {"version_no": 1, "reason": "r"}),
    ]
    for endpoint, fields in alone:
        refusal_of(ask(admin, endpoint, **fields), 409, "approval_required")

    # A time is no second person, nor is the setting's switch, nor a file.
    publication = request(admin, pipeline, publish_at=at(seconds=4)).json()["data"]
    assert publication["status"] == "waiting"
    refusal_of(approve(admin, pipeline, publication), 403, "approver_involved")
    time.sleep(4.5)
    assert live_versions(server, pipeline) == [2]
    do(admin, "pipeline_publication_cancel", id=publication["id"])
    off = set_approval(admin, pipeline, needed=False).json()["data"]
    assert off["needs_approval"] == 1
    refusal_of(approve(admin, pipeline, off["publication"]), 403, "approver_involved")
    bring(admin, export(admin, pipeline), replace=1, dry_run=0, state=state_of(admin, pipeline))
    now = fresh(admin, pipeline)
    answer = ask(admin, "pipelines_update", id=now["id"], lock_version=now["lock_version"],
                  needs_approval=0)  # fmt: skip
    assert answer.status_code == 400
    assert fresh(admin, pipeline)["needs_approval"] == 1

    # Off sale and back on it comes as what it was, not as something new.
    do(admin, "pipeline_set_status", **by_id, status="offline")
    refusal_of(ask(admin, "pipeline_publish", **by_id), 409, "approval_required")
    do(admin, "pipeline_set_status", **by_id, status="published")
    assert live_versions(server, pipeline) == [2]


def test_a_second_person_who_did_nothing_of_it_approves(
    server: Installation, admin: httpx.Client, colleagues: tuple[httpx.Client, httpx.Client]
) -> None:
    second, third = colleagues
    pipeline = under_approval(admin)
    new_step(second, pipeline, "d")
    publication = request(third, pipeline, notes="words").json()["data"]

    for person in (admin, second, third):
        refusal_of(approve(person, pipeline, publication), 403, "approver_involved")
    do(third, "pipeline_publication_cancel", id=publication["id"])
    publication = request(admin, pipeline, notes="words").json()["data"]
    assert [one["may_approve"] for one in publications(third, pipeline)[:1]] == [True]
    answer = approve(third, pipeline, publication).json()["data"]

    assert (answer["status"], answer["approved_name"]) == ("done", "third")
    assert live_versions(server, pipeline) == [3]
    version = rows(admin, "pipeline_versions", pipeline_id=pipeline["id"], version_no=3)[0]
    assert '"approved_by":"third"' in version["event_log"]
    refusal_of(approve(third, pipeline, publication), 409, "publication_ended")


def test_saving_a_version_does_not_hide_who_edited_it(
    admin: httpx.Client, colleagues: tuple[httpx.Client, httpx.Client]
) -> None:
    second, third = colleagues
    pipeline = under_approval(admin)
    new_step(second, pipeline, "d")
    do(third, "pipeline_versions_create", pipeline_id=pipeline["id"])

    of_draft = request(admin, pipeline).json()["data"]
    refusal_of(approve(second, pipeline, of_draft), 403, "approver_involved")
    do(admin, "pipeline_publication_cancel", id=of_draft["id"])
    of_version = request(admin, pipeline, version_no=3).json()["data"]
    refusal_of(approve(second, pipeline, of_version), 403, "approver_involved")
    refusal_of(approve(third, pipeline, of_version), 403, "approver_involved")


def test_a_request_is_for_what_was_there_when_it_was_made(
    server: Installation, admin: httpx.Client, colleagues: tuple[httpx.Client, httpx.Client]
) -> None:
    pipeline = under_approval(admin)
    publication = request(admin, pipeline).json()["data"]
    new_step(admin, pipeline, "smuggled")

    assert publications(admin, pipeline)[0]["is_stale"] is True
    refusal_of(approve(colleagues[0], pipeline, publication), 409, "state_moved")
    assert live_versions(server, pipeline) == [2]


def test_to_switch_it_off_needs_a_second_person_too(
    server: Installation, admin: httpx.Client, colleagues: tuple[httpx.Client, httpx.Client]
) -> None:
    second, third = colleagues
    pipeline = under_approval(admin)
    off = set_approval(second, pipeline, needed=False).json()["data"]["publication"]

    refusal_of(approve(admin, pipeline, off), 403, "approver_involved")
    assert approve(third, pipeline, off).json()["data"]["status"] == "done"

    assert fresh(admin, pipeline)["needs_approval"] == 0
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    assert live_versions(server, pipeline) == [3]


def test_a_rollback_is_approved_like_anything_else(
    server: Installation, admin: httpx.Client, colleagues: tuple[httpx.Client, httpx.Client]
) -> None:
    pipeline = under_approval(admin)
    back = request(admin, pipeline, action="rollback", version_no=1, notes="bad").json()["data"]

    assert approve(colleagues[0], pipeline, back).json()["data"]["status"] == "done"
    assert live_versions(server, pipeline) == [1]


def wait_for(client: httpx.Client, pipeline: Pipeline, *statuses: str) -> dict[str, Any]:
    for _ in range(90):
        last = publications(client, pipeline)[0]
        if last["status"] in statuses:
            return last
        time.sleep(0.5)
    raise AssertionError(last)


def test_it_goes_live_at_its_time(server: Installation, admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")

    refusal_of(request(admin, pipeline), 400, "invalid_fields")
    refusal_of(request(admin, pipeline, publish_at=at(days=-1)), 400, "invalid_fields")
    refusal_of(request(admin, pipeline, publish_at=at(days=400)), 400, "invalid_fields")
    refusal_of(request(admin, pipeline, publish_at="2099-01-01T00:00:00"), 400, "invalid_fields")
    scheduled = request(admin, pipeline, publish_at=at(seconds=5), notes="n").json()["data"]
    assert scheduled["status"] == "scheduled"
    refusal_of(request(admin, pipeline, publish_at=at(days=1)), 409, "publication_open")
    assert live_versions(server, pipeline) == []

    wait_for(admin, pipeline, "done")

    assert live_versions(server, pipeline) == [1]
    version = rows(admin, "pipeline_versions", pipeline_id=pipeline["id"])[0]
    assert version["event_log"].count('"event":"published"') == 1


def test_what_moved_since_does_not_go_live_and_says_so(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a")
    request(admin, pipeline, publish_at=at(seconds=8))
    new_step(admin, pipeline, "b")

    last = wait_for(admin, pipeline, "failed")

    assert "admin" in last["problem"]
    assert live_versions(server, pipeline) == []
    trail = admin.get("/app_audit/get_app_audit.dspy", params={"pipeline_id": pipeline["id"]})
    assert "fail_publication" in [entry["action"] for entry in trail.json()["rows"]]


def test_what_was_cancelled_does_not_go_live(server: Installation, admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    scheduled = request(admin, pipeline, publish_at=at(seconds=4)).json()["data"]
    do(admin, "pipeline_publication_cancel", id=scheduled["id"])
    time.sleep(10)

    assert live_versions(server, pipeline) == []
    refusal_of(ask(admin, "pipeline_publication_cancel", id=scheduled["id"]), 409,
               "publication_ended")  # fmt: skip


def test_what_was_scheduled_alone_waits_for_approval_that_is_needed_since(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = new_pipeline(admin, "a")
    request(admin, pipeline, publish_at=at(seconds=12))
    assert set_approval(admin, pipeline, needed=True).status_code == 200

    wait_for(admin, pipeline, "failed")

    assert live_versions(server, pipeline) == []


def test_the_database_keeps_a_version_of_before_from_putting_anything_live(
    server: Installation, admin: httpx.Client
) -> None:
    pipeline = under_approval(admin)
    version = rows(admin, "pipeline_versions", pipeline_id=pipeline["id"], version_no=1)[0]

    with pytest.raises(Exception, match="a second person has to approve"):
        server.query("update pipeline_versions set status = 'published' where id = %s",
                     version["id"])  # fmt: skip


def test_a_version_that_is_loaded_brings_along_who_edited_it(
    admin: httpx.Client, colleagues: tuple[httpx.Client, httpx.Client]
) -> None:
    second, third = colleagues
    pipeline = under_approval(admin)
    new_step(second, pipeline, "d")
    do(admin, "pipeline_versions_create", pipeline_id=pipeline["id"])
    fields = {"pipeline_id": pipeline["id"], "replace_draft": 1}
    for version_no in (2, 3):
        state = state_of(admin, pipeline)
        time.sleep(2.1)  # what hosts' clocks may differ by
        do(admin, "pipeline_draft_load", **fields, version_no=version_no, state=state)

    publication = request(admin, pipeline).json()["data"]

    refusal_of(approve(second, pipeline, publication), 403, "approver_involved")
    assert approve(third, pipeline, publication).json()["data"]["status"] == "done"


def test_a_pipeline_is_not_made_anew_to_get_round_it(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    assert set_approval(admin, pipeline, needed=True).status_code == 200
    lock_version = fresh(admin, pipeline)["lock_version"]

    refusal_of(
        ask(admin, "pipelines_delete", id=pipeline["id"], lock_version=lock_version), 409,
        "approval_required",
    )  # fmt: skip


def test_who_owes_the_account_to_somebody_involved_is_no_second_person(
    server: Installation, admin: httpx.Client, colleagues: tuple[httpx.Client, httpx.Client]
) -> None:
    pipeline = under_approval(admin)
    publication = request(colleagues[0], pipeline).json()["data"]
    invitation = admin.post(
        "/appbase/user_invite.dspy",
        json={"username": f"double-{pipeline['code']}", "roles": "owner.superuser"},
    )
    assert invitation.status_code == 200, invitation.text
    token = invitation.json()["data"]["token"]
    password = "a-long-password-of-the-double-1"
    welcome = server.anonymous().post(
        "/welcome.dspy", json={"token": token, "new_password": password}
    )
    assert welcome.status_code == 200, welcome.text
    double = server.sign_in(f"double-{pipeline['code']}", password)
    refusal_of(approve(double, pipeline, publication), 403, "approver_involved")
    assert publications(double, pipeline)[0]["may_approve"] is False
    assert approve(colleagues[1], pipeline, publication).status_code == 200


def test_whoever_throws_a_draft_away_may_still_approve(
    admin: httpx.Client, colleagues: tuple[httpx.Client, httpx.Client]
) -> None:
    pipeline = under_approval(admin)
    second, _ = colleagues
    do(second, "pipeline_draft_load", pipeline_id=pipeline["id"], version_no=2, replace_draft=1,
       state=state_of(second, pipeline))  # fmt: skip
    new_step(admin, pipeline, "d")
    publication = request(admin, pipeline).json()["data"]
    assert approve(second, pipeline, publication).status_code == 200


def test_what_was_rolled_back_and_kept_as_a_draft_has_its_editors(
    admin: httpx.Client, colleagues: tuple[httpx.Client, httpx.Client]
) -> None:
    second, third = colleagues
    pipeline = new_pipeline(third, "a")
    do(third, "pipeline_publish", pipeline_id=pipeline["id"])
    new_step(admin, pipeline, "b")
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])
    new_step(third, pipeline, "c")
    do(third, "pipeline_rollback", pipeline_id=pipeline["id"], version_no=1, reason="r",
       replace_draft=0)  # fmt: skip
    assert set_approval(third, pipeline, needed=True).status_code == 200
    publication = request(second, pipeline).json()["data"]
    refusal_of(approve(admin, pipeline, publication), 403, "approver_involved")
