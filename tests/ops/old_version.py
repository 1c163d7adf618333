"""
What workers of an old version do on tables that `migrate` of this one changes under them.

    bash tests/run.sh upgrade [--commit COMMIT]

The code of COMMIT (by default the one of before these numbered migrations) is taken from git and
serves, with this environment's packages, on a database of its own that has the kept dump of
`tests/data/older_ledger`. Programs and administrators ask for everything that moves money, before,
while and after `migrate` of this checkout runs. Ends with 0 if `check-ledger` finds nothing, all
that was acknowledged before is there once, and nothing is acknowledged after.
"""

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from app.base.settings import ROOT
from tests.support.installation import DIRECT, PASSWORDS, Installation
from tests.support.old_answers import OLDER_FOLDER, old_installation
from tests.support.old_ledger import MOVED_CLOCK, MovedInstallation, key_of

COMMIT = "7dfd16e"
MODULES = ("pipeline_core", "pipeline_ops", "pipeline_dist")
CODE, KEY_VERSION = "north", 2
MAX_SECONDS = 120.0


def take_code(commit: str, folder: Path) -> None:
    """Put the files of *commit* into *folder*."""
    archive = subprocess.run(
        ["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")


def environment(installation: MovedInstallation, code: Path) -> dict[str, str]:
    """Return the environment of a command of the code in *code* on the databases of
    *installation*."""
    paths = [str(code), *(str(code / name) for name in MODULES)]
    env = {name: text for name, text in installation.env.items() if name != "PIPELINE_CONF"}
    return env | {"PYTHONPATH": os.pathsep.join(paths)}


@contextmanager
def old_worker(installation: MovedInstallation, code: Path) -> Iterator[None]:
    """One worker of the code in *code* at the address of *installation*."""
    env = environment(installation, code)
    # The dump has no sessions' table.
    migrate = [sys.executable, MOVED_CLOCK, "app/manage.py", "migrate"]
    subprocess.run(migrate, cwd=code, env=env, check=True, stdout=subprocess.DEVNULL)
    log = (installation.var_dir / "logs" / "old-worker.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, MOVED_CLOCK, "app/pipeline_app.py"],
        cwd=code, stdout=log, stderr=log, env=env,
    )  # fmt: skip
    try:
        while not installation._answers():
            if process.poll() is not None:
                raise SystemExit(f"the old worker ended: {Path(log.name).read_text()[-3000:]}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(40)
        log.close()


class Asker:
    """Asks for each thing that moves money, once each time, and keeps what was answered."""

    def __init__(self, installation: MovedInstallation) -> None:
        self.installation = installation
        headers = {"Authorization": f"Bearer {key_of(CODE, KEY_VERSION)}"}
        options: dict[str, Any] = {"base_url": installation.base_url, "timeout": 30, **DIRECT}
        self._program = httpx.Client(headers=headers, **options)
        self._admin = httpx.Client(headers={"Origin": installation.base_url}, **options)
        self._count = 0
        # What a call that was begun is called, and what has been acknowledged since.
        self.calls: list[str] = []
        # So many of them are left for later.
        self.spare = 0
        self.acknowledged: dict[str, str] = {}

    def sign_in(self) -> None:
        """As the administrator."""
        body = {"username": "admin", "password": PASSWORDS["admin"]}
        answer = self._admin.post("/login.dspy", json=body)
        assert answer.status_code == 200, answer.text

    def round(self) -> dict[str, int]:
        """Ask for each once; the statuses by what was asked."""
        return {name: getattr(self, f"_{name}")() for name in KINDS}

    def _post(self, path: str, **body: Any) -> httpx.Response:
        self._count += 1
        key = f"old-{self._count}"
        answer = self._program.post(f"/pipeline_dist/v1/{path}", json=body,
                                    headers={"Idempotency-Key": key})  # fmt: skip
        if path == "calls" and answer.status_code == 201:
            self.acknowledged[key] = answer.json()["call_no"]
        return answer

    def _begin(self) -> int:
        answer = self._post("calls", pipeline="answer", lease_seconds=3600)
        if answer.status_code == 201:
            self.calls.append(answer.json()["call_no"])
        return answer.status_code

    def _finish(self) -> int:
        if len(self.calls) <= self.spare:
            return 0
        return self._post("calls/finish", call_no=self.calls.pop(), status="succeeded",
                          lines=[{"unit": "call", "quantity": 1}]).status_code  # fmt: skip

    def _finish_without_lines(self) -> int:
        if len(self.calls) <= self.spare:
            return 0
        answer = self._post("calls/finish", call_no=self.calls.pop(), status="succeeded", lines=[])
        return answer.status_code

    def _cancel(self) -> int:
        if len(self.calls) <= self.spare:
            return 0
        return self._post("calls/finish", call_no=self.calls.pop(), status="cancelled").status_code

    def _one_go(self) -> int:
        return self._post("calls", pipeline="answer", status="succeeded",
                          lines=[{"unit": "call", "quantity": 1}]).status_code  # fmt: skip

    def _me(self) -> int:
        return self._program.get("/pipeline_dist/v1/me").status_code

    def _void(self) -> int:
        row = self.installation.query(
            "select id, lock_version from pipeline_usage_log where status = 'succeeded'"
            " and line_no = 0 and month_key = '2026-11' order by id limit 1"
        )[0]
        return self._api("pipeline_ops/pipeline_usage_log_delete", id=row["id"], reason="old void")

    def _edit_price(self) -> int:
        row = self.installation.query(
            "select id, lock_version from pipeline_pricing where unit = 'output_token'"
            " order by id limit 1"
        )[0]
        self._count += 1
        return self._api("pipeline_ops/pipeline_pricing_update", **row,
                         unit_price=f"1.{self._count}")  # fmt: skip

    def _edit_link(self) -> int:
        row = self.installation.query(
            "select l.id, l.lock_version from distributor_pipeline l order by l.id limit 1"
        )[0]
        self._count += 1
        return self._api("pipeline_dist/distributor_pipeline_update", **row,
                         pricing_mode="discount", discount_rate=f"0.{self._count}")  # fmt: skip

    def _edit_distributor(self) -> int:
        row = self.installation.query(
            "select id, lock_version from distributors where code = 'south'"
        )[0]
        self._count += 1
        return self._api("pipeline_dist/distributors_update", **row, spend_limit=f"{self._count}00")

    def _api(self, path: str, **fields: Any) -> int:
        module, name = path.split("/")
        return self._admin.post(f"/{module}/api/{name}.dspy", json=fields).status_code


OF_LEDGER = ("begin", "finish", "finish_without_lines", "cancel", "one_go", "void")
KINDS = ("begin", "finish", "finish_without_lines", "cancel", "one_go", "me", "void", "edit_price",
         "edit_link", "edit_distributor")  # fmt: skip


def try_it(installation: MovedInstallation, code: Path) -> bool:
    """Let the old worker serve before, while and after the migration; whether all is right."""
    asker = Asker(installation)
    during: Counter[tuple[str, int]] = Counter()
    with old_worker(installation, code):
        asker.sign_in()
        for _ in range(4):
            asker._begin()
        before = asker.round()
        for _ in range(8):
            asker._begin()
        asker.spare = len(asker.calls) - 3
        over = threading.Event()

        def go_on() -> None:
            while not over.is_set():
                during.update(asker.round().items())

        thread = threading.Thread(target=go_on)
        thread.start()
        print(installation.manage("migrate", check=False, timeout=600).stdout)
        over.set()
        thread.join()
        asker.spare = 0
        after = asker.round()
    print("before:", before)
    print("during:", dict(during))
    print("after: ", after)
    check = installation.manage("check-ledger", check=False)
    print(check.stdout, check.stderr)
    ledger_calls = {
        row["idempotency_key"]: row["call_no"]
        for row in installation.query(
            "select idempotency_key, call_no from pipeline_usage_log"
            " where line_no = 0 and idempotency_key like 'old-%%'"
        )
    }
    is_kept = asker.acknowledged == ledger_calls
    print("acknowledged calls are there once:", is_kept)
    # What moves the ledger is refused by the database itself from then on.
    is_refused = all(after[name] >= 500 for name in OF_LEDGER)
    return is_kept and is_refused and check.returncode == 0


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commit", default=COMMIT)
    commit = parser.parse_args().commit
    var_dir = Path(os.environ.get("PIPELINE_TEST_VAR") or tempfile.mkdtemp())
    with tempfile.TemporaryDirectory() as folder:
        take_code(commit, Path(folder))
        database = Installation(var_dir)
        database.mariadb.start()
        try:
            database.make_databases()
            sys.exit(not try_it(old_installation(database, OLDER_FOLDER), Path(folder)))
        finally:
            database.stop()
            database.mariadb.stop()


if __name__ == "__main__":
    main()
