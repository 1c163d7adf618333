"""
The file of a backup: a tar archive, perhaps sealed, and a line with its checksum.

    <tar archive>  PIPELINE-BACKUP-1 sha256=<64 hex digits>\n

The archive holds `manifest.json`, the databases as compressed SQL in parts
(`pipeline.sql.gz.0000`, …), and files (`secrets/…`, `conf/…`, `archive/…`). Tools of every system
open one that is not sealed: `tar` takes no notice of what stands behind an archive's end, and the
parts of a database are one stream: `cat pipeline.sql.gz.* | gunzip`.
"""

import hashlib
import io
import os
import tarfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from app.backup.sealing import MAGIC, OpeningReader, SealingWriter
from app.runtime.terminal import CommandError

_MARK = b"PIPELINE-BACKUP-1 sha256="
_TRAILER_BYTES = len(_MARK) + 64 + 1
PART_BYTES = 8 * 2**20
_BLOCK_BYTES = 2**20
# As quick as the dump comes; the next levels take twice the time for a tenth less.
_COMPRESSION = 3


class BackupWriter:
    """Writes one backup to *out*; `close` ends it with its checksum."""

    def __init__(self, out: BinaryIO, key: bytes | None) -> None:
        self._file = _Hashing(out)
        self._sealer = SealingWriter(cast(BinaryIO, self._file), key) if key else None
        target = self._sealer or self._file
        self._tar = tarfile.open(mode="w|", fileobj=cast(Any, target), bufsize=_BLOCK_BYTES)  # noqa: SIM115

    @property
    def size(self) -> int:
        """How many bytes are written."""
        return self._file.size

    def add(self, name: str, data: bytes) -> None:
        """Add a member of the archive."""
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = len(data), 0o600, int(time.time())
        self._tar.addfile(member, io.BytesIO(data))

    def add_file(self, name: str, path: Path) -> None:
        """Add the file *path* as *name*."""
        with path.open("rb") as file:
            member = tarfile.TarInfo(name)
            member.size, member.mode = os.fstat(file.fileno()).st_size, 0o600
            member.mtime = int(path.stat().st_mtime)
            self._tar.addfile(member, file)

    def add_compressed(self, name: str, blocks: Iterator[bytes]) -> None:
        """Add *blocks* as one gzip stream in members `name.0000` and so on: how long it gets is
        not known before, and it need not fit into memory."""
        compressor = zlib.compressobj(_COMPRESSION, wbits=31)
        part, number = bytearray(), 0
        for block in blocks:
            part += compressor.compress(block)
            if len(part) >= PART_BYTES:
                self.add(f"{name}.{number:04}", bytes(part))
                part.clear()
                number += 1
        self.add(f"{name}.{number:04}", bytes(part + compressor.flush()))

    def close(self) -> None:
        """End the archive and write the checksum."""
        self._tar.close()
        if self._sealer:
            self._sealer.close()
        self._file.out.write(_MARK + self._file.hash.hexdigest().encode() + b"\n")


class _Hashing:
    """Passes on to *out* what is written to it, and hashes it."""

    def __init__(self, out: BinaryIO) -> None:
        self.out = out
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        self.size += len(data)
        return self.out.write(data)


def check_whole(path: Path) -> None:
    """Hold the file against its checksum; raises CommandError for one that is cut or damaged."""
    with _readable(path) as file:
        rest = os.fstat(file.fileno()).st_size - _TRAILER_BYTES
        checksum = hashlib.sha256()
        while rest > 0 and (block := file.read(min(rest, _BLOCK_BYTES))):
            checksum.update(block)
            rest -= len(block)
        trailer = file.read()
    if trailer != _MARK + checksum.hexdigest().encode() + b"\n":
        is_cut = not trailer.startswith(_MARK)
        raise CommandError(
            f"{path} is {'cut off, or no backup' if is_cut else 'damaged'}: its checksum does not "
            "hold. Nothing was changed; copy the file again, or take another backup.",
            f"{path} {'不完整，或不是备份文件' if is_cut else '已损坏'}：校验和不符。"
            "未作改动；请重新复制该文件，或改用其他备份。",
        )


@contextmanager
def members(path: Path, key: bytes | None) -> Iterator[Iterator[tuple[str, BinaryIO]]]:
    """Give the members of a whole backup in their order, each with a reader of what it holds;
    raises CommandError where the key is missing, or is another one."""
    with _readable(path) as file:
        size = os.fstat(file.fileno()).st_size - _TRAILER_BYTES
        source: Any = _Limited(file, size)
        if is_sealed(path):
            if key is None:
                raise CommandError(
                    f"{path} is encrypted. Name the key file that it was made with by --key-file.",
                    f"{path} 已加密，请用 --key-file 指定备份时使用的密钥文件。",
                )
            source.read(len(MAGIC))
            source = OpeningReader(source, key)
        try:
            with tarfile.open(mode="r|", fileobj=source, bufsize=_BLOCK_BYTES) as tar:
                yield _files(tar)
        except tarfile.TarError as exc:
            raise CommandError(
                f"{path} is no backup of this application: {exc}.",
                f"{path} 不是本应用的备份：{exc}。",
            ) from None


def is_sealed(path: Path) -> bool:
    """Return whether the backup is encrypted."""
    with _readable(path) as file:
        return file.read(len(MAGIC)) == MAGIC


def _files(tar: tarfile.TarFile) -> Iterator[tuple[str, BinaryIO]]:
    for member in tar:
        content = tar.extractfile(member)
        if content is not None:
            yield member.name, cast(BinaryIO, content)


class _Limited:
    """The first *size* bytes of *file*."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._rest = size

    def read(self, size: int) -> bytes:
        data = self._file.read(min(size, self._rest))
        self._rest -= len(data)
        return data


@contextmanager
def _readable(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as exc:
        raise CommandError(
            f"{path} cannot be read: {exc.strerror}.", f"无法读取 {path}：{exc.strerror}。"
        ) from None
    with file:
        yield file
