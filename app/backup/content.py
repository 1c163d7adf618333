"""What stands in a backup, and putting it where it belongs."""

import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from app.backup import clients
from app.backup.container import members
from app.backup.folders import file_digest
from app.base.settings import DatabaseSettings
from app.runtime.terminal import CommandError

MANIFEST = "manifest.json"
FORMAT = 1
_SQL = ".sql.gz."
_BLOCK_BYTES = 2**20


@dataclass(slots=True)
class Content:
    """The manifest of a backup and the SHA-256 of each of its files by its name."""

    manifest: dict[str, Any]
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def databases(self) -> dict[str, dict[str, Any]]:
        """Name, server and size of the databases that are in it: `pipeline`, perhaps `sage`."""
        databases: dict[str, dict[str, Any]] = self.manifest["databases"]
        return databases


def read_content(path: Path, key: bytes | None) -> Content:
    """Read the backup through and return what stands in it; raises CommandError for another key,
    or a format of a later version."""
    with members(path, key) as parts:
        name, file = next(parts, (None, None))
        manifest = _manifest(file) if name == MANIFEST and file is not None else None
        if manifest is None or manifest.get("format") != FORMAT:
            raise CommandError(
                f"{path} is of another format than this version reads. Restore it with the "
                "version of the application that made it.",
                f"{path} 的格式与当前版本不符，请用生成该备份的版本恢复。",
            )
        content = Content(manifest)
        for name, file in parts:
            digest = hashlib.sha256()
            for block in _blocks(file):
                digest.update(block)
            if _SQL not in name:
                content.digests[name] = digest.hexdigest()
    return content


def load_database(
    path: Path,
    key: bytes | None,
    name: str,
    place: DatabaseSettings,
    tell: Callable[[str, int], None],
) -> None:
    """Run the SQL of the backup's database *name* in *place*; *tell* gets the name and how many
    bytes of its statements are done."""
    with members(path, key) as parts:
        streams = (file for member, file in parts if member.startswith(name + _SQL))
        clients.load(place, _statements(name, streams, tell))


def write_files(path: Path, key: bytes | None, targets: dict[str, Path]) -> None:
    """Write the members that *targets* names to their files, mode 0600, where they are not there
    yet; raises OSError."""
    with members(path, key) as parts:
        for name, file in parts:
            target = targets.get(name)
            if target is not None and not target.exists():
                _write(target, file)


def other_files(content: Content, targets: dict[str, Path]) -> list[Path]:
    """Return the files that are there already with something else in them."""
    return [
        target
        for name, target in targets.items()
        if target.exists() and file_digest(target) != content.digests[name]
    ]


def _manifest(file: BinaryIO) -> dict[str, Any] | None:
    try:
        manifest = json.loads(file.read())
    except ValueError:
        return None
    return manifest if isinstance(manifest, dict) else None


def _statements(
    name: str, streams: Iterator[BinaryIO], tell: Callable[[str, int], None]
) -> Iterator[bytes]:
    size = 0
    decompressor = zlib.decompressobj(wbits=31)
    for file in streams:
        for block in _blocks(file):
            text = decompressor.decompress(block)
            size += len(text)
            tell(name, size)
            yield text
    yield decompressor.flush()


def _write(target: Path, file: BinaryIO) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.draft")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        for block in _blocks(file):
            out.write(block)
        out.flush()
        os.fsync(out.fileno())
    draft.rename(target)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK_BYTES):
        yield block
