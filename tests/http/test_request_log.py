"""One line for each request, whichever way it is answered, and nothing in it that is secret."""

import secrets
import signal
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.access.sessions import COOKIE
from app.runtime.processes import wait_until
from tests.support.extra_worker import extra_worker
from tests.support.installation import Installation
from tests.support.log_lines import lines_of, request_line, secrets_in_logs
from tests.support.selling import Reseller, make_pipeline, make_reseller

CALLS, ME = "/pipeline_dist/v1/calls", "/pipeline_dist/v1/me"
PATH_SECRET = "ppk_" + "A1b2C3d4" * 6 + "x"


@pytest.fixture(scope="module")
def seller(server: Installation) -> Reseller:
    return make_reseller(server, make_pipeline(server.admin, code="logs"))


def ask(client: httpx.Client, path: str, **options: Any) -> str:
    """The id of a request that was answered: another one each time, also when a test is tried
    again. `headers` of *options* go along."""
    request_id = f"log-{secrets.token_hex(6)}"
    headers = {"X-Request-Id": request_id, **options.pop("headers", {})}
    client.request(options.pop("method", "GET"), path, headers=headers, **options)
    return request_id


@pytest.mark.parametrize("cookie", ["", "unusual=1"], ids=["direct", "aiohttp"])
def test_a_programs_request_is_one_line(
    server: Installation, seller: Reseller, cookie: str
) -> None:
    headers = {"Authorization": f"Bearer {seller.key}"} | ({"Cookie": cookie} if cookie else {})
    request_id = ask(server.anonymous(), f"{ME}?token={seller.key}", headers=headers)

    record = request_line(server, request_id)

    assert record["at"].endswith("Z")
    assert record.keys() >= {"at", "level", "ms", "message"}
    assert record["ms"] > 0
    assert {name: record[name] for name in ("method", "path", "endpoint", "address", "log")} == {
        "method": "GET",
        "path": ME,
        "endpoint": f"{ME}/index.dspy",
        "address": "127.0.0.1",
        "log": "pipeline.access",
    }
    assert record["key"] == seller.key[: len(record["key"])]
    assert len(record["key"]) < 16
    assert record["distributor"] == seller.distributor["code"]
    assert "user" not in record


def test_a_refusal_has_its_code(server: Installation, seller: Reseller) -> None:
    headers = {"X-API-Key": seller.key}
    refusal = ask(server.anonymous(), CALLS, method="POST", headers=headers, json={})
    stranger = ask(server.anonymous(), ME)

    assert request_line(server, refusal)["status"] == 400
    assert request_line(server, refusal)["code"] == "idempotency_key_required"
    assert request_line(server, stranger)["code"] == "invalid_key"
    assert "key" not in request_line(server, stranger)


def test_a_user_is_named_and_what_there_is_not_is_one_endpoint(server: Installation) -> None:
    user = ask(server.admin, "/whoami.dspy")
    nowhere = ask(server.admin, "/no/such/thing")
    file = ask(server.admin, "/favicon.svg")
    health = ask(server.anonymous(), "/healthz")

    assert request_line(server, user)["user"] == "admin"
    assert request_line(server, nowhere)["endpoint"] == "none"
    assert request_line(server, nowhere)["status"] == 404
    assert request_line(server, file)["endpoint"] == "files"
    assert request_line(server, health)["endpoint"] == "/healthz"


def test_what_was_typed_forges_no_line(server: Installation) -> None:
    path = '/a"b%0A{"level": "ERROR"}%E2%80%A8'
    request_id = ask(server.anonymous(), path)

    assert request_line(server, request_id)["path"].startswith('/a"b')


def test_no_secret_stands_in_a_log(server: Installation, seller: Reseller) -> None:
    client, key = server.anonymous(), seller.key
    session = server.sign_in("operator").cookies[COOKIE]
    wrong_password = "a-password-that-nobody-has"
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
        client.get(ME, headers=headers)
        client.post(CALLS, headers=headers, content=f'{{"{key}": ')  # cannot be read
        client.get(f"/pipeline_dist/v1/{PATH_SECRET}", headers=headers)
    client.get(ME, params={"api_key": key, "key": session})
    client.get(f"/{key}/{session}")
    client.post("/login.dspy", json={"username": "admin", "password": wrong_password})
    client.post(CALLS, headers={"X-API-Key": key, "Idempotency-Key": "a"}, json={"pipeline": key})
    request_line(server, ask(client, "/healthz"))

    words = (key, PATH_SECRET, session, session.partition(".")[0], wrong_password)

    assert lines_of(server, action="login_failed")
    assert secrets_in_logs(server.var_dir, words) == []


def test_bytes_that_are_no_http_are_a_line_too(server: Installation) -> None:
    before = len(lines_of(server, action="request", code="bad_http"))
    server.anonymous().request("GET", "/", headers={"X": "a" * 20_000})

    assert wait_until(lambda: len(lines_of(server, action="request", code="bad_http")) > before, 30)


def test_only_slow_and_failed_ones_or_none(database: Installation, tmp_path: Path) -> None:
    for setting, slow_ms, count in (("notable", 10**6, 0), ("notable", 1, 1), ("off", 1, 0)):
        folder = tmp_path / f"{setting}-{slow_ms}"
        folder.mkdir()
        with extra_worker(
            database, folder, request_log=setting, request_log_slow_ms=slow_ms
        ) as worker:
            worker.client().get("/readyz")  # asks the database: longer than a millisecond
        assert (worker.log.count('"path": "/readyz"') > 0) == bool(count), worker.log


def test_files_are_put_aside_and_opened_anew_while_requests_come(
    server: Installation, tmp_path: Path
) -> None:
    with extra_worker(server, tmp_path, log_file_bytes=65_536, log_old_files=2) as worker:
        client = worker.client()
        file = tmp_path / "worker.log"

        def grow() -> bool:
            for _ in range(100):
                client.get("/healthz")
            return (tmp_path / "worker.log.2").exists()

        assert wait_until(grow, 20, pause=0)
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        assert not (tmp_path / "worker.log.3").exists()


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGHUP])
def test_a_file_that_was_moved_is_opened_anew_by_a_signal(
    server: Installation, tmp_path: Path, number: signal.Signals
) -> None:
    with extra_worker(server, tmp_path) as worker:
        client = worker.client()
        file = tmp_path / "worker.log"
        file.rename(tmp_path / "moved.log")

        worker.process.send_signal(number)

        assert wait_until(file.exists, 20)
        assert client.get("/healthz", headers={"X-Request-Id": "after-the-move"}).status_code == 200
        assert wait_until(lambda: "after-the-move" in file.read_text(), 20)
