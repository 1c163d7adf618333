"""Codes of an app and recovery codes: no session before them, each counts once, and who may turn
them on and off."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from app.access.lockout import code_digest
from tests.support.installation import PASSWORDS, Installation
from tests.support.sage_users import make_user
from tests.support.second_factors import code_of, sign_in_with, take_all_away, turn_on

PASSWORD = PASSWORDS["viewer"]
REFUSAL = ("second_factor_wanted", "wrong_code", "bad_credentials")


@pytest.fixture(autouse=True)
def _no_second_factor(server: Installation) -> None:
    take_all_away(server)


def try_code(server: Installation, code: str = "", password: str = PASSWORD) -> httpx.Response:
    return sign_in_with(server, "viewer", password, code)[1]


def code_and_status(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json().get("code", ""))


def user_of(client: httpx.Client) -> str | None:
    name: str = client.get("/whoami.dspy").json()["data"]["username"]
    return name or None


def sessions(server: Installation) -> int:
    return len(server.query("select 1 from app_session where username = 'viewer'"))


def test_a_right_password_alone_gives_no_session_and_asks_for_the_code(server: Installation):
    secret, _ = turn_on(server.sign_in("viewer"), PASSWORD)
    before = sessions(server)

    client, answer = sign_in_with(server, "viewer", PASSWORD)

    assert code_and_status(answer) == (401, "second_factor_wanted")
    assert "setup" not in answer.json()
    assert dict(client.cookies) == {}
    assert sessions(server) == before
    assert server.query("select 1 from app_login_attempt where fails > 0") == []
    client, answer = sign_in_with(server, "viewer", PASSWORD, code_of(secret))
    assert (answer.status_code, user_of(client)) == (200, "viewer")


def test_a_wrong_password_with_a_right_code_is_told_as_ever(server: Installation):
    secret, _ = turn_on(server.sign_in("viewer"), PASSWORD)

    answer = try_code(server, code_of(secret), "wrong")

    assert code_and_status(answer) == (401, "bad_credentials")
    assert try_code(server, code_of(secret)).status_code == 200  # and used no code up


def test_a_code_counts_once(server: Installation):
    secret, _ = turn_on(server.sign_in("viewer"), PASSWORD)
    code = code_of(secret)

    answers = [code_and_status(try_code(server, code)) for _ in range(2)]

    assert answers == [(200, ""), (401, "wrong_code")]


def test_of_two_uses_of_a_code_at_once_one_signs_in(server: Installation):
    secret, recovery_codes = turn_on(server.sign_in("viewer"), PASSWORD)
    for code in (code_of(secret), recovery_codes[0]):
        server.query("delete from app_login_attempt")
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda _, one=code: try_code(server, one), range(4)))

        assert sorted(answer.status_code for answer in answers)[0] == 200
        assert [answer.status_code for answer in answers].count(200) == 1


def test_codes_of_long_ago_and_of_later_do_not_count(server: Installation):
    secret, _ = turn_on(server.sign_in("viewer"), PASSWORD)
    server.query("update app_second_factor set last_step = 0")

    for steps in (-3, 3):
        assert code_and_status(try_code(server, code_of(secret, steps))) == (401, "wrong_code")
    assert try_code(server, code_of(secret, 1)).status_code == 200


def test_each_recovery_code_counts_once_however_it_is_typed(server: Installation):
    _, recovery_codes = turn_on(server.sign_in("viewer"), PASSWORD)
    assert len(set(recovery_codes)) == 10

    first, second = recovery_codes[:2]
    assert try_code(server, f" {first.upper().replace('-', ' ')} ").status_code == 200
    assert code_and_status(try_code(server, first)) == (401, "wrong_code")
    client, _ = sign_in_with(server, "viewer", PASSWORD, second)

    factor = client.get("/appbase/account.dspy").json()["data"]["second_factor"]
    assert factor == {"on": True, "required": False, "codes_left": 8}


def test_guesses_at_codes_are_held_up_as_guesses_at_passwords(server: Installation):
    secret, _ = turn_on(server.sign_in("viewer"), PASSWORD)
    server.query("delete from app_login_attempt")

    with ThreadPoolExecutor(20) as threads:
        answers = list(
            threads.map(lambda n: try_code(server, f"{n:06}").status_code, range(100_000, 100_040))
        )

    assert (answers.count(401), answers.count(429)) == (5, 35)
    assert try_code(server, code_of(secret)).status_code == 429


def test_neither_secret_nor_recovery_codes_stand_in_the_database(server: Installation):
    secret, recovery_codes = turn_on(server.sign_in("viewer"), PASSWORD)

    rows = str(server.query("select * from app_second_factor"))
    rows += str(server.query("select * from app_recovery_code"))

    plain = [code.replace("-", "") for code in recovery_codes]
    assert not any(text in rows for text in (secret, *recovery_codes, *plain))


def test_sessions_of_before_end_and_the_one_that_sets_it_up_goes_on(server: Installation):
    other, own = server.sign_in("viewer"), server.sign_in("viewer")
    cookie = dict(own.cookies)["pipeline_session"]

    turn_on(own, PASSWORD)

    assert user_of(own) == "viewer"
    assert dict(own.cookies)["pipeline_session"] != cookie
    assert sessions(server) == 1
    # A worker that remembers the other one forgets it within seconds.
    assert _ends(other)


def test_a_session_that_got_in_beside_it_is_none(server: Installation):
    """As by a worker of a version that knows no second factors: the database refuses its row, and
    one that is there all the same opens nothing."""
    client = server.sign_in("viewer")
    (row,) = server.query(
        "select * from app_session where username = 'viewer' order by created_at desc limit 1"
    )
    turn_on(server.sign_in("viewer"), PASSWORD)
    names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    insert = f"insert into app_session ({names}) values ({marks})"

    with pytest.raises(Exception, match="signs in with a second factor"):
        server.query(insert, *row.values())
    server.query(insert, *(row | {"second_factor": 1}).values())
    server.query("update app_session set second_factor = 0 where id = %s", row["id"])

    assert _ends(client)


def test_turning_on_asks_for_the_password_and_a_code(server: Installation):
    client = server.sign_in("viewer")
    begin, confirm = (
        f"/appbase/account_second_factor_{step}.dspy" for step in ("begin", "confirm")
    )

    refusal = client.post(begin, json={"password": "wrong"})
    setup = client.post(begin, json={"password": PASSWORD}).json()["data"]
    wrong = client.post(confirm, json={"password": PASSWORD, "code": "000000"})

    assert refusal.json()["errors"][0]["pointer"] == "/password"
    assert setup["address"].startswith("otpauth://totp/Pipeline:viewer?secret=")
    assert {len(row) for row in setup["picture"]} == {len(setup["picture"])}
    assert wrong.json()["errors"][0]["code"] == "wrong_code"
    assert try_code(server).status_code == 200  # it is not in force


def test_another_look_at_a_set_up_shows_another_secret_and_the_first_one_counts_no_more(
    server: Installation,
):
    """Who knows the password cannot wait for its owner to put a secret in force that both saw."""
    client, thief = server.sign_in("viewer"), server.sign_in("viewer")
    begin, confirm = (
        f"/appbase/account_second_factor_{step}.dspy" for step in ("begin", "confirm")
    )

    first, second = (
        one.post(begin, json={"password": PASSWORD}).json()["data"]["secret"]
        for one in (thief, client)
    )

    assert first != second
    body = {"password": PASSWORD, "code": code_of(first)}
    assert client.post(confirm, json=body).json()["errors"][0]["code"] == "wrong_code"
    body["code"] = code_of(second)
    server.query("update app_second_factor set created_at = utc_timestamp(3) - interval 16 minute")
    late = client.post(confirm, json=body)
    assert code_and_status(late) == (409, "second_factor_not_begun")


def test_another_password_ends_a_set_up_that_was_begun(server: Installation):
    make_user(server, "beginner")
    client = server.sign_in("beginner", "beginner-password")
    old = {"password": "beginner-password"}
    assert client.post("/appbase/account_second_factor_begin.dspy", json=old).status_code == 200

    body = old | {"new_password": "another-one-42"}
    assert client.post("/appbase/account_password.dspy", json=body).status_code == 200

    assert server.query("select 1 from app_second_factor") == []


def test_a_session_of_before_does_nothing_with_the_account_any_more(server: Installation):
    """Also at a worker that still remembers it: another password would make it one with codes."""
    old = server.sign_in("viewer")
    for _ in range(4):
        assert user_of(old) == "viewer"
    turn_on(server.sign_in("viewer"), PASSWORD)

    for name, body in (
        ("account_password", {"password": PASSWORD, "new_password": "another-one-42"}),
        ("account_second_factor_begin", {"password": PASSWORD}),
        ("account_session_end", {}),
    ):
        assert old.post(f"/appbase/{name}.dspy", json=body).status_code == 401, name


def test_turning_it_on_forgets_the_browsers_of_before(server: Installation):
    client = server.anonymous()
    body = {"username": "viewer", "password": PASSWORD}
    assert client.post("/login.dspy", json=body).status_code == 200
    browser = client.cookies["pipeline_browser"]
    secret, _ = turn_on(client, PASSWORD)

    answer = client.post("/login.dspy", json=body | {"code": code_of(secret)})

    assert answer.status_code == 200
    assert answer.cookies["pipeline_browser"] != browser


def test_a_recovery_code_lets_in_who_is_held_up_by_guesses_at_codes(server: Installation):
    secret, recovery_codes = turn_on(server.sign_in("viewer"), PASSWORD)
    for number in range(5):
        assert try_code(server, f"{number:06}").status_code == 401
    server.query("delete from app_login_attempt where id <> %s", guesses_at("viewer", server))
    assert try_code(server, code_of(secret)).status_code == 429

    assert try_code(server, recovery_codes[0]).status_code == 200

    assert try_code(server, code_of(secret)).status_code == 200


def guesses_at(username: str, server: Installation) -> str:
    (row,) = server.query("select id from users where username = %s", username, database="sage")
    return code_digest(row["id"])


def test_turning_off_asks_for_password_and_code_and_new_codes_replace_the_old(
    server: Installation,
):
    client = server.sign_in("viewer")
    secret, old_codes = turn_on(client, PASSWORD)
    off, renew = "/appbase/account_second_factor_end.dspy", "/appbase/account_recovery_codes.dspy"

    for body in ({"password": "wrong", "code": code_of(secret)},
                 {"password": PASSWORD, "code": "123456"}):  # fmt: skip
        assert client.post(off, json=body).status_code == 400
    new_codes = client.post(renew, json={"password": PASSWORD, "code": code_of(secret)})
    assert new_codes.status_code == 200, new_codes.text
    assert code_and_status(try_code(server, old_codes[0])) == (401, "wrong_code")
    code = new_codes.json()["data"]["recovery_codes"][0]
    assert client.post(off, json={"password": PASSWORD, "code": code}).status_code == 200

    assert try_code(server).status_code == 200
    assert server.query("select 1 from app_recovery_code") == []


def test_an_administrator_takes_it_from_who_has_lost_it(server: Installation):
    turn_on(server.sign_in("viewer"), PASSWORD)
    (row,) = server.query("select id from users where username = 'viewer'", database="sage")
    path = "/appbase/user_second_factor_reset.dspy"

    assert server.sign_in("operator").post(path, json={"id": row["id"]}).status_code == 403
    assert server.admin.post(path, json={"id": row["id"]}).status_code == 200

    assert sessions(server) == 0
    assert try_code(server).status_code == 200
    again = server.admin.post(path, json={"id": row["id"]})
    assert code_and_status(again) == (409, "second_factor_off")


def test_the_command_lets_a_locked_out_operator_in(server: Installation):
    turn_on(server.sign_in("viewer"), PASSWORD)

    process = server.manage("reset-second-factor", "--username", "viewer")

    assert "viewer" in process.stdout
    assert try_code(server).status_code == 200
    assert server.manage("reset-second-factor", "--username", "viewer", check=False).returncode == 1
    (entry,) = server.query(
        "select * from app_audit where action = 'second_factor_reset' and username = 'system'"
    )
    assert entry["label"] == "viewer"


def _ends(client: httpx.Client) -> bool:
    from app.runtime import processes
    from tests.support.installation import WITHIN

    return bool(processes.wait_until(lambda: {user_of(client) for _ in range(4)} == {None}, WITHIN))
