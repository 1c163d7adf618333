"""
The embedded database: a real MariaDB server of the system's package, for this folder only.

    python -m app.runtime.embedded_db start|stop|status [--var DIR]

Everything it has lies in `<var>/database/`: data, configuration, pid file and `connection.json`
(mode 0600), which tells the application how to reach it. It listens on a socket and on a free
loopback port; its passwords are generated. Starting or stopping twice is fine, and after a crash
of the whole machine the next start recovers.
"""

import argparse
import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pymysql

from app.base.config_file import config_files, read_config
from app.base.database_settings import embedded_connection_file, names_server
from app.base.private_files import write_private
from app.base.settings import ROOT
from app.base.settings_checks import ConfigError
from app.runtime import processes
from app.runtime.disk_room import INSTALL_BYTES, START_BYTES, full_disk, shortage
from app.runtime.embedded_accounts import all_accounts, databases, remove_others
from app.runtime.embedded_connection import (
    Connection as Connection,
    EmbeddedDatabaseError as EmbeddedDatabaseError,
    read_connection,
)
from app.runtime.run_folder import keep_private, var_folder

PACKAGES = "mariadb-server-core and mariadb-client-core (Debian, Ubuntu)"
START_SECONDS = 180  # InnoDB may have to replay its log after a crash.
STOP_SECONDS = 60
FULL_STOP_SECONDS = 10  # without room it may not end by itself; it recovers
GRANT_SECONDS = 15
_MAX_SOCKET_PATH = 100  # The kernel allows 107 bytes; MariaDB appends to the name.

_CONFIGURATION = Path(__file__).with_suffix(".cnf")


class EmbeddedDatabase:
    """The database server of one run-time folder."""

    def __init__(self, var_dir: Path, sage_name: str = "") -> None:
        self.folder = var_dir.resolve() / "database"
        self.log = var_dir.resolve() / "logs" / "database.log"
        self.sage_name = sage_name or os.environ.get("SAGE_RBAC_DB") or "sage"
        self._connection_file = embedded_connection_file(var_dir.resolve())
        self._admin_file = self.folder / "admin.json"
        self._pid_file = self.folder / "mariadbd.pid"
        self._configuration = self.folder / "mariadbd.cnf"

    @property
    def mark(self) -> str:
        """What the command line of our server holds and no other's does."""
        return f"--defaults-file={self._configuration}"

    def pid(self) -> int | None:
        """Return the pid of our running server, or None."""
        return processes.recorded_pid(self._pid_file, self.mark)

    def connection(self) -> Connection | None:
        """Return how the application reaches the server, as written at the last start."""
        return read_connection(self._connection_file)

    def admin_connection(self) -> Connection | None:
        """Return how the server's administrator reaches it; the application never uses this."""
        return read_connection(self._admin_file)

    def answers(self) -> bool:
        """Return True when the server lets the application in."""
        place = self.connection()
        if place is None or self.pid() is None:
            return False
        try:
            place.open().close()
        except pymysql.err.OperationalError:
            return False
        return True

    def start(self) -> bool:
        """
        Start the server and return when it answers; False when it ran already.

        Raises EmbeddedDatabaseError with the reason and what to do.
        """
        with self._lock():
            if self.pid() is not None:
                if not processes.wait_until(self.answers, START_SECONDS):
                    raise EmbeddedDatabaseError(
                        f"The embedded database runs (pid {self.pid()}) and does not answer. "
                        f"See {self.log}, run stop.sh, then start.sh."
                    )
                self._grant_databases()
                return False
            server, installer = _programs()
            is_new = not (self.folder / "data").is_dir()
            if text := shortage(self.folder, INSTALL_BYTES if is_new else START_BYTES):
                raise EmbeddedDatabaseError(text)
            self._prepare_log()
            if is_new:
                self._install(installer)
            # A port found free may be taken before the server has it.
            for _ in range(3):
                if self._launch(server):
                    return True
            raise EmbeddedDatabaseError(f"No loopback port could be had. See {self.log}.")

    def stop(self) -> bool:
        """Stop the server and wait for its end; False when it did not run."""
        with self._lock():
            pid = self.pid()
            if pid is not None and processes.end({pid: self.mark}, STOP_SECONDS):
                print(
                    f"The embedded database did not end within {STOP_SECONDS} s and was killed; "
                    "it recovers at the next start.",
                    file=sys.stderr,
                )
            self._pid_file.unlink(missing_ok=True)
            self._remove_socket_folder()
            return pid is not None

    def _remove_socket_folder(self) -> None:
        place = self.connection()
        if place and Path(place.unix_socket).parent != self.folder:
            shutil.rmtree(Path(place.unix_socket).parent, ignore_errors=True)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One start or stop at a time in this folder."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.folder / "start.lock").open("w")
        except OSError as exc:
            raise EmbeddedDatabaseError(
                f"{self.folder} cannot be written: {exc.strerror}. Make it writable, or name "
                "another run-time folder by PIPELINE_VAR."
            ) from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _prepare_log(self) -> None:
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab"):
                pass
        except OSError as exc:
            raise EmbeddedDatabaseError(
                f"The database's log {self.log} cannot be written: {exc.strerror}. Make the "
                "folder writable, or name another run-time folder by PIPELINE_VAR."
            ) from None

    def _install(self, installer: str) -> None:
        """Make an empty data folder; a half-made one, left by a kill, is made again."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        # --no-defaults: the machine's own /etc/mysql must not reach into our folder. No --user:
        # the files belong to whoever runs this, and its chown fails on a path with a blank.
        command = [
            installer,
            "--no-defaults",
            f"--datadir={fresh}",
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ]
        process = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env={**_environment(), "TMPDIR": str(self._scratch_folder())},
        )
        if process.returncode != 0:
            lines = (process.stdout + process.stderr).splitlines()
            # Its own advice is about system-wide servers; the reasons are marked as errors.
            tail = "\n".join([line for line in lines if "ERROR" in line] or lines[-20:])
            raise EmbeddedDatabaseError(f"mariadb-install-db failed in {self.folder}:\n{tail}")
        fresh.replace(self.folder / "data")

    def _scratch_folder(self) -> Path:
        """
        Make a folder of its own for the server's temporary tables.

        A starting server removes all `#sql*` files from its temporary folder; in one that several
        share, the others' tables vanish under them, and they crash.
        """
        folder = self.folder / "tmp"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def _launch(self, server: str) -> bool:
        """Start the server process; False when somebody took its port meanwhile."""
        before = self.connection()
        port = before.port if before and _free(before.port) else processes.free_port()
        socket_path = self._socket_path(before)
        self._write_configuration(socket_path, port)
        self._write_accounts(socket_path, port)
        self._pid_file.unlink(missing_ok=True)
        log_start = self.log.stat().st_size
        pid = processes.spawn([server, self.mark, *_as_user()], self.log, _environment())
        # The server writes the same later; until then a second start must know of it too.
        processes.record_pid(self._pid_file, pid)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if processes.has_ended(pid):
                return self._explain_end(log_start)
            if text := full_disk(self.folder, processes.last_lines(self.log, since=log_start)):
                processes.end({pid: self.mark}, FULL_STOP_SECONDS)
                raise EmbeddedDatabaseError(text)
            if time.monotonic() > deadline:
                processes.end({pid: self.mark}, STOP_SECONDS)
                raise EmbeddedDatabaseError(
                    f"The embedded database did not answer within {START_SECONDS} s. Last lines "
                    f"of {self.log}:\n{processes.last_lines(self.log, since=log_start)}"
                )
            time.sleep(0.1)
        (self.folder / "accounts.sql").unlink(missing_ok=True)
        return True

    def _explain_end(self, log_start: int) -> bool:
        tail = processes.last_lines(self.log, since=log_start)
        if "Can't start server: Bind on TCP/IP port" in tail:
            return False
        reason = full_disk(self.folder, tail) or "The embedded database ended at start."
        raise EmbeddedDatabaseError(f"{reason} Last lines of {self.log}:\n{tail}")

    def _socket_path(self, before: Connection | None) -> Path:
        plain = self.folder / "mariadbd.sock"
        if len(os.fsencode(plain)) <= _MAX_SOCKET_PATH:
            return plain
        if before and Path(before.unix_socket).parent.is_dir():
            status = Path(before.unix_socket).parent.stat()
            # Somebody else could have made a folder of that name in the temporary folder.
            if status.st_uid == os.getuid() and status.st_mode & 0o077 == 0:
                return Path(before.unix_socket)
        return Path(tempfile.mkdtemp(prefix="pipeline-db-")) / "mariadbd.sock"

    def _write_configuration(self, socket_path: Path, port: int) -> None:
        text = _CONFIGURATION.read_text("utf-8").format(
            data=self.folder / "data",
            socket=socket_path,
            pid_file=self._pid_file,
            log=self.log,
            port=port,
            scratch=self._scratch_folder(),
            init_file=self.folder / "accounts.sql",
        )
        write_private(self._configuration, text)

    def _write_accounts(self, socket_path: Path, port: int) -> None:
        """
        Write the SQL that the server runs before it answers, and the two files that tell of it.

        Run at every start, so that a start interrupted anywhere is made whole by the next.
        """
        app, admin = self.connection(), self.admin_connection()
        app_password = app.password if app else secrets.token_urlsafe(24)
        admin_password = admin.password if admin else secrets.token_urlsafe(24)
        self._write_connections(str(socket_path), port, app_password, admin_password)
        # One statement a line: the server reads init files line by line.
        statements = all_accounts((app_password,), (admin_password,)) + databases(self.sage_name)
        write_private(self.folder / "accounts.sql", ";\n".join(statements) + ";\n")

    def store_passwords(self, app_password: str, admin_password: str) -> None:
        """Write both passwords down; a server that runs has to be told them, a start does it."""
        place = self.connection()
        assert place is not None, "the database was never started"
        self._write_connections(place.unix_socket, place.port, app_password, admin_password)

    def _write_connections(
        self, unix_socket: str, port: int, app_password: str, admin_password: str
    ) -> None:
        for file, user, password in (
            (self._connection_file, "pipeline", app_password),
            (self._admin_file, "root", admin_password),
        ):
            connection = Connection(unix_socket, port, user, password, name="pipeline")
            write_private(file, json.dumps(asdict(connection), indent=2) + "\n")

    def _grant_databases(self) -> None:
        """SAGE_RBAC_DB may name another database than when the server was started."""
        admin = self.admin_connection()
        if admin is None:
            return
        try:
            # On a full disk the server waits, and says nothing.
            with (
                admin.open(autocommit=True, read_timeout=GRANT_SECONDS) as connection,
                connection.cursor() as cursor,
            ):
                for statement in remove_others() + databases(self.sage_name):
                    cursor.execute(statement)
        except pymysql.err.MySQLError as exc:
            raise EmbeddedDatabaseError(
                shortage(self.folder, START_BYTES)
                or f"The embedded database runs and takes no changes ({exc}). See {self.log}."
            ) from exc


def is_wanted(env: Mapping[str, str] | None = None) -> bool:
    """Return True while the configuration names no database; a broken one is told later."""
    try:
        config = read_config(config_files(os.environ if env is None else env, ROOT))
        entry = config["databases"]["pipeline"]
        return not (entry.get("hosts") or names_server(entry.get("kwargs") or {}))
    except (ConfigError, LookupError, TypeError, AttributeError):
        return False


def _free(port: int) -> bool:
    return processes.listening_problem("127.0.0.1", port) is None


def _environment() -> dict[str, str]:
    """Ours, with what the server makes its files by: it does not look at the umask."""
    return {**os.environ, "UMASK": "0600", "UMASK_DIR": "0700"}


def _as_user() -> list[str]:
    # mariadbd refuses to run as root unless told so; the folder is root's own then.
    return ["--user=root"] if os.geteuid() == 0 else []


def _programs() -> tuple[str, str]:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/usr/bin"])
    server = shutil.which("mariadbd", path=path)
    installer = shutil.which("mariadb-install-db", path=path)
    if server is None or installer is None:
        raise EmbeddedDatabaseError(
            f"No MariaDB server is installed. Install {PACKAGES}, or name a database of your own "
            "in conf/config.json (databases.pipeline.kwargs.host)."
        )
    return server, installer


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return 0 for done, 1 failed, 3 (status) not running."""
    parser = argparse.ArgumentParser(prog="python -m app.runtime.embedded_db", description=__doc__)
    parser.add_argument("action", choices=("start", "stop", "status"))
    parser.add_argument("--var", type=Path, default=var_folder())
    args = parser.parse_args(argv)
    keep_private(Path(args.var))
    database = EmbeddedDatabase(Path(args.var))
    try:
        if args.action == "start":
            print("started" if database.start() else "runs already", f"(pid {database.pid()})")
        elif args.action == "stop":
            print("stopped" if database.stop() else "does not run")
        elif not database.answers():
            print("does not run")
            return 3
        else:
            print(f"runs (pid {database.pid()})")
    except EmbeddedDatabaseError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
