"""The ledger of the code of before (`old_ledger.py`) in a database of this code's, and migrated."""

import gzip
import json
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

from app.base.settings import ROOT
from tests.support.installation import Installation
from tests.support.old_ledger import LEFT_OUT, MovedInstallation, Teller, key_of

FOLDER = ROOT / "tests/data/old_ledger"
# The same story as the code told it that knew nothing of rooms, rules of input and money over time.
OLDER_FOLDER = ROOT / "tests/data/older_ledger"


def _bytes(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else gzip.decompress(Path(f"{file}.gz").read_bytes())


def old_answers(folder: Path = FOLDER) -> dict[str, Any]:
    """What the code of before answered: `moment`, and `distributors` by code."""
    answers: dict[str, Any] = json.loads(_bytes(folder / "answers.json"))
    return answers


def load(installation: Installation, file: Path = FOLDER / "pipeline.sql") -> None:
    """Put a dump in the place of the database, as an operator would restore it."""
    admin = installation.mariadb.admin_connection()
    assert admin is not None, "the database was never started"
    with admin.open(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("drop database if exists pipeline")
    installation.mariadb.start()  # makes the database again
    place = installation.mariadb.connection()
    assert place is not None
    subprocess.run(
        ["mariadb", "--no-defaults", f"--socket={place.unix_socket}", "-u", place.user, "pipeline"],
        input=_bytes(file), check=True, env={"MYSQL_PWD": place.password},
    )  # fmt: skip


def old_installation(database: Installation, folder: Path = FOLDER) -> MovedInstallation:
    """An installation on *database*'s server with the ledger of before, not migrated, at the moment
    when it was dumped."""
    moment = datetime.fromisoformat(old_answers(folder)["moment"])
    installation = MovedInstallation(database.var_dir, moment)
    load(installation, folder / "pipeline.sql")
    return installation


def take_keys(teller: Teller) -> None:
    """Let the distributors ask with the keys that the dump has."""
    for code in old_answers()["distributors"]:
        teller.take_key(code, key_of(code, 2 if code == "north" else 1))


def rows_of(installation: Installation, table: str) -> list[dict[str, Any]]:
    """All rows of a table by their first column."""
    return installation.query(f"select * from `{table}` order by 1")


def state(installation: Installation) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, apart from when and how they were brought to the models."""
    tables = {
        name: rows_of(installation, name)
        for row in installation.query("show full tables where table_type = 'BASE TABLE'")
        if (name := next(iter(row.values()))) not in (*LEFT_OUT, "app_schema")
    }
    for row in tables["app_migration"]:
        del row["applied_at"]
    # The database gives the first key of each distributor an id, each time another.
    if "app_key" in tables:
        keys = sorted(tables["app_key"], key=lambda row: str(row["distributor_id"]))
        tables["app_key"] = [{**row, "id": None} for row in keys]
    return tables
