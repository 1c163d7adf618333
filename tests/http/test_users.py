"""Users and roles: list, invite by a one-time link, disable, roles; never without an
administrator; the audit trail tells all of it."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from app.runtime import processes
from tests.support.installation import WITHIN, Installation
from tests.support.sage_users import make_user
from tests.support.second_factors import take_all_away

NEW = "a-good-password-7"


@pytest.fixture(autouse=True)
def _no_old_failures(server: Installation) -> None:
    take_all_away(server)


def ask(client: httpx.Client, name: str, **fields: object) -> httpx.Response:
    return client.post(f"/appbase/user_{name}.dspy", json=fields)


def user(client: httpx.Client, username: str) -> dict[str, object]:
    data = client.get("/appbase/user_list.dspy", params={"q": username}).json()["data"]
    return next(one for one in data["users"] if one["username"] == username)


def invite(client: httpx.Client, username: str, roles: str = "owner.viewer") -> dict[str, str]:
    answer = ask(client, "invite", username=username, roles=roles)
    assert answer.status_code == 200, answer.text
    data: dict[str, str] = answer.json()["data"]
    return data


def welcome(server: Installation, token: str, password: str | None = None) -> httpx.Response:
    body = {"token": token} | ({"new_password": password} if password else {})
    return server.anonymous().post("/welcome.dspy", json=body)


def trail(server: Installation, username: str) -> list[str]:
    return [row["action"] for row in server.query(
        "select action from app_audit where table_name = 'users' and label = %s order by id",
        username,
    )]  # fmt: skip


def test_the_list_has_roles_state_last_sign_in_and_second_factor(
    server: Installation, admin: httpx.Client
):
    server.sign_in("viewer")

    data = admin.get("/appbase/user_list.dspy").json()["data"]

    assert (data["ours"], data["more"]) == (True, False)
    assert {"owner.operator", "owner.superuser", "owner.viewer"} <= set(data["roles"])
    assert "any" not in data["roles"]
    viewer = user(admin, "viewer")
    assert (viewer["roles"], viewer["state"], viewer["second_factor"]) == (
        ["owner.viewer"], "usable", False,
    )  # fmt: skip
    assert str(viewer["last_sign_in"]).endswith("Z")
    assert "password" not in json.dumps(data).replace("password_link", "")


def test_only_who_looks_after_users_sees_them(server: Installation):
    for name in ("viewer", "operator"):
        client = server.sign_in(name)
        assert client.get("/appbase/user_list.dspy").status_code == 403
        assert ask(client, "invite", username="x", roles="owner.superuser").status_code == 403


def test_who_is_invited_gives_himself_a_password_once(server: Installation, admin: httpx.Client):
    link = invite(admin, "newcomer")
    assert user(admin, "newcomer")["state"] == "invited"
    assert welcome(server, link["token"]).json()["data"] == {"username": "newcomer"}
    for password in ("", "newcomer"):
        refusal = server.anonymous().post(
            "/login.dspy", json={"username": "newcomer", "password": password}
        )
        assert refusal.status_code in (400, 401)

    assert welcome(server, link["token"], "short").status_code == 400
    assert welcome(server, link["token"], NEW).status_code == 200

    assert server.sign_in("newcomer", NEW)
    assert user(admin, "newcomer")["state"] == "usable"
    for _ in range(2):
        again = welcome(server, link["token"], "another-password-8")
        assert (again.status_code, again.json()["code"]) == (404, "link_not_valid")
    assert trail(server, "newcomer") == [
        "invitation", "sign_in_failed", "password", "sign_in",
    ]  # fmt: skip
    assert link["token"] not in str(server.query("select * from app_audit"))
    assert link["token"] not in server.logs()


def test_of_two_uses_of_a_link_at_once_one_counts(server: Installation, admin: httpx.Client):
    link = invite(admin, "twice")
    passwords = [f"password-number-{n}" for n in range(6)]

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda one: welcome(server, link["token"], one), passwords))

    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 5
    right = next(one for one, answer in zip(passwords, answers, strict=True)
                 if answer.status_code == 200)  # fmt: skip
    assert server.sign_in("twice", right)


def test_a_link_ends_with_its_time_a_newer_one_or_its_user(
    server: Installation, admin: httpx.Client
):
    first = invite(admin, "late")
    second = ask(admin, "link", id=first["id"]).json()["data"]
    assert welcome(server, first["token"]).status_code == 404
    assert welcome(server, second["token"]).status_code == 200
    server.query("update app_invitation set expires_at = utc_timestamp(3) - interval 1 second"
                 " where user_id = %s", first["id"])  # fmt: skip
    assert welcome(server, second["token"], NEW).status_code == 404

    third = ask(admin, "link", id=first["id"]).json()["data"]
    assert ask(admin, "state", id=first["id"], disabled=True).status_code == 200
    assert welcome(server, third["token"], NEW).status_code == 404
    refusal = ask(admin, "link", id=first["id"])
    assert (refusal.status_code, refusal.json()["code"]) == (409, "user_disabled")
    assert ask(admin, "state", id=first["id"], disabled=False).status_code == 200
    assert welcome(server, third["token"], NEW).status_code == 404


def test_names_that_are_taken_and_roles_that_are_none_are_told_at_their_field(
    admin: httpx.Client,
):
    for fields, pointer in (
        ({"username": "VIEWER", "roles": "owner.viewer"}, "/username"),
        ({"username": "somebody", "roles": "owner.nothing"}, "/roles"),
        ({"username": "somebody", "roles": "any"}, "/roles"),
        ({"username": " blank", "roles": "owner.viewer"}, "/username"),
    ):
        answer = ask(admin, "invite", **fields)
        assert answer.status_code == 400, answer.text
        assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


def test_a_disabled_user_is_out_at_once_and_stays_out(server: Installation, admin: httpx.Client):
    make_user(server, "leaver")
    client = server.sign_in("leaver", "leaver-password")

    assert ask(admin, "state", id="leaver", disabled=True).status_code == 200

    assert server.query("select 1 from app_session where user_id = 'leaver'") == []
    assert processes.wait_until(
        lambda: {client.get("/dashboard.ui").status_code for _ in range(4)} == {401}, WITHIN
    )
    body = {"username": "leaver", "password": "leaver-password"}
    assert server.anonymous().post("/login.dspy", json=body).status_code == 401
    assert ask(admin, "state", id="leaver", disabled=False).status_code == 200
    assert server.sign_in("leaver", "leaver-password")
    assert trail(server, "leaver") == [
        "sign_in", "disable_user", "sign_in_failed", "enable_user", "sign_in",
    ]  # fmt: skip


def test_other_roles_count_within_seconds(server: Installation, admin: httpx.Client):
    make_user(server, "riser")
    client = server.sign_in("riser", "riser-password")
    path = "/app_audit/get_app_audit.dspy"
    assert client.get(path).status_code == 403

    answer = ask(admin, "roles", id="riser", roles="owner.operator,owner.viewer")

    assert answer.status_code == 200, answer.text
    assert processes.wait_until(
        lambda: {client.get(path).status_code for _ in range(4)} == {200}, WITHIN
    )
    (row,) = server.query("select detail from app_audit where action = 'roles'")
    assert json.loads(row["detail"]) == {
        "before": ["owner.viewer"], "after": ["owner.operator", "owner.viewer"],
    }  # fmt: skip


def test_nobody_takes_administration_from_himself(server: Installation, admin: httpx.Client):
    own = str(user(admin, "admin")["id"])

    for answer in (ask(admin, "state", id=own, disabled=True),
                   ask(admin, "roles", id=own, roles="owner.viewer")):  # fmt: skip
        assert (answer.status_code, answer.json()["code"]) == (409, "own_user")
    assert ask(admin, "roles", id=own, roles="owner.superuser,owner.viewer").status_code == 200


def test_two_administrators_who_disable_each_other_leave_one(
    server: Installation, admin: httpx.Client
):
    admin_id = str(user(admin, "admin")["id"])
    server.query("update users set user_status = '1' where id = %s", admin_id, database="sage")
    try:
        for number in range(4):
            names = [f"chief-{number}-{side}" for side in "ab"]
            for name in names:
                make_user(server, name, "superuser")
            clients = [server.sign_in(name, f"{name}-password") for name in names]

            def disable(pair: tuple[httpx.Client, str]) -> httpx.Response:
                return ask(pair[0], "state", id=pair[1], disabled=True)

            with ThreadPoolExecutor(2) as threads:
                answers = list(threads.map(disable, zip(clients, reversed(names), strict=True)))

            remaining = server.query(
                "select id from users where user_status = '0' and id in %s", names,
                database="sage",
            )  # fmt: skip
            statuses = sorted(answer.status_code for answer in answers)
            assert len(remaining) == 1, [answer.text for answer in answers]
            # The later one is refused as the last, or was out before.
            assert statuses[0] == 200
            assert statuses[1] in (401, 409)
            server.query("update users set user_status = '1' where id in %s", names,
                         database="sage")  # fmt: skip
    finally:
        server.query("update users set user_status = '0' where id = %s", admin_id, database="sage")


def test_an_administrator_who_has_not_come_yet_looks_after_nothing(
    server: Installation, admin: httpx.Client
):
    make_user(server, "second-chief", "superuser")
    chief = server.sign_in("second-chief", "second-chief-password")
    invite(admin, "future-chief", "owner.superuser")
    admin_id = str(user(admin, "admin")["id"])
    assert ask(chief, "state", id=admin_id, disabled=True).status_code == 200
    try:
        server.query("update users set password = '' where id = 'second-chief'", database="sage")
        server.query("update users set user_status = '0' where id = %s", admin_id, database="sage")
        again = ask(server.sign_in("admin"), "state", id="second-chief", disabled=True)
        assert again.status_code == 200  # admin himself is remaining
        last = ask(server.sign_in("admin"), "roles", id=admin_id, roles="owner.viewer")
        assert last.status_code == 409
    finally:
        server.query("update users set user_status = '0' where id = %s", admin_id, database="sage")


def test_failed_sign_ins_are_noted_and_an_attack_does_not_fill_the_trail(server: Installation):
    body = {"username": "viewer", "password": "wrong"}
    server.anonymous().post("/login.dspy", json=body)
    other = {"username": "my-secret-password", "password": "x"}
    server.anonymous().post("/login.dspy", json=other)

    rows = server.query(
        "select * from app_audit where action = 'sign_in_failed' order by id desc limit 2"
    )
    assert [row["label"] for row in rows] == ["", "viewer"]
    assert rows[1]["address"] == "127.0.0.1"
    assert json.loads(rows[1]["detail"]) == {"reason": "bad_credentials"}
    # As after an hour of many.
    server.query(
        "insert into app_audit (id, created_at, action, table_name)"
        " select concat('many', seq), utc_timestamp(3), 'sign_in_failed', 'users'"
        " from seq_1_to_200"
    )
    server.query("delete from app_login_attempt")
    count = "select count(*) as n from app_audit where action = 'sign_in_failed'"
    before = server.query(count)
    server.anonymous().post("/login.dspy", json=body)
    assert server.query(count) == before


def test_the_trail_says_it_in_words_of_both_languages(server: Installation):
    server.sign_in("viewer")
    admin = server.sign_in("admin")  # the tests before have disabled him
    entry = admin.get(
        "/app_audit/get_app_audit.dspy",
        params={"action": "sign_in", "username": "viewer", "rows": 1},
    ).json()["rows"][0]

    texts = {
        lang: admin.get(
            "/appbase/audit_entry_view.dspy",
            params={"id": entry["id"]}, headers={"Accept-Language": lang},
        ).text
        for lang in ("en", "zh-CN")
    }  # fmt: skip

    assert "User viewer: signed in" in texts["en"]
    assert "登录" in texts["zh-CN"]
    assert "sign_in" not in texts["zh-CN"]
