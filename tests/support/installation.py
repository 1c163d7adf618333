"""One installation of the application for tests: run-time folder, databases, workers."""

import fcntl
import json
import os
import pickle
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pymysql

from app.base.settings import ROOT, Settings, load_settings, settings
from app.runtime.embedded_db import EmbeddedDatabase
from app.runtime.generation import take_generation
from app.runtime.parent_client import ParentClient
from app.runtime.workers import local_url, readiness_problem
from tests.support.bare_workers import BareWorkers
from tests.support.ports import free_port
from tests.support.quick_database import QuickDatabase
from tests.support.template import DATABASES as DATABASES, Template

PASSWORDS = {
    "admin": "admin-password-1",
    "operator": "operator-password-1",
    "viewer": "viewer-password-1",
}
# For so long a worker goes by the sessions, users and rights it has read; then, they are forgotten,
# and what depends on them must be so within a time that allows for a busy machine.
REMEMBERED_SECONDS = 1
FORGOTTEN = REMEMBERED_SECONDS + 0.5
WITHIN = FORGOTTEN + 30
ROLES = {"admin": "owner.superuser", "operator": "owner.operator", "viewer": "owner.viewer"}
# What set-up leaves behind, without the configuration: its port and paths are each one's own.
SHARED_FOLDERS = ("database", "secrets")
# For httpx: no proxy of the machine, nor its certificates, which each client would read anew.
DIRECT: dict[str, Any] = {"trust_env": False, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}


class Installation:
    """The databases `pipeline` and `sage` on a MariaDB of one's own, and the workers."""

    def __init__(self, var_dir: Path, *, quick: bool = False) -> None:
        """With *quick* its database never waits for the disk: not for what measures time."""
        self.var_dir = var_dir
        for folder in ("run", "logs"):
            (var_dir / folder).mkdir(parents=True, exist_ok=True)
        write_config(var_dir)
        self.port = free_port()
        self.mariadb = (QuickDatabase if quick else EmbeddedDatabase)(var_dir)
        self.extra_env: dict[str, str] = {}
        self._template: Template | None = None
        self._admin: httpx.Client | None = None
        self._clients: list[httpx.Client] = []
        # What the workers were started with, where they were left running, and when that was.
        self._idle: tuple[object, ...] | None = None
        self._restored_at = 0.0

    @property
    def env(self) -> dict[str, str]:
        """The environment of every command and worker of this installation."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PIPELINE_")}
        # What pytest tells of the test that runs is no reason to start workers anew.
        for name in ("SAGE_RBAC_DB", "PYTEST_CURRENT_TEST"):
            inherited.pop(name, None)
        own = {
            "PIPELINE_VAR": str(self.var_dir),
            "PIPELINE_CONF": str(self.var_dir / "config.json"),
            "PIPELINE_PORT": str(self.port),
            "PIPELINE_WORKERS": "2",
            "LC_ALL": "C.UTF-8",
        }
        return inherited | own | self.extra_env

    @property
    def settings(self) -> Settings:
        """The settings as the workers have them."""
        return load_settings(self.env)

    @property
    def base_url(self) -> str:
        """Where the workers answer, without a slash at the end."""
        return local_url(self.settings)

    @property
    def workers(self) -> BareWorkers:
        """The worker processes."""
        return BareWorkers(self.var_dir, self.env)

    @property
    def admin(self) -> httpx.Client:
        """A client signed in as an administrator, the same one for a whole test module."""
        if self._admin is None:
            self._admin = self.sign_in("admin")
        return self._admin

    def adopt(self) -> None:
        """Let code that runs in the test process itself use this installation."""
        os.environ.update({k: v for k, v in self.env.items() if k.startswith("PIPELINE_")})
        settings.cache_clear()

    def connect(self, database: str = "pipeline") -> "pymysql.connections.Connection[Any]":
        """A blocking connection as the application's user, autocommit, rows as dicts."""
        place = self.mariadb.connection()
        assert place is not None, "the database was never started"
        return place.open(
            database=database, autocommit=True, cursorclass=pymysql.cursors.DictCursor
        )

    def query(self, sql: str, *values: Any, database: str = "pipeline") -> list[dict[str, Any]]:
        """The rows of one statement, on a connection of its own."""
        with self.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            return list(cursor.fetchall())

    def command(
        self,
        *argv: str,
        stdin: str = "",
        check: bool = True,
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run a Python command of the checkout, e.g. command("app/manage.py", "migrate")."""
        process = subprocess.run(
            [sys.executable, *argv],
            cwd=ROOT,
            env={**self.env, **(env or {})},
            input=stdin,
            text=True,
            capture_output=True,
            check=False,
            timeout=timeout,
        )
        if check and process.returncode != 0:
            raise AssertionError(
                f"{' '.join(argv)} ended with {process.returncode}:\n"
                f"{process.stdout}{process.stderr}"
            )
        return process

    def manage(
        self, *argv: str, stdin: str = "", check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run `app/manage.py` with *argv*."""
        return self.command("app/manage.py", *argv, stdin=stdin, check=check, timeout=timeout)

    def make_databases(self) -> None:
        """Fresh databases: current tables, Sage's roles, paths loaded, one user for each role."""
        if self._admin is not None:
            self._admin.close()
            self._admin = None
        if self._template is None or not self.put_back(self._template):
            self._set_up()

    def start_alike(self, shared: Path) -> None:
        """Start the database, set up: by the first of several processes, which leaves its files in
        *shared*; the others copy them."""
        shared.mkdir(parents=True, exist_ok=True)
        with (shared / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (shared / "template.pickle").exists():
                self.mariadb.start()
                self._set_up()
                self.mariadb.stop()
                for folder in SHARED_FOLDERS:
                    shutil.copytree(self.var_dir / folder, shared / folder)
                (shared / "template.pickle").write_bytes(pickle.dumps(self._template))
        if self._template is None:
            for folder in SHARED_FOLDERS:
                shutil.rmtree(self.var_dir / folder, ignore_errors=True)
                shutil.copytree(shared / folder, self.var_dir / folder)
            self._template = pickle.loads((shared / "template.pickle").read_bytes())
        self.mariadb.start()

    def _set_up(self) -> None:
        self.stop()
        admin = self.mariadb.admin_connection()
        assert admin is not None, "the database was never started"
        with admin.open(autocommit=True) as connection, connection.cursor() as cursor:
            for name in DATABASES:
                cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
        self.mariadb.start()  # makes the databases again
        self.manage("migrate", timeout=600)  # all tables anew: minutes where others work beside it
        self.manage("setup-sage")
        self.manage("load-paths")
        for username, role in ROLES.items():
            self.manage(
                "create-admin",
                "--username",
                username,
                "--role",
                role,
                "--password-stdin",
                stdin=PASSWORDS[username] + "\n",
            )
        self._template = self.take()

    def take(self) -> Template:
        """Return the databases as they are, for put_back()."""
        with self.connect() as connection, connection.cursor() as cursor:
            return Template(cursor)

    def put_back(self, template: Template) -> bool:
        """Make the databases what they were when *template* was taken; False where that fails."""
        place = self.mariadb.connection()
        assert place is not None, "the database was never started"
        # Not by connect(): the database itself may be missing.
        with (
            place.open(autocommit=True, cursorclass=pymysql.cursors.DictCursor) as connection,
            connection.cursor() as cursor,
        ):
            if not template.fits(cursor):
                self.stop()
                self.mariadb.start()  # makes a dropped database again
                template.put_tables_back(cursor)
                if not template.fits(cursor):
                    return False
            template.put_rows_back(cursor)
        self._restored_at = time.monotonic()
        return True

    def start(self, workers: int = 2) -> None:
        """Start the workers and return when they are ready; those that the last module left running
        go on, where they would be started in the same way."""
        self.extra_env["PIPELINE_WORKERS"] = str(workers)
        idle, self._idle = self._idle, None
        if idle is not None:
            if idle == self._start_state() and not readiness_problem(self.settings):
                for file in (self.var_dir / "logs").glob("worker-*.log"):
                    os.truncate(file, 0)
                # Until then the workers may remember users and rights of before.
                time.sleep(max(0, self._restored_at + FORGOTTEN - time.monotonic()))
                return
            self.workers.stop()
        self.workers.start_all(self.settings)

    def start_under_parent(self, workers: int = 2) -> ParentClient:
        """Start the workers as start.sh does, by a parent process that looks after them."""
        self.stop()
        self.extra_env["PIPELINE_WORKERS"] = str(workers)
        parent = ParentClient(self.var_dir)
        root = take_generation(self.var_dir, self.env)
        parent.launch(root)
        parent.roll(root, self.env)
        parent.workers.await_ready(self.settings)
        return parent

    def leave(self) -> None:
        """Close the clients made here; the workers may go on for the next module."""
        self._close_clients()
        self._idle = self._start_state()

    def stop(self) -> None:
        """Stop the workers, leaving the database as it is; close the clients made here."""
        self._close_clients()
        self._idle = None
        self.workers.stop()

    def stop_idle(self) -> None:
        """Stop workers that the last module has left running."""
        if self._idle is not None:
            self.stop()

    def restart(self) -> None:
        """Stop and start the workers; clients go on with new connections."""
        self.workers.stop()
        self.start(int(self.extra_env.get("PIPELINE_WORKERS", "2")))

    def anonymous(self, **options: Any) -> httpx.Client:
        """An HTTP client that is not signed in."""
        client = httpx.Client(base_url=self.base_url, timeout=30, **DIRECT, **options)
        self._clients.append(client)
        return client

    def sign_in(self, username: str, password: str | None = None) -> httpx.Client:
        """An HTTP client signed in as *username* (`admin`, `operator` or `viewer`)."""
        client = self.anonymous()
        answer = client.post(
            "/login.dspy",
            json={
                "username": username,
                "password": password or PASSWORDS[username],
            },
        )
        assert answer.status_code == 200, answer.text
        return client

    def logs(self) -> str:
        """Everything the workers wrote."""
        files = sorted((self.var_dir / "logs").glob("worker-*.log"))
        return "\n".join(file.read_text("utf-8", "replace") for file in files)

    def _close_clients(self) -> None:
        while self._clients:
            self._clients.pop().close()
        self._admin = None

    def _start_state(self) -> tuple[object, ...]:
        """What tells workers that were started otherwise, or were replaced, from those wanted."""
        pids = self.workers.running()
        conf = Path(self.env["PIPELINE_CONF"])
        return self.env, pids, conf.read_bytes(), len(pids) == self.settings.workers


def write_config(folder: Path, *, web_root: Path | None = None, **options: Any) -> Path:
    """
    Write a configuration for tests into *folder*: the checkout's own, with short memories.

    *options* go into its section `pipeline`; *web_root* replaces the host's own pages.
    """
    config = json.loads((ROOT / "conf/config.json").read_text("utf-8"))
    config["pipeline"] |= {"remembered_seconds": REMEMBERED_SECONDS} | options
    if web_root is not None:
        config["website"]["paths"] = [[str(web_root), ""]]
    file = folder / "config.json"
    file.write_text(json.dumps(config), "utf-8")
    return file
