"""MariaDB's own programs, which dump a database and read a dump: found, called, their errors."""

import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app.access.sage_setup import database_cursor
from app.base.database_settings import DatabaseSettings, TlsSettings
from app.base.private_files import write_private
from app.runtime.terminal import CommandError

PACKAGE = "mariadb-client"
# What the dumping program adds to a trigger: its maker, whom another server does not know.
_DEFINER = b"/*!50017 DEFINER="
_TABLE = b"-- Dumping data for table `"
_COMPLETE = b"-- Dump completed"

# One snapshot of all tables, without a lock: calls are let in meanwhile. Triggers come with their
# tables; the rest is what a restore by an ordinary user of a cluster takes.
_DUMP_OPTIONS = (
    "--single-transaction", "--quick", "--triggers", "--hex-blob", "--no-tablespaces",
    "--skip-add-locks", "--skip-add-drop-table", "--default-character-set=utf8mb4",
    "--max-allowed-packet=1G",
)  # fmt: skip


def dump(place: DatabaseSettings, tell: Callable[[str], None]) -> Iterator[bytes]:
    """
    Yield the SQL that makes all of *place*'s tables, rows and triggers, as one moment has them.

    *tell* gets the name of each table. Raises CommandError where the program is missing or fails,
    also when a `migrate` changes a table meanwhile.
    """
    program = _program("mariadb-dump", "mysqldump")
    last = b""
    with _client_file(place) as options, tempfile.TemporaryFile() as errors:
        command = [program, f"--defaults-file={options}", *_DUMP_OPTIONS, place.name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process:
            assert process.stdout is not None
            for row in process.stdout:
                if row.startswith(b"-- "):
                    last = row
                    if row.startswith(_TABLE):
                        tell(row[len(_TABLE) :].rstrip(b"`\n").decode("utf-8", "replace"))
                yield _without_definer(row) if _DEFINER in row[:40] else row
        if process.returncode or not last.startswith(_COMPLETE):
            reason = _last_words(errors)
            raise CommandError(
                f"{place.name} could not be dumped: {reason}. No backup was made. If a migrate ran "
                "meanwhile, do it again; else check the user's rights (SELECT, TRIGGER) and the "
                "database's log.",
                f"无法导出 {place.name}：{reason}。未生成备份。若期间执行过 migrate，请重试；"
                "否则请检查该用户的权限（SELECT、TRIGGER）与数据库日志。",
            )


def load(place: DatabaseSettings, blocks: Iterator[bytes]) -> None:
    """Run the SQL of *blocks* in the database *place*; raises CommandError where the program is
    missing, or a statement fails."""
    program = _program("mariadb", "mysql")
    with _client_file(place) as options, tempfile.TemporaryFile() as errors:
        command = [
            program,
            f"--defaults-file={options}",
            "--default-character-set=utf8mb4",
            "--max-allowed-packet=1G",
            "--batch",
            place.name,
        ]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=errors) as process:
            assert process.stdin is not None
            try:
                for block in blocks:
                    process.stdin.write(block)
                process.stdin.close()
            except BrokenPipeError:
                pass  # it ended by itself, and says why
        if process.returncode:
            reason = _last_words(errors)
            raise CommandError(
                f"{place.name} could not be restored: {reason}. Remove what is there (DROP "
                f"DATABASE and CREATE DATABASE {place.name}), mend the reason, and try again.",
                f"无法恢复 {place.name}：{reason}。请清除已恢复的部分（对 {place.name} 执行 "
                "DROP DATABASE 与 CREATE DATABASE），排除原因后重试。",
            )


def require_programs(*names: tuple[str, str]) -> None:
    """Raise CommandError where one of the programs, each of either name, is missing."""
    for pair in names:
        _program(*pair)


def _program(*names: str) -> str:
    for name in names:
        if program := shutil.which(name):
            return program
    raise CommandError(
        f"The program {names[0]} is missing. Install the package {PACKAGE} (as root: apt-get "
        f"install {PACKAGE}; build.sh does so where it may).",
        f"缺少程序 {names[0]}。请安装软件包 {PACKAGE}（以 root 执行 apt-get install {PACKAGE}；"
        "build.sh 在允许时会自动安装）。",
    )


@contextmanager
def _client_file(place: DatabaseSettings) -> Iterator[Path]:
    """Write how the database is reached where only we can read it: not on a command line."""
    values = _where(place) | {"user": place.user, "password": place.password}
    values |= _tls(place.tls) if place.tls else {}
    with tempfile.TemporaryDirectory(prefix="pipeline-client-") as folder:
        path = Path(folder, "client.cnf")
        rows = [f'{name} = "{_escape(str(value))}"' for name, value in values.items()]
        write_private(path, "\n".join(["[client]", *rows, ""]))
        yield path


def _where(place: DatabaseSettings) -> dict[str, str]:
    """Return the address of the first server that is well; raises CommandError without one."""
    if place.unix_socket:
        return {"socket": place.unix_socket}
    with database_cursor(place) as cursor:
        connection = cursor.connection
        return {"host": connection.host, "port": str(connection.port), "protocol": "tcp"}


def _tls(tls: TlsSettings) -> dict[str, str]:
    ca = tls.ca or ssl.get_default_verify_paths().cafile or ""
    files = {"ssl-ca": ca, "ssl-cert": tls.cert, "ssl-key": tls.key}
    flags = {"ssl": "1", "ssl-verify-server-cert": "1" if tls.verify else "0"}
    return flags | {name: path for name, path in files.items() if path}


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _without_definer(row: bytes) -> bytes:
    """`/*!50003 CREATE*/ /*!50017 DEFINER=`u`@`h`*/ /*!50003 TRIGGER …` without its middle."""
    start = row.index(_DEFINER)
    return row[:start] + row[row.index(b"*/", start) + 2 :].lstrip()


def _last_words(errors: IO[bytes]) -> str:
    errors.seek(0)
    rows = errors.read().decode("utf-8", "replace").strip().splitlines()
    return rows[-1] if rows else "?"
