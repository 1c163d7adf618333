"""Files that nobody but their owner may read."""

import os
import secrets
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write *text* to *path* with mode 0600, replacing an older file in one step."""
    private_draft(path, text).replace(path)


def private_draft(path: Path, text: str) -> Path:
    """Write *text* with mode 0600 beside *path*, under a name of its own, and return where."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return draft
