"""One's own account: another password, one's sessions, and nobody else's."""

import httpx
import pytest

from app.runtime import processes
from tests.support.installation import WITHIN, Installation
from tests.support.sage_users import make_user
from tests.support.second_factors import take_all_away

NAME, PASSWORD, NEW = "someone", "someone-password", "another-one-42"


@pytest.fixture(scope="module", autouse=True)
def _someone(server: Installation) -> None:
    make_user(server, NAME)


@pytest.fixture(autouse=True)
def _afresh(server: Installation) -> None:
    from appPublic.rc4 import password as encode_password

    take_all_away(server)
    stored_password = encode_password(PASSWORD, key=server.settings.password_key)
    server.query(
        "update users set password = %s where id = %s", stored_password, NAME, database="sage"
    )
    server.query("delete from app_session where username = %s", NAME)


def sign_in(server: Installation, password: str = PASSWORD) -> httpx.Client:
    return server.sign_in(NAME, password)


def change(client: httpx.Client, old: str, new: str) -> httpx.Response:
    return client.post(
        "/appbase/account_password.dspy", json={"password": old, "new_password": new}
    )


def sessions(client: httpx.Client) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = client.get("/appbase/account.dspy").json()["data"]["sessions"]
    return rows


def has_ended(client: httpx.Client) -> bool:
    return bool(processes.wait_until(
        lambda: {client.get("/whoami.dspy").json()["data"]["user_id"] for _ in range(4)} == {None},
        WITHIN,
    ))  # fmt: skip


def test_another_password_ends_the_other_sessions_and_this_one_goes_on(server: Installation):
    other, own = sign_in(server), sign_in(server)

    answer = change(own, PASSWORD, NEW)

    assert answer.status_code == 200, answer.text
    # Both workers, which may remember how it was.
    assert {own.get("/whoami.dspy").json()["data"]["username"] for _ in range(6)} == {NAME}
    assert has_ended(other)
    assert len(sessions(own)) == 1
    assert sign_in(server, NEW)
    refusal = server.anonymous().post("/login.dspy", json={"username": NAME, "password": PASSWORD})
    assert refusal.status_code == 401


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("wrong", NEW, "/password"),
        (PASSWORD, "short-1", "/new_password"),
        (PASSWORD, "aaaaaaaaaaaaaa", "/new_password"),
        (PASSWORD, "Someone12", "/new_password"),
        (PASSWORD, PASSWORD, "/new_password"),
        (PASSWORD, "x" * 101, "/new_password"),
    ],
)
def test_a_wrong_old_one_or_one_against_the_rule_changes_nothing(
    server: Installation, old: str, new: str, field: str
):
    client, other = sign_in(server), sign_in(server)

    answer = change(client, old, new)

    assert answer.status_code == 400
    assert [one["pointer"] for one in answer.json()["errors"]] == [field]
    assert other.get("/whoami.dspy").json()["data"]["username"] == NAME


def test_guesses_at_the_old_one_are_held_up(server: Installation):
    client = sign_in(server)

    answers = [change(client, f"guess-{n}", NEW).status_code for n in range(8)]

    assert answers == [400] * 5 + [429] * 3
    assert change(client, PASSWORD, NEW).status_code == 429


def test_ones_sessions_are_told_with_device_address_and_last_use(server: Installation):
    client = server.anonymous(headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"})
    client.post("/login.dspy", json={"username": NAME, "password": PASSWORD})
    sign_in(server)

    first, second = sessions(client)

    assert (first["is_current"], second["is_current"]) == (True, False)
    assert first["address"] == "127.0.0.1"
    assert "Firefox" in str(first["user_agent"])
    assert str(first["seen_at"]).endswith("Z")
    assert first["has_second_factor"] is False


def test_one_session_ends_or_all_others_do(server: Installation):
    own, one, two = sign_in(server), sign_in(server), sign_in(server)
    path = "/appbase/account_session_end.dspy"
    ids = {client: next(row["id"] for row in sessions(client) if row["is_current"])
           for client in (one, two)}  # fmt: skip

    assert own.post(path, json={"id": ids[one]}).json()["data"]["count"] == 1
    assert has_ended(one)
    assert two.get("/whoami.dspy").json()["data"]["username"] == NAME
    assert own.post(path, json={}).json()["data"]["count"] == 1

    assert has_ended(two)
    assert [row["is_current"] for row in sessions(own)] == [True]


def test_nobody_ends_the_session_of_another(server: Installation):
    victim, other = sign_in(server), server.sign_in("viewer")
    (row,) = sessions(victim)

    answer = other.post("/appbase/account_session_end.dspy", json={"id": row["id"]})

    assert answer.json()["data"]["count"] == 0
    assert victim.get("/whoami.dspy").json()["data"]["username"] == NAME
    other.post("/appbase/account_session_end.dspy", json={})
    assert victim.get("/whoami.dspy").json()["data"]["username"] == NAME


@pytest.mark.parametrize("name", [
    "account_password", "account_session_end", "account_second_factor_begin",
    "account_second_factor_confirm", "account_second_factor_end", "account_recovery_codes",
    "user_invite", "user_state", "user_roles", "user_link", "user_second_factor_reset",
])  # fmt: skip
def test_nothing_of_it_is_done_by_a_page_of_another_site_or_by_get(
    server: Installation, admin: httpx.Client, name: str
):
    path = f"/appbase/{name}.dspy"

    evil = admin.post(path, json={}, headers={"Origin": "https://evil.example"})

    assert (evil.status_code, evil.json()["code"]) == (403, "cross_site")
    assert admin.get(path).status_code == 405
    assert server.anonymous().post(path, json={}).status_code == 401
