"""Attacks by guessing, on stored passwords and keys, and on the log (kernel B9, CRY-1)."""

import json
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.installation import DIRECT, PASSWORDS, Installation
from tests.support.raw_http import get_raw
from tests.support.second_factors import code_of, take_all_away, turn_on
from tests.support.selling import make_distributor, new_key

pytestmark = pytest.mark.alone


@pytest.fixture(autouse=True)
def _no_old_failures(server: Installation) -> None:
    server.query("delete from app_login_attempt")


def attempt(server: Installation, username: str, password: str) -> httpx.Response:
    credentials = {"username": username, "password": password}
    return httpx.post(f"{server.base_url}/login.dspy", json=credentials, **DIRECT)


# B9: guessing passwords


def test_many_guesses_at_once_are_no_way_around_the_lock(server: Installation):
    def guess(number: int) -> int:
        return attempt(server, "viewer", f"guess-{number}").status_code

    with ThreadPoolExecutor(30) as threads:
        answers = list(threads.map(guess, range(30)))

    assert answers.count(401) <= 5, answers
    assert set(answers) <= {401, 429}


def test_who_guesses_at_many_names_is_slowed_down_by_his_address(server: Installation):
    def guess(number: int) -> int:
        return attempt(server, f"somebody-{number}", "x").status_code

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(guess, range(30)))

    assert answers.count(401) <= 20
    assert attempt(server, "somebody-else", "x").status_code == 429


def test_the_wait_grows(server: Installation):
    for _ in range(5):
        assert attempt(server, "viewer", "wrong").status_code == 401
    waits = []
    for fails in (5, 7, 9, 99):
        server.query("update app_login_attempt set last_at = utc_timestamp(3), fails = %s"
                     " order by fails desc limit 1", fails)  # fmt: skip
        waits.append(int(attempt(server, "viewer", "wrong").headers["retry-after"]))

    assert waits == sorted(waits)
    assert waits[-1] == 900
    assert waits[0] <= 16


def test_a_refusal_takes_the_same_time_for_every_name(server: Installation):
    times_of: dict[str, list[float]] = {"admin": [], "nobody-of-this-name": []}
    for _ in range(3):
        for name, times in times_of.items():
            start = time.perf_counter()
            assert attempt(server, name, "wrong").status_code == 401
            times.append(time.perf_counter() - start)

    of_user, of_nobody = (statistics.median(times) for times in times_of.values())
    assert min(map(min, times_of.values())) >= 0.3
    assert abs(of_user - of_nobody) < 0.05


@pytest.mark.parametrize("name", ["ad\nmin", "a\x1b[2J", "a\u202eb", "a\x9b31m", "\ud800", "'%0a"])
def test_what_was_typed_forges_no_line_of_the_log(server: Installation, name):
    before = Counter(server.logs().split("\n"))

    body = json.dumps({"username": f"forged{name}", "password": "x"})
    answer = httpx.post(
        f"{server.base_url}/login.dspy", content=body, **DIRECT,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    get_raw(server.base_url, "/x%0a%7b%22level%22:%22forged%22%7d")

    assert answer.status_code in (400, 401), answer.text
    lines = [*(Counter(server.logs().split("\n")) - before)]
    assert answer.status_code == 400 or any("forged" in text for text in lines)
    for text in lines:
        assert json.loads(text)["level"] != "forged"
        assert text.isprintable(), text


# Second factors: no way past the code


@pytest.fixture
def second_factor(server: Installation) -> Iterator[tuple[str, list[str]]]:
    """The viewer's second factor: its secret and the recovery codes."""
    take_all_away(server)
    yield turn_on(server.sign_in("viewer"), PASSWORDS["viewer"])
    take_all_away(server)


def test_who_knows_the_password_guesses_no_code(
    server: Installation, second_factor: tuple[str, list[str]]
):
    """Neither by many at once, nor by asking for the code in between, which forgives nothing."""

    def guess(number: int) -> int:
        body = {"username": "viewer", "password": PASSWORDS["viewer"]}
        if number % 3:
            body["code"] = f"{number:06}"
        return httpx.post(f"{server.base_url}/login.dspy", json=body, **DIRECT).status_code

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(guess, range(60)))

    assert set(answers) <= {401, 429}
    assert sum(row["fails"] for row in server.query(
        "select max(fails) as fails from app_login_attempt"
    )) == 5  # fmt: skip


def test_browsers_collected_before_give_no_more_guesses(
    server: Installation, second_factor: tuple[str, list[str]]
):
    """A browser known from a sign-in with the code is held by guesses from all of them."""
    _, recovery_codes = second_factor
    body = {"username": "viewer", "password": PASSWORDS["viewer"]}
    clients = [server.anonymous() for _ in range(3)]
    for client, code in zip(clients, recovery_codes, strict=False):
        assert client.post("/login.dspy", json=body | {"code": code}).status_code == 200

    answers = [
        client.post("/login.dspy", json=body | {"code": f"{number:06}"}).status_code
        for client in clients
        for number in range(4)
    ]

    assert answers == [401] * 5 + [429] * 7


@pytest.mark.parametrize("code", [
    "", "0", "000000 000000", "१२३४५६", "' or 1=1 -- ", "${id}$", "\ud800", "a" * 64, "%", "-",
])  # fmt: skip
def test_odd_codes_open_nothing(
    server: Installation, second_factor: tuple[str, list[str]], code: str
):
    body = json.dumps({"username": "viewer", "password": PASSWORDS["viewer"], "code": code})

    answer = httpx.post(
        f"{server.base_url}/login.dspy", content=body, **DIRECT,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip

    assert answer.status_code in (400, 401), answer.text
    assert "set-cookie" not in answer.headers


def test_a_known_browser_and_an_old_cookie_are_no_second_factor(
    server: Installation, second_factor: tuple[str, list[str]]
):
    secret, _ = second_factor
    client = server.anonymous()
    body = {"username": "viewer", "password": PASSWORDS["viewer"]}
    assert client.post("/login.dspy", json=body | {"code": code_of(secret)}).status_code == 200
    client.post("/logout.dspy")

    answer = client.post("/login.dspy", json=body)  # with the cookie of the known browser

    assert (answer.status_code, answer.json()["code"]) == (401, "second_factor_wanted")
    assert client.get("/whoami.dspy").json()["data"]["user_id"] is None


def test_another_users_code_and_recovery_code_are_wrong(
    server: Installation, second_factor: tuple[str, list[str]]
):
    secret, recovery_codes = second_factor
    turn_on(server.sign_in("operator"), PASSWORDS["operator"])
    for code in (code_of(secret), recovery_codes[0]):
        body = {"username": "operator", "password": PASSWORDS["operator"], "code": code}
        answer = httpx.post(f"{server.base_url}/login.dspy", json=body, **DIRECT)
        assert (answer.status_code, answer.json()["code"]) == (401, "wrong_code")


def test_no_made_up_link_opens_an_account(server: Installation):
    for token in ("", "x", "A" * 43, "' or 1=1 -- ", "%", "\ud800", "x" * 100):
        body = json.dumps({"token": token, "new_password": "a-good-password-7"})
        answer = httpx.post(
            f"{server.base_url}/welcome.dspy", content=body, **DIRECT,
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        assert answer.status_code in (400, 404), answer.text


# CRY-1: what is stored of keys and passwords


def test_no_key_or_password_is_stored_or_logged(server: Installation, admin):
    distributor = make_distributor(admin, "with-key")
    key = new_key(admin, distributor)
    secrets = [key, PASSWORDS["admin"], "a-very-special-guess"]
    attempt(server, "admin", "a-very-special-guess")

    texts = [
        json.dumps(server.query(f"select * from `{next(iter(row.values()))}`", database=place),
                   default=str)
        for place in ("pipeline", "sage")
        for row in server.query("show tables", database=place)
    ]  # fmt: skip

    for secret in secrets:
        assert not any(secret in text for text in [*texts, server.logs()])
