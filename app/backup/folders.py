"""The files that belong to an installation beside its databases."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from app.base.config_file import config_files
from app.base.settings import ROOT, Settings
from app.runtime.terminal import CommandError

SECRETS, CONF, ARCHIVE = "secrets", "conf", "archive"


def own_files(config: Settings, archive: Path | None) -> Iterator[tuple[str, Path]]:
    """
    Yield the files of a backup with their names in it: secrets, configuration, *archive*.

    To be asked for after the databases were dumped: the archive's files are there before the
    database names them, and are never taken away.
    """
    yield from _below(SECRETS, config.var_dir / "secrets")
    for path in config_files(os.environ, ROOT):
        if path.is_file():
            yield f"{CONF}/{path.name}", path
    if archive is not None:
        yield from _below(ARCHIVE, archive)


def _below(name: str, folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        # What begins with a dot is a draft that somebody writes.
        if path.is_file() and not path.name.startswith("."):
            yield f"{name}/{path.relative_to(folder).as_posix()}", path


def target_of(name: str, config: Settings, archive: Path) -> Path:
    """
    Return where the member *name* of a backup belongs; raises CommandError for a name that leads
    out of its folder.

    A configuration goes to `<var>/restored`: the one in use says where to restore to.
    """
    top, _, rest = name.partition("/")
    folders = {
        SECRETS: config.var_dir / "secrets",
        CONF: config.var_dir / "restored",
        ARCHIVE: archive,
    }
    parts = Path(rest).parts
    if top not in folders or not parts or ".." in parts or Path(rest).is_absolute():
        raise CommandError(
            f"The backup holds {name!r}, which is no file of this application. Nothing was "
            "changed; take another backup.",
            f"备份中有 {name!r}，不属于本应用。未作改动，请改用其他备份。",
        )
    return folders[top].joinpath(*parts)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
