"""Signing in and out, and what a signed-in user may do."""

import time

import httpx
import pytest

from tests.support.installation import FORGOTTEN, PASSWORDS, WITHIN, Installation


def attempt(server: Installation, username: str, password: str, **more) -> httpx.Response:
    return server.anonymous().post(
        "/login.dspy", json={"username": username, "password": password, **more}
    )


@pytest.fixture(autouse=True)
def _no_old_failures(server: Installation):
    server.query("delete from app_login_attempt")
    server.query("update users set login_fail_count = 0", database="sage")


def test_the_right_password_gives_a_session(server: Installation):
    client = server.sign_in("operator")

    who = client.get("/whoami.dspy").json()["data"]

    assert who["username"] == "operator"
    assert who["roles"] == ["owner.operator"]


def test_unknown_user_and_wrong_password_are_answered_alike(server: Installation):
    wrong, unknown = attempt(server, "admin", "nonsense"), attempt(server, "nobody", "nonsense")

    assert wrong.status_code == unknown.status_code == 401
    for answer in (wrong, unknown):
        assert answer.json()["code"] == "bad_credentials"
        assert "set-cookie" not in answer.headers
    assert wrong.json()["detail"] == unknown.json()["detail"]


@pytest.mark.parametrize("body", [{}, {"username": "admin"}, {"username": 1, "password": "x"}])
def test_missing_fields_are_named(server: Installation, body):
    answer = server.anonymous().post("/login.dspy", json=body)

    assert answer.status_code == 400
    assert "/password" in [problem["pointer"] for problem in answer.json()["errors"]] or body.get(
        "password"
    )


@pytest.mark.parametrize("name", ["Admin", "admin ", "ADMIN", "admin:x:0", "admin'--"])
def test_a_name_is_its_exact_spelling(server: Installation, name):
    assert attempt(server, name, PASSWORDS["admin"]).status_code == 401


def test_guessing_is_slowed_down_and_the_wait_is_told(server: Installation):
    for _ in range(5):
        assert attempt(server, "viewer", "nonsense").status_code == 401

    answer = attempt(server, "viewer", PASSWORDS["viewer"])

    assert answer.status_code == 429
    assert answer.json()["code"] == "locked_out"
    assert 1 <= int(answer.headers["retry-after"]) <= 16
    assert attempt(server, "operator", PASSWORDS["operator"]).status_code == 200


def test_failures_and_logins_are_noted_in_sage(server: Installation):
    attempt(server, "viewer", "nonsense")
    user = server.query("select * from users where username = 'viewer'", database="sage")[0]
    server.sign_in("viewer")
    signed_in = server.query("select * from users where username = 'viewer'", database="sage")[0]

    assert user["login_fail_count"] == 1
    assert signed_in["login_fail_count"] == 0
    assert signed_in["last_login"] is not None


def test_passwords_are_in_no_log(server: Installation):
    attempt(server, "admin", "a-very-special-guess")
    server.sign_in("admin")

    logs = server.logs()
    assert "a-very-special-guess" not in logs
    assert PASSWORDS["admin"] not in logs


def test_a_disabled_user_cannot_sign_in_and_his_session_ends(server: Installation):
    client = server.sign_in("viewer")
    server.query("update users set user_status = '1' where username = 'viewer'", database="sage")
    try:
        assert attempt(server, "viewer", PASSWORDS["viewer"]).status_code == 401
        assert _within_seconds(lambda: client.get("/whoami.dspy").json()["data"]["user_id"] is None)
    finally:
        server.query(
            "update users set user_status = '0' where username = 'viewer'", database="sage"
        )
        time.sleep(FORGOTTEN)  # both workers may remember the old status


def test_signing_out_everywhere_ends_the_other_sessions(server: Installation):
    here, there = server.sign_in("operator"), server.sign_in("operator")

    assert here.post("/logout.dspy", json={"everywhere": 1}).status_code == 200

    assert _within_seconds(lambda: there.get("/whoami.dspy").json()["data"]["user_id"] is None)


def test_who_is_not_signed_in_is_sent_to_the_login_page_and_back(server: Installation):
    browser = server.anonymous(headers={"Accept": "text/html"})

    answer = browser.get("/pipeline_core/pipelines?x=1")

    assert answer.status_code == 302
    back = httpx.URL(answer.headers["location"])
    assert back.path == "/login.ui"
    assert back.params["next"] == "/pipeline_core/pipelines?x=1"


def test_who_lacks_a_right_sees_a_readable_page(server: Installation):
    client = server.sign_in("viewer")

    page = client.get("/pipeline_dist/distributors", headers={"Accept": "text/html"})
    data = client.get("/pipeline_dist/distributors")

    assert page.status_code == data.status_code == 403
    assert "ErrorPage" in page.text
    assert data.json()["code"] == "forbidden"


def _within_seconds(holds) -> bool:
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.2)
    return False


def test_the_sites_address_leads_to_the_login_page(server: Installation):
    answer = server.anonymous().get("/")

    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/login.ui")
    assert server.sign_in("viewer").get("/").status_code == 200


def test_a_page_of_another_user_is_refused_whatever_it_asks(server: Installation) -> None:
    """One browser has one session, and windows that another person has opened."""
    operator = server.sign_in("operator")
    other = server.admin.get("/whoami.dspy").json()["data"]["user_id"]
    own = operator.get("/whoami.dspy").json()["data"]["user_id"]
    create = "/pipeline_core/api/pipelines_create.dspy"

    for answer in (
        operator.get("/pipeline_core/pipelines/get_pipelines.dspy", headers={"X-Page-User": other}),
        operator.get("/dashboard.ui", headers={"X-Page-User": other}),
        operator.post("/logout.dspy", headers={"X-Page-User": other}),
        operator.post(create, json={"code": "a", "name": "a"}, headers={"X-Page-User": other}),
    ):
        assert answer.status_code == 409, answer.text
        assert answer.json()["code"] == "other_user"
        assert answer.json()["signed_in_as"] == "operator"
    assert server.query("select count(*) n from pipelines where code = 'a'") == [{"n": 0}]
    assert operator.get("/whoami.dspy", headers={"X-Page-User": own}).status_code == 200
    # Nobody is signed in: that is what is said.
    stranger = server.anonymous().get("/dashboard.ui", headers={"X-Page-User": other})
    assert stranger.status_code == 401
