"""The logs of the workers, as lines, and what must never stand in them."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.runtime.processes import wait_until
from tests.support.installation import PASSWORDS, Installation

# Whatever is written as a key of a distributor, or as the cookie of a session.
_MADE_BY_US = re.compile(r"ppk_[0-9A-Za-z]{40,}|[0-9a-f]{64}|[A-Za-z0-9_-]{43,}\.[0-9a-f]{32,}")


def lines_of(server: Installation, **about: Any) -> list[dict[str, Any]]:
    """The lines that have these members."""
    records = [json.loads(text) for text in server.logs().split("\n") if text.startswith("{")]
    return [
        record
        for record in records
        if all(record.get(name) == value for name, value in about.items())
    ]


def request_line(server: Installation, request_id: str) -> dict[str, Any]:
    """The one line of a request, which is written a moment after its answer."""
    about = {"action": "request", "request_id": request_id}
    assert wait_until(lambda: bool(lines_of(server, **about)), 30), request_id
    (record,) = lines_of(server, **about)
    return record


def secrets_of(var_dir: Path) -> dict[str, str]:
    """Every secret that an installation of the tests has in its run-time folder, by its name."""
    words = {file.name: file.read_text().strip() for file in (var_dir / "secrets").glob("*")}
    for name in ("connection.json", "admin.json"):
        file = var_dir / "database" / name
        if file.exists():
            words[name] = json.loads(file.read_text())["password"]
    words |= {f"password of {name}": word for name, word in PASSWORDS.items()}
    return {name: word for name, word in words.items() if word}


def secrets_in_logs(var_dir: Path, more: Iterable[str] = ()) -> list[str]:
    """What stands in a log of the installation in *var_dir* and must not: the names of its secrets,
    the words of *more*, and whatever looks like a key."""
    secrets = secrets_of(var_dir) | {word: word for word in more}
    findings = []
    for file in _files(var_dir / "logs"):
        text = file.read_text("utf-8", "replace")
        findings += [f"{file.name}: {name}" for name, word in secrets.items() if word in text]
        findings += [f"{file.name}: {match[0]}" for match in _MADE_BY_US.finditer(text)]
    return findings


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*.log*") if file.is_file())
