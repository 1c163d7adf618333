"""`pipeline-client`, the command line, as a person and as a program uses it."""

import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Account, new_account
from tests.support.installation import Installation

ARGV = [sys.executable, "-m", "pipeline_client.cli.main"]


def run(
    account: Account, *argv: str, env: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*ARGV, *argv], env=account.env | (env or {}), capture_output=True, text=True, check=False
    )


def json_of(account: Account, *argv: str) -> Any:
    process = run(account, *argv, "--json")
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_a_day_at_the_command_line(account: Account, tmp_path: Path) -> None:
    quote = run(account, "quote", account.pipeline, "second=90", "answer//input_token=1000000")
    assert quote.returncode == 0, quote.stderr
    assert "total: 1.7625 USD" in quote.stdout

    program = "import os, sys; print(os.environ['PIPELINE_CALL_NO'], 'PIPELINE_KEY' in os.environ)"
    call = run(
        account, "call", account.pipeline, "--ref", "88", "--", sys.executable, "-c", program
    )
    call_no, has_key = call.stdout.split()
    assert (call.returncode, has_key) == (0, "False"), call.stderr
    assert call.stderr.startswith(f"Call {call_no}: ")

    (line,) = [json.loads(row) for row in run(account, "usage", "--json").stdout.splitlines()]
    assert (line["call_no"], line["unit"]) == (call_no, "second")
    assert call_no in run(account, "usage").stdout
    assert json_of(account, "usage", "--by", "day")["total"]["calls"] == 1
    assert "total: " in run(account, "usage", "--by", "day").stdout
    assert json_of(account, "me")["currency"] == "USD"
    assert "distributor" not in run(account, "me").stderr
    assert json_of(account, "statement")["calls"] == 1
    assert "second" in run(account, "statement").stdout
    assert run(account, "statement", "--format", "csv").stdout.startswith("pipeline,")


def test_a_command_that_fails_is_not_charged(account: Account) -> None:
    process = run(account, "call", account.pipeline, "--", "sh", "-c", "exit 7")
    missing = run(account, "call", account.pipeline, "--", "/no/such/program")

    assert (process.returncode, missing.returncode) == (7, 127)
    assert "is cancelled" in process.stderr
    assert json_of(account, "statement")["calls"] == 0


def test_a_command_that_is_stopped_is_cancelled(account: Account) -> None:
    argv = [*ARGV, "call", account.pipeline, "--", "sh", "-c", "echo begun; exec sleep 60"]
    with subprocess.Popen(argv, env=account.env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM

    assert json_of(account, "statement")["running"] == 0


def test_refusals_have_codes_and_sentences(
    account: Account, server: Installation, seller_pipeline: dict[str, Any]
) -> None:
    empty = new_account(server, seller_pipeline, quota_period="month", quota_calls=0)
    chinese = {"LC_ALL": "zh_CN.UTF-8"}
    cases = [
        (run(account, "quote", "nothing", "second=1"), 1, "pipeline_not_found: "),
        (run(account, "quote", "nothing", "second=1", env=chinese), 1, "产线"),
        (run(account, "quote", account.pipeline, "second=x"), 2, "UNIT=QUANTITY"),
        (run(account, "quote", account.pipeline, "second=0.0000001"), 1, "/lines/0/quantity: "),
        (run(account, "me", "--url", "http://127.0.0.1:9"), 3, "No answer from http://127"),
        (run(account, "--url", "http://127.0.0.1:9", "me"), 3, "No answer from http://127"),
        (run(account, "me", env={"PIPELINE_KEY": "ppk_wrong"}), 4, "invalid_key: "),
        (run(empty, "call", account.pipeline, "--", "true"), 125, "quota_exceeded: "),
        (run(account, "call", account.pipeline), 2, "after --"),
        (
            run(account, "call", account.pipeline, "--unit", "page", "--", "echo", "done"),
            125,
            "price_missing: ",
        ),
    ]

    for process, code, sentence in cases:
        assert (process.returncode, sentence in process.stderr) == (code, True), process
        assert "Traceback" not in process.stderr
        assert process.stdout == ""


def test_the_file_of_the_configuration(account: Account, tmp_path: Path) -> None:
    file = tmp_path / "pipeline-client"
    file.write_text(f"# ours\nurl = {account.url}\nkey = {account.key}\n", "utf-8")
    env = {"PIPELINE_CLIENT_CONFIG": str(file), "PIPELINE_URL": "", "PIPELINE_KEY": ""}

    file.chmod(0o640)
    open_to_others = run(account, "me", env=env)
    file.chmod(0o600)
    good = run(account, "me", "--json", env=env)
    file.unlink()
    nothing = run(account, "me", env=env)

    assert (open_to_others.returncode, "chmod 600" in open_to_others.stderr) == (4, True)
    assert good.returncode == 0, good.stderr
    assert (nothing.returncode, str(file) in nothing.stderr) == (4, True)


def test_tables_of_wide_letters_and_of_what_would_steer_a_terminal() -> None:
    from pipeline_client.cli.tables import table

    rows = [
        {"name": "脚本", "code": "a", "model": None},
        {"name": "x\x1b[31m", "code": "bb", "model": None},
    ]
    # Python counts letters; a terminal has two places for each of the wide ones.
    assert table(("name", "code", "model"), rows).splitlines() == [
        "name    code", "脚本    a", "x·[31m  bb",
    ]  # fmt: skip


def test_events_are_followed(account: Account) -> None:
    """On a server that has a feed, whatever version the application is."""
    pages = [[{"event_no": n, "type": "statement.closed", "created_at": "2026-11-30T00:00:00Z",
               "data": {"month": "2026-10"}} for n in (1, 2)]]  # fmt: skip
    paths: list[str] = []

    class Feed(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            content = json.dumps({"rows": pages.pop(0) if pages else [], "next_after": 2}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Feed)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    process = run(account, "tail", "--once", "--after", "0", "--url", url)
    server.shutdown()
    server.server_close()

    assert [line.split()[0] for line in process.stdout.splitlines()] == ["1", "2"]
    assert '{"month":"2026-10"}' in process.stdout
    assert paths == ["/pipeline_dist/v1/events?after=0&rows=500"]


@pytest.mark.parametrize("lang", ["C.UTF-8", "zh_CN.UTF-8"])
def test_help(account: Account, lang: str) -> None:
    process = run(account, "--help", env={"LC_ALL": lang})

    assert process.returncode == 0
    for name in ("me", "quote", "call", "usage", "calls", "statement", "tail"):
        assert f"\n    {name}" in process.stdout
    assert ("退出码" in process.stdout) == lang.startswith("zh")
    assert os.environ.get("PIPELINE_KEY", "ppk_") not in process.stdout.replace("PIPELINE_KEY", "")
