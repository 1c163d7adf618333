"""
Attacks on logins, sessions and origins (kernel B1, B4, B5, B5b, B5c, B7, B8; SES-1 to SES-8,
RED-1 to RED-3, CSRF-1).
"""

import base64
import hashlib
import json
import time
from pathlib import Path

import httpx
import pytest

from app.runtime.processes import wait_until
from tests.support.extra_worker import ExtraWorker, extra_worker
from tests.support.installation import DIRECT, FORGOTTEN, PASSWORDS, WITHIN, Installation
from tests.support.raw_http import get_raw, send_raw
from tests.support.sage_users import make_user
from tests.support.selling import make_distributor, new_key

BOTH_WAYS = True  # tests/conftest.py

LIST = "/pipeline_core/pipelines/get_pipelines.dspy"
DELETE = "/pipeline_core/api/pipelines_delete.dspy"
AUDIT = "/app_audit/get_app_audit.dspy"  # for operators, not for viewers


@pytest.fixture(autouse=True)
def _no_old_failures(server: Installation) -> None:
    server.query("delete from app_login_attempt")


def cookie(client: httpx.Client) -> str:
    return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def user_of(server: Installation, cookies: str) -> str | None:
    answer = get_raw(server.base_url, "/whoami.dspy", f"Cookie: {cookies}")
    assert answer.status == 200, answer.body
    username: str | None = json.loads(answer.body)["data"]["username"] or None
    return username


def attempt(server: Installation, username: str, password: str) -> httpx.Response:
    credentials = {"username": username, "password": password}
    return httpx.post(f"{server.base_url}/login.dspy", json=credentials, **DIRECT)


# B1: made-up cookies (SES-1)


def test_a_cookie_made_with_the_published_secret_is_nobodys(server: Installation):
    from cryptography.fernet import Fernet

    secret = (str(server.port).encode() + b"iqwertyuiopasdfghjklzxcvbnm12345")[:32]
    ticket = json.dumps({"session": {"AIOHTTP_AUTH": "admin:admin:0"}, "created": 1_800_000_000})
    forged = Fernet(base64.urlsafe_b64encode(secret)).encrypt(ticket.encode()).decode()

    for name in ("AIOHTTP_SESSION", "pipeline_session"):
        assert user_of(server, f"{name}={forged}") is None


def test_a_session_id_without_its_seal_never_reaches_the_database(server: Installation):
    """Whoever can write a row of app_session still cannot make a cookie."""
    server.sign_in("admin")
    row = server.query("select * from app_session where username = 'admin' limit 1")[0]
    row["id"] = hashlib.sha256(b"planted").hexdigest()
    names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    server.query(f"insert into app_session ({names}) values ({marks})", *row.values())

    for value in ("planted", "planted.", "planted.0", f"planted.{'0' * 64}"):
        assert user_of(server, f"pipeline_session={value}") is None


def test_the_secret_is_the_installations_own_and_for_its_owner_only(server: Installation):
    file = server.var_dir / "secrets" / "session_secret"

    assert file.stat().st_mode & 0o077 == 0
    assert len(file.read_text().strip()) == 64
    assert str(server.port) not in file.read_text()


def test_what_the_database_keeps_is_no_cookie(server: Installation):
    client = server.sign_in("viewer")
    token = client.cookies["pipeline_session"].partition(".")[0]

    rows = server.query("select * from app_session")

    assert rows
    assert token not in json.dumps(rows, default=str)


@pytest.mark.parametrize(
    "header",
    [b"pipeline_session=\xff\xfe.\xff", b"pipeline_session=", b"pipeline_session=a.b; \xf0\x9f",
     b"pipeline_session=" + b"x" * 6000, b"=;=;", b'pipeline_session="a.b"', b"\x80"],
)  # fmt: skip
def test_a_cookie_of_any_bytes_is_nobodys(server: Installation, header):
    head = b"GET /whoami.dspy HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    agent = b"User-Agent: \xff\xfe\r\nAccept-Language: \xff\r\nX-Request-Id: \xff\r\n"

    answer = send_raw(server.base_url, head + agent + b"Cookie: " + header + b"\r\n\r\n")

    assert answer.status == 200, answer.body
    assert json.loads(answer.body)["data"]["user_id"] is None


def test_a_browser_that_names_itself_in_any_bytes_can_sign_in(server: Installation):
    body = json.dumps({"username": "viewer", "password": PASSWORDS["viewer"]}).encode()
    head = (b"POST /login.dspy HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nUser-Agent: \xff\xe4\xb8\xad\r\n")  # fmt: skip

    answer = send_raw(server.base_url, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    assert answer.status == 200, answer.body


# B4: changes for another site (CSRF-1)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1.evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example", "Authorization": "Basic eDp5"},
    ],
)
def test_changes_from_another_site_are_refused(server: Installation, admin, pipeline, headers):
    answer = admin.post(DELETE, json={"id": pipeline["id"]}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site"), answer.text
    assert server.query("select 1 from pipelines where code = 'victim'")


def test_signing_in_for_another_site_is_refused(server: Installation):
    credentials = {"username": "viewer", "password": PASSWORDS["viewer"]}

    answer = server.anonymous().post(
        "/login.dspy", data=credentials, headers={"Origin": "https://evil.example"}
    )

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_json_sent_as_plain_text_is_refused(server: Installation, admin, pipeline):
    body = json.dumps({"id": pipeline["id"]})
    for kind in ("text/plain", "text/plain; x=application/json", ""):
        answer = admin.post(DELETE, content=body, headers={"Content-Type": kind})

        assert answer.status_code == 415, answer.text
    assert server.query("select 1 from pipelines where code = 'victim'")


def test_programs_with_a_key_come_from_anywhere(server: Installation, admin):
    key = new_key(admin, make_distributor(admin, "anywhere"))
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

    for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
        answer = server.anonymous().post(
            "/pipeline_dist/v1/quote", json={}, headers=headers | foreign
        )
        assert answer.json()["code"] == "invalid_fields", answer.text
    answer = admin.post(DELETE, json={"id": "x"}, headers={"X-API-Key": key, **foreign})
    assert answer.json()["code"] == "cross_site"


def test_our_own_pages_may(admin, pipeline):
    origin = str(admin.base_url).rstrip("/")

    answer = admin.post(
        DELETE, json={"id": "nobody"}, headers={"Origin": origin, "Sec-Fetch-Site": "same-origin"}
    )

    assert answer.status_code == 404


# B4, B5: the cookie (SES-5)


def test_the_cookie_is_for_this_site_and_not_for_scripts(server: Installation):
    answer = attempt(server, "viewer", PASSWORDS["viewer"])

    cookies = answer.headers.get_list("set-cookie")
    assert any(text.startswith("pipeline_session=") for text in cookies)
    for text in cookies:
        flags = {part.strip() for part in text.split(";")[1:]}
        assert {"HttpOnly", "SameSite=Lax"} <= flags
        assert "Secure" not in flags  # over plain http a browser would never send it back


def test_the_cookie_is_secure_where_the_outside_is(server: Installation, tmp_path: Path):
    with extra_worker(server, tmp_path, public_url="https://pipeline.example.com") as worker:
        answer = worker.client().post(
            "/login.dspy", json={"username": "viewer", "password": PASSWORDS["viewer"]}
        )

    assert answer.status_code == 200, answer.text
    for text in answer.headers.get_list("set-cookie"):
        assert "; Secure" in text


# B5b, B5c: sessions begin new and end for good (SES-6 to SES-8, RED-1 to RED-3)


def test_every_login_makes_a_new_session(server: Installation):
    planted = server.sign_in("viewer")
    before = planted.cookies["pipeline_session"]
    headers = {"client_uuid": "a-known-device"}
    credentials = {"username": "operator", "password": PASSWORDS["operator"]}

    first = planted.post("/login.dspy", json=credentials, headers=headers)
    second = server.anonymous().post("/login.dspy", json=credentials, headers=headers)

    result = [answer.cookies["pipeline_session"] for answer in (first, second)]
    assert len({before, *result}) == 3
    assert not any(b"a-known-device".hex() in value for value in result)
    assert user_of(server, f"pipeline_session={result[0]}") == "operator"


def test_a_device_id_is_no_login(server: Installation):
    server.sign_in("admin").get("/whoami.dspy", headers={"client_uuid": "device"})

    for name in ("AIOHTTP_SESSION", "pipeline_session"):
        answer = get_raw(
            server.base_url, "/whoami.dspy", "client_uuid: device",
            f"Cookie: {name}={b'device'.hex()}",
        )  # fmt: skip
        assert json.loads(answer.body)["data"]["user_id"] is None


def test_logging_out_is_not_undone_in_the_same_answer(server: Installation):
    client = server.sign_in("viewer")
    # Upstream gives a new ticket to who logs out when the old one is due (SES-7).
    server.query(
        "update app_session set seen_at = seen_at - interval 90 second where username = 'viewer'"
    )

    answer = client.post("/logout.dspy")

    assert answer.status_code == 200
    assert not client.cookies.get("pipeline_session")
    assert client.get("/whoami.dspy").json()["data"]["user_id"] is None


# What ends a session: SQL on `app_session` or on Sage's tables, `@` standing for the user's name.
ENDINGS = {
    "age": "update pipeline.app_session set created_at = created_at - interval 721 minute"
           " where username = '@'",
    "idleness": "update pipeline.app_session set seen_at = seen_at - interval 121 minute"
                " where username = '@'",
    "password": "update users set password = concat('x', password) where username = '@'",
    "role": "update userrole set roleid = concat('-', roleid) where userid = '@'",
    "disabled": "update users set user_status = '1' where username = '@'",
}  # fmt: skip
RETURNS = {
    "password": "update users set password = substr(password, 2) where username = '@'",
    "role": "update userrole set roleid = substr(roleid, 2) where userid = '@'",
    "disabled": "update users set user_status = '0' where username = '@'",
}


def test_sessions_end_everywhere_and_for_good(server: Installation):
    """By log-out, at all places, age, idleness, another password, a lost role, being disabled."""
    cookies = {}
    for name in [*ENDINGS, "logout", "everywhere", "switched", "promoted"]:
        make_user(server, name)
        clients = [server.sign_in(name, f"{name}-password") for _ in range(2)]
        cookies[name] = cookie(clients[0])
        assert user_of(server, cookies[name]) == name
        if name == "logout":
            clients[0].post("/logout.dspy")
        elif name == "everywhere":
            clients[1].post("/logout.dspy", json={"everywhere": 1})
        elif name == "switched":
            clients[0].post(
                "/login.dspy", json={"username": "viewer", "password": PASSWORDS["viewer"]}
            )

    living = cookies.pop("promoted")
    # Both workers remember now what he may.
    assert {get_raw(server.base_url, AUDIT, f"Cookie: {living}").status for _ in range(12)} == {403}
    server.query(
        "insert into userrole select 'more', 'promoted', id from role where name = 'operator'",
        database="sage",
    )
    for name, change in ENDINGS.items():
        server.query(change.replace("@", name), database="sage")
    all_over = wait_until(lambda: not any(living_of(server, cookies).values()), WITHIN)
    survivors = {name for name, alive in living_of(server, cookies).items() if alive}
    for name, back in RETURNS.items():
        server.query(back.replace("@", name), database="sage")

    assert all_over, survivors
    time.sleep(FORGOTTEN)
    assert living_of(server, cookies) == dict.fromkeys(cookies, False)
    assert user_of(server, living) == "promoted"
    # What the new role may counts on every worker by now.
    result = [get_raw(server.base_url, AUDIT, f"Cookie: {living}").status for _ in range(12)]
    assert result == [200] * 12


def living_of(server: Installation, cookies: dict[str, str]) -> dict[str, bool]:
    """Which cookies any worker still takes; each is shown to both, most likely."""
    return {
        name: any(user_of(server, text) == name for _ in range(4)) for name, text in cookies.items()
    }


# B7: where a request comes from (SES-2, SES-3)


def test_forwarding_headers_are_believed_from_trusted_proxies_only(
    server: Installation, admin, probes: ExtraWorker
):
    fenced = make_distributor(admin, "fenced", allowed_ips="10.9.8.7")
    headers = {"Authorization": f"Bearer {new_key(admin, fenced)}"}

    def ask(base_url: str, source: str, forwarded: str, *more: str) -> int:
        transport = httpx.HTTPTransport(local_address=source, **DIRECT)
        result = {"X-Forwarded-For": forwarded, "X-Real-IP": forwarded, "X-real-ip": forwarded,
                "Forwarded": f"for={forwarded}"}  # fmt: skip
        lines = [*headers.items(), *result.items(), *(("X-Forwarded-For", line) for line in more)]
        with httpx.Client(transport=transport, base_url=base_url) as client:
            return client.get("/pipeline_dist/v1/me", headers=lines).status_code

    assert ask(server.base_url, "127.0.0.1", "10.9.8.7") == 403
    assert ask(probes.base_url, "127.0.0.1", "10.9.8.7") == 403
    assert ask(probes.base_url, "127.0.0.2", "10.9.8.7") == 200
    # Only what the proxy itself added counts, not what the caller had put before it.
    assert ask(probes.base_url, "127.0.0.2", "10.9.8.7, 192.0.2.1") == 403
    assert ask(probes.base_url, "127.0.0.2", "garbage, 10.9.8") == 403
    # Some proxies leave the caller's line and add one of their own.
    assert ask(probes.base_url, "127.0.0.2", "10.9.8.7", "192.0.2.1") == 403
    assert ask(probes.base_url, "127.0.0.2", "192.0.2.1", "10.9.8.7") == 200
    assert ask(probes.base_url, "127.0.0.2", "::ffff:10.9.8.7") == 200


def test_a_socket_for_both_kinds_of_addresses_knows_the_callers_own(
    server: Installation, admin, tmp_path: Path
):
    fenced = make_distributor(admin, "fenced-too", allowed_ips="10.9.8.7")
    headers = {"X-API-Key": new_key(admin, fenced), "X-Forwarded-For": "10.9.8.7"}

    with extra_worker(
        server, tmp_path, host="::", trusted_proxies=["127.0.0.0/8"]
    ) as worker:  # fmt: skip
        client = worker.client()
        assert client.get("/pipeline_dist/v1/me", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-For: 192.0.2.1", "Via: 1.1 proxy", "X-Real-IP: ::1", "Forwarded: for=192.0.2.1"],
)
def test_figures_for_this_machine_do_not_leave_through_a_proxy_on_it(server: Installation, header):
    assert get_raw(server.base_url, "/metrics").status == 200

    assert get_raw(server.base_url, "/metrics", header).status == 403


@pytest.mark.parametrize("name", ["Authorization: Bearer ", "X-API-Key: ", "Authorization: "])
def test_a_key_of_any_bytes_is_nobodys(server: Installation, name):
    for key in (b"ppk_\xff\xfe", b"", b"ppk_" + b"0" * 49, b"\xf0\x9f\x98\x80", b"x" * 7000):
        head = b"GET /pipeline_dist/v1/me HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        answer = send_raw(server.base_url, head + name.encode() + key + b"\r\n\r\n")

        assert answer.status in (400, 401), answer.body
        assert json.loads(answer.body)["code"] in ("invalid_key", "bad_http")


# B8: names with separators in them (SES-4)


def test_a_user_name_is_never_split(server: Installation):
    make_user(server, "admin:1:7")

    who = server.sign_in("admin:1:7", "admin:1:7-password").get("/whoami.dspy").json()["data"]

    assert who == {"user_id": "admin:1:7", "username": "admin:1:7", "org_id": "0",
                   "roles": ["owner.viewer"]}  # fmt: skip
