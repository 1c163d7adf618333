"""
The ledger that the code of before "money over time" wrote, as a dump with what it answered.

`tests/data/old_ledger/` is made anew, with a checkout of that code (commit 21e146c) that was
built, from within that checkout:

    PYTHONPATH=. py3/bin/python NEW/tests/support/old_ledger.py NEW/tests/data/old_ledger

`tests/data/older_ledger/` likewise with commit 7dfd16e, each file packed by `gzip -9n`.

It starts that application on a database of its own, at times of its own, lets the story of
`old_story.py` happen over HTTP, and writes `pipeline.sql` (all tables but sessions and locked-out
names), and `answers.json`: what was answered then, and to the finish of each call that runs in the
dump. The same code writes the same bytes. Nobody's secret is in it.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

from tests.support.installation import DIRECT, PASSWORDS, Installation

try:
    from pipeline_dist.accounts import keys
except ImportError:  # code of before it had rooms
    from pipeline_dist import keys  # type: ignore[attr-defined, no-redef]

MOVED_CLOCK = str(Path(__file__).resolve().with_name("moved_clock.py"))
LEFT_OUT = ("app_session", "app_login_attempt")
MONTHS = ("2026-09", "2026-10", "2026-11")
GROUPS = ("day", "pipeline", "model", "step")
ROW_BATCH_SIZE = 40


def key_of(code: str, version: int = 1) -> str:
    """The first or a later key of the distributor *code* in the dump: one by this rule, so that it
    is written nowhere."""
    number = int.from_bytes(hashlib.sha256(f"old ledger {code} {version}".encode()).digest())
    with patch("secrets.randbits", lambda _: number):
        return keys.mint()


class MovedInstallation(Installation):
    """An installation whose commands and worker go by the clock of the story."""

    def __init__(self, var_dir: Path, moment: datetime) -> None:
        super().__init__(var_dir)
        self.moment = moment
        self._file = var_dir / "moment"
        self.move_to(moment)
        self.extra_env |= {
            "PIPELINE_TEST_MOMENT": str(self._file),
            "PIPELINE_TEST_SEED": "old ledger",
        }

    def move_to(self, moment: datetime) -> None:
        """Let it be *moment*."""
        self.moment = moment
        whole = self._file.with_suffix(".new")
        whole.write_text(moment.isoformat(), "utf-8")
        whole.replace(self._file)

    def manage(self, *argv: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run `app/manage.py` at this moment; the names of the options were others once."""
        self.move_to(self.moment + timedelta(seconds=1))
        return self.command(MOVED_CLOCK, "app/manage.py", *argv, **options)

    @contextmanager
    def worker(self) -> Iterator[None]:
        """One worker at the address of the installation."""
        command = [sys.executable, MOVED_CLOCK, "app/pipeline_app.py"]
        with (self.var_dir / "logs" / "worker.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=self.env)
        try:
            while not self._answers():
                assert process.poll() is None, log.name
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(40)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.base_url}/healthz", **DIRECT).status_code == 200
        except httpx.TransportError:
            return False


class Teller:
    """Who lets the story happen: one request after another, each at a moment of its own."""

    def __init__(self, installation: MovedInstallation, name: str = "story") -> None:
        """Begin with *name* all idempotency keys."""
        self.installation = installation
        self._name = name
        self._signed_in_at: datetime | None = None
        self._admin = installation.anonymous()
        self._keys: dict[str, httpx.Client] = {}
        self._versions: Counter[str] = Counter()
        self._number = 0

    def at(self, text: str) -> None:
        """Go on at a time such as `2026-10-03 02:00`, UTC, once what has run out then is ended."""
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
        assert moment > self.installation.moment, text
        self.installation.move_to(moment)
        overdue = (
            "select count(*) as calls from pipeline_usage_log"
            " where status = 'reserved' and lease_expires_at <= %s"
        )
        while self.installation.query(overdue, moment.replace(tzinfo=None))[0]["calls"]:
            time.sleep(0.1)

    def admin(self, path: str, **fields: Any) -> dict[str, Any]:
        """What an endpoint (`module/name`) answers to an administrator; it must not refuse."""
        self._sign_in()
        module, name = path.split("/")
        answer = self._admin.post(f"/{module}/api/{name}.dspy", json=fields)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        record: dict[str, Any] = answer.json()["data"]
        return record

    def row(self, table: str, row_id: str) -> dict[str, Any]:
        """A row as the database has it."""
        (record,) = self.installation.query(f"select * from {table} where id = %s", row_id)
        return record

    def change(self, path: str, record: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Change or delete a row by an endpoint, as it is now."""
        table = re.sub(r"^\w+/|_(update|delete|generate_key)$", "", path)
        table = "distributors" if table == "distributor" else table
        version = self.row(table, record["id"])["lock_version"]
        return self.admin(path, id=record["id"], lock_version=version, **fields)

    def give_key(self, distributor: dict[str, Any], **options: Any) -> None:
        """Give a key that the test knows too, in the place of the one that was made."""
        self.admin("pipeline_dist/distributor_generate_key", id=distributor["id"], **options)
        self._versions[distributor["code"]] += 1
        key = key_of(distributor["code"], self._versions[distributor["code"]])
        self.installation.query(
            "update distributors set api_key_hash = %s, api_key_prefix = %s where id = %s",
            keys.digest(key), keys.prefix(key), distributor["id"],
        )  # fmt: skip
        self.take_key(distributor["code"], key)

    def take_key(self, code: str, key: str) -> None:
        """Let the distributor *code* ask with *key* from now on."""
        headers = {"Authorization": f"Bearer {key}"}
        self._keys[code] = self.installation.anonymous(headers=headers)

    def post(self, code: str, path: str, expected: int = 201, **body: Any) -> dict[str, Any]:
        """What the distributor *code* is answered to a POST."""
        self.tick()
        self._number += 1
        answer = self._keys[code].post(
            f"/pipeline_dist/v1/{path}",
            json=body,
            headers={"Idempotency-Key": f"{self._name}-{self._number}"} if path == "calls" else {},
        )
        assert answer.status_code == expected, f"{code} {path} {body}: {answer.text}"
        record: dict[str, Any] = answer.json()
        return record

    def get(self, code: str, path: str, **params: Any) -> dict[str, Any]:
        """What the distributor *code* is answered to a GET."""
        answer = self._keys[code].get(f"/pipeline_dist/v1/{path}", params=params)
        assert answer.status_code == 200, f"{code} {path}: {answer.text}"
        record: dict[str, Any] = json.loads(answer.text, parse_float=Decimal)
        return record

    def tick(self) -> None:
        """Let a second pass."""
        self.installation.move_to(self.installation.moment + timedelta(seconds=1))

    def _sign_in(self) -> None:
        self.tick()
        moment = self.installation.moment
        if self._signed_in_at is None or moment - self._signed_in_at > timedelta(hours=1):
            self._admin.cookies.clear()
            body = {"username": "admin", "password": PASSWORDS["admin"]}
            answer = self._admin.post("/login.dspy", json=body)
            assert answer.status_code == 200, answer.text
            self._signed_in_at = moment
            self.tick()


def answers_of(teller: Teller) -> dict[str, Any]:
    """What the code of before says of each distributor: as it is asked, by what answers."""
    answers: dict[str, Any] = {}
    distributors = teller.installation.query("select * from distributors order by code")
    for row in distributors:
        record: dict[str, Any] = {"statements": {}}
        for month in MONTHS:
            record["statements"][month] = teller.admin(
                "pipeline_dist/distributor_statement", distributor_id=row["id"], month=month
            )
        if row["status"] == "active":
            record["me"] = teller.get(row["code"], "me")
            record["usage"] = {month: usage_of(teller, row["code"], month) for month in MONTHS}
            record["calls"] = [
                teller.get(row["code"], "calls", call_no=call["call_no"])
                for call in teller.installation.query(
                    "select call_no from pipeline_usage_log where distributor_id = %s"
                    " and line_no = 0 order by call_no",
                    row["id"],
                )
            ]
        answers[row["code"]] = record
    return {"moment": teller.installation.moment.isoformat(), "distributors": answers}


def usage_of(teller: Teller, code: str, month: str) -> dict[str, Any]:
    """What `/usage` says of a month: its lines, and the sums by each group."""
    span = {"from": f"{month}-01", "to": f"{month}-{30 + (month == '2026-10')}"}
    usage = {"lines": teller.get(code, "usage", rows=1000, **span)}
    return usage | {by: teller.get(code, "usage", group_by=by, **span) for by in GROUPS}


def dump(installation: Installation) -> str:
    """The database as SQL: tables with their triggers, then the rows by primary key."""
    names = [
        next(iter(row.values()))
        for row in installation.query("show full tables where table_type = 'BASE TABLE'")
    ]
    parts = ["set names utf8mb4;", "set foreign_key_checks = 0;"]
    with installation.connect() as connection:
        for name in sorted(set(names) - set(LEFT_OUT)):
            (table,) = installation.query(f"show create table `{name}`")
            parts.append(table["Create Table"] + ";")
            parts += _insertions(connection, name)
        for trigger in installation.query("show triggers"):
            (text,) = installation.query(f"show create trigger `{trigger['Trigger']}`")
            body = re.sub(r" DEFINER=`\w+`@`[^`]*`", "", text["SQL Original Statement"])
            parts.append(f"delimiter $$\n{body}$$\ndelimiter ;")
    return "\n\n".join(parts) + "\n"


def _insertions(connection: Any, name: str) -> Iterator[str]:
    """The statements that insert the rows of a table; generated columns are not named."""
    with connection.cursor() as cursor:
        cursor.execute(f"show columns from `{name}`")
        fields = [
            row["Field"] for row in cursor.fetchall()
            if not re.search("generated|virtual", row["Extra"], re.IGNORECASE)
        ]  # fmt: skip
        cursor.execute(f"select * from `{name}` order by 1")
        rows = cursor.fetchall()
    for start in range(0, len(rows), ROW_BATCH_SIZE):
        part = rows[start : start + ROW_BATCH_SIZE]
        values = ",\n".join(f"({_literals(connection, row, fields)})" for row in part)
        yield f"insert into `{name}` (`{'`, `'.join(fields)}`) values\n{values};"


def _literals(connection: Any, row: dict[str, Any], fields: Sequence[str]) -> str:
    return ",".join(
        str(row[name]) if isinstance(row[name], Decimal)
        else f"x'{row[name].hex()}'" if isinstance(row[name], bytes)
        else connection.escape(row[name])
        for name in fields
    )  # fmt: skip


def main(target: Path) -> None:
    """Let the story happen in a folder that goes away, and write the files into *target*."""
    # Of this checkout's folder, while all else is of the one that one stands in.
    from old_story import BEGINNING, finish_what_runs, tell  # type: ignore[import-not-found]

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        installation = MovedInstallation(Path(folder), BEGINNING)
        installation.mariadb.start()
        try:
            installation.make_databases()
            with installation.worker():
                teller = Teller(installation)
                story = tell(teller)
                answers = answers_of(teller)
                print(installation.manage("check-ledger").stdout, end="")
                text = dump(installation)
                # The code of before takes no finish of who is suspended.
                story.edit_distributor("paused", status="active")
                answers["endings"] = finish_what_runs(teller)
        finally:
            installation.stop()
            installation.mariadb.stop()
    target.mkdir(parents=True, exist_ok=True)
    (target / "pipeline.sql").write_text(text, "utf-8")
    lines = json.dumps(answers, ensure_ascii=False, indent=1, default=str)
    (target / "answers.json").write_text(lines + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
