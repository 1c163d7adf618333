"""How guessing at passwords is slowed down, and that nobody is kept out by others' guesses."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.installation import DIRECT, PASSWORDS, Installation


@pytest.fixture(autouse=True)
def _no_old_failures(server: Installation):
    server.query("delete from app_login_attempt")
    server.query("update users set login_fail_count = 0", database="sage")


def attempt(
    server: Installation, username: str, password: str = "", cookies: str = ""
) -> httpx.Response:
    return httpx.post(
        f"{server.base_url}/login.dspy",
        json={"username": username, "password": password or PASSWORDS[username]},
        headers={b"Cookie": cookies.encode("latin-1")} if cookies else None,
        **DIRECT,
        timeout=60,
    )


def digest(kind: str, name: str) -> str:
    return hashlib.sha256(f"{kind}:{name}".encode()).hexdigest()


def set_failures(server: Installation, kind: str, name: str, fails: int, minutes_ago: int = 0):
    server.query(
        "replace into app_login_attempt (id, fails, last_at)"
        " values (%s, %s, utc_timestamp(3) - interval %s minute)",
        digest(kind, name),
        fails,
        minutes_ago,
    )


def failures(server: Installation, kind: str, name: str) -> int:
    rows = server.query("select fails from app_login_attempt where id = %s", digest(kind, name))
    return rows[0]["fails"] if rows else 0


def browser_cookie(answer: httpx.Response) -> str:
    return f"pipeline_browser={answer.cookies['pipeline_browser']}"


@pytest.mark.parametrize("name", ["viewer", "nobody-of-this-name"])
def test_a_hundred_guesses_at_once_get_five_tries(server: Installation, name):
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda n: attempt(server, name, f"guess-{n}"), range(100)))

    statuses = [answer.status_code for answer in answers]
    assert statuses.count(401) == 5
    assert statuses.count(429) == 95
    assert attempt(server, name, PASSWORDS["viewer"]).status_code == 429


def test_signing_in_from_many_places_at_once_is_no_guessing(server: Installation):
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: attempt(server, "viewer"), range(40)))

    assert [answer.status_code for answer in answers] == [200] * 40


def test_failures_at_different_names_hold_up_the_address_for_two_minutes_at_most(server):
    set_failures(server, "address", "127.0.0.1", 19)
    assert attempt(server, "nobody-1", "x").status_code == 401

    first = attempt(server, "nobody-2", "x")
    set_failures(server, "address", "127.0.0.1", 500)
    last = attempt(server, "nobody-2", "x")

    assert 10 <= int(first.headers["retry-after"]) <= 15
    assert 100 <= int(last.headers["retry-after"]) <= 120


def test_failures_of_an_address_fade_one_a_minute(server: Installation):
    set_failures(server, "address", "127.0.0.1", 25, minutes_ago=10)

    assert attempt(server, "nobody", "x").status_code == 401

    assert failures(server, "address", "127.0.0.1") == 25 - 10 + 1


def test_failures_of_a_user_are_forgotten_after_an_hour_and_not_before(server: Installation):
    set_failures(server, "user", "viewer", 8, minutes_ago=59)
    attempt(server, "viewer", "wrong")
    count = failures(server, "user", "viewer")
    set_failures(server, "user", "viewer", 8, minutes_ago=61)
    attempt(server, "viewer", "wrong")

    assert count == 9
    assert failures(server, "user", "viewer") == 1


def test_a_known_browser_is_not_held_up_by_the_guesses_of_others(server: Installation):
    cookie = browser_cookie(attempt(server, "viewer"))
    set_failures(server, "user", "viewer", 50)
    set_failures(server, "address", "127.0.0.1", 50)
    assert attempt(server, "viewer").status_code == 429

    assert attempt(server, "viewer", cookies=cookie).status_code == 200


def test_a_known_browser_is_held_up_by_its_own_guesses(server: Installation):
    cookie = browser_cookie(attempt(server, "viewer"))

    answers = [attempt(server, "viewer", f"guess-{n}", cookie) for n in range(6)]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert attempt(server, "viewer", cookies=cookie).status_code == 429
    # They count for the user too: the cookie doubles no tries.
    assert attempt(server, "viewer", "guess").status_code == 429


def test_a_browser_is_known_for_one_user_only(server: Installation):
    cookie = browser_cookie(attempt(server, "viewer"))
    set_failures(server, "user", "operator", 50)

    assert attempt(server, "operator", cookies=cookie).status_code == 429


@pytest.mark.parametrize("value", ["x.y", "x.", ".", "x", "\xff.\xff", f"x.{'0' * 64}"])
def test_a_made_up_browser_is_not_known(server: Installation, value):
    set_failures(server, "user", "viewer", 50)

    answer = attempt(server, "viewer", cookies=f"pipeline_browser={value}")

    assert answer.status_code == 429


def test_the_browsers_cookie_goes_to_the_login_only_and_is_not_for_scripts(server: Installation):
    headers = attempt(server, "viewer").headers.get_list("set-cookie")

    flags = next(text for text in headers if text.startswith("pipeline_browser=")).split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/login.dspy"} <= set(flags)


def test_a_new_password_lets_in_again_and_forgets_the_browsers(server: Installation):
    cookie = browser_cookie(attempt(server, "viewer"))
    set_failures(server, "user", "viewer", 50)
    assert attempt(server, "viewer").status_code == 429
    try:
        server.manage(
            "create-admin",
            "--username",
            "viewer",
            "--reset",
            "--password-stdin",
            stdin="another-password\n",
        )

        assert attempt(server, "viewer", "another-password").status_code == 200
        set_failures(server, "user", "viewer", 50)
        assert attempt(server, "viewer", "another-password", cookie).status_code == 429
    finally:
        server.manage(
            "create-admin",
            "--username",
            "viewer",
            "--reset",
            "--password-stdin",
            stdin=PASSWORDS["viewer"] + "\n",
        )


def test_sages_own_count_stays_at_the_end_of_its_column(server: Installation):
    server.query(
        "update users set login_fail_count = 32767 where username = 'viewer'", database="sage"
    )

    assert attempt(server, "viewer", "wrong").status_code == 401
    assert attempt(server, "viewer").status_code == 200


def test_a_sage_that_may_only_be_read_keeps_nobody_out(server: Installation):
    admin = server.mariadb.admin_connection()
    assert admin is not None
    with admin.open(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("revoke update on sage.* from pipeline@localhost")
        server.restart()  # an open connection keeps its rights
        try:
            assert attempt(server, "viewer").status_code == 200
            assert attempt(server, "viewer", "wrong").status_code == 401
        finally:
            cursor.execute("grant all on sage.* to pipeline@localhost")
            logs = server.logs()
            server.restart()

    assert "logins cannot be noted in Sage" in logs


def test_a_lock_is_told_in_the_readers_language(server: Installation):
    set_failures(server, "user", "viewer", 6)

    answer = server.anonymous(headers={"Accept-Language": "zh"}).post(
        "/login.dspy", json={"username": "viewer", "password": "x"}
    )

    assert answer.status_code == 429
    assert "秒" in json.loads(answer.text)["detail"]
