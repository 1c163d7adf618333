"""Second factors as people use them: set up with an app, and its codes."""

import time

import httpx
import pyotp

from tests.support.installation import Installation


def code_of(secret: str, steps: int = 0) -> str:
    """Return the code of the app now, or so many half minutes later; there is time to send it."""
    seconds = 30 - time.time() % 30
    if seconds < 4:
        time.sleep(seconds)
    return pyotp.TOTP(secret).at(int(time.time()) + 30 * steps)


def turn_on(client: httpx.Client, password: str) -> tuple[str, list[str]]:
    """Set a second factor up on the page of one's account; its secret and the recovery codes."""
    setup = client.post("/appbase/account_second_factor_begin.dspy", json={"password": password})
    assert setup.status_code == 200, setup.text
    secret: str = setup.json()["data"]["secret"]
    answer = client.post(
        "/appbase/account_second_factor_confirm.dspy",
        json={"password": password, "code": code_of(secret, -1)},
    )
    assert answer.status_code == 200, answer.text
    return secret, answer.json()["data"]["recovery_codes"]


def sign_in_with(
    server: Installation, username: str, password: str, code: str = ""
) -> tuple[httpx.Client, httpx.Response]:
    """Try to sign in; the client, with what cookies it got, and the answer."""
    client = server.anonymous()
    body = {"username": username, "password": password} | ({"code": code} if code else {})
    return client, client.post("/login.dspy", json=body)


def take_all_away(server: Installation) -> None:
    """Nobody has a second factor, and nobody failed to sign in."""
    for table in ("app_second_factor", "app_recovery_code", "app_login_attempt"):
        server.query(f"delete from {table}")
