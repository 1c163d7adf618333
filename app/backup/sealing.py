"""
Encryption of a backup with a key file.

The key is made of the file by scrypt with a salt of the backup's own; the text goes in chunks of
1 MiB, each sealed by AES-256-GCM (the package `cryptography`). A chunk's nonce is its number and
whether it is the last one, so that none can be left out, moved or cut off unnoticed.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from app.runtime.terminal import CommandError

MAGIC = b"PIPELINE-SEALED1"
CHUNK_BYTES = 2**20
MIN_KEY_BYTES = 16
_TAG_BYTES = 16
_SALT_BYTES = 16
_NUMBER_BYTES = 11


def read_key(path: Path) -> bytes:
    """Return what the key file holds, without blanks around it; raises CommandError for one that
    is missing, short, or open to others."""
    try:
        key, mode = path.read_bytes().strip(), path.stat().st_mode
    except OSError as exc:
        raise CommandError(
            f"The key file {path} cannot be read: {exc.strerror}. Make one: "
            f"(umask 077; openssl rand -hex 32 > {path}), and keep a copy away from the backups.",
            f"无法读取密钥文件 {path}：{exc.strerror}。可这样生成："
            f"(umask 077; openssl rand -hex 32 > {path})，并在备份之外另存一份。",
        ) from None
    if len(key) < MIN_KEY_BYTES:
        raise CommandError(
            f"The key file {path} has fewer than {MIN_KEY_BYTES} characters. Make a long one: "
            f"openssl rand -hex 32 > {path}",
            f"密钥文件 {path} 不足 {MIN_KEY_BYTES} 个字符，请生成足够长的密钥："
            f"openssl rand -hex 32 > {path}",
        )
    if stat.S_IMODE(mode) & 0o077:
        raise CommandError(
            f"Others may read the key file {path}. Close it: chmod 600 {path}",
            f"其他用户可以读取密钥文件 {path}，请收紧权限：chmod 600 {path}",
        )
    return key


class SealingWriter:
    """Seals what is written to it and passes it on to *out*; `close` writes the last chunk, and
    leaves *out* open."""

    def __init__(self, out: BinaryIO, key: bytes) -> None:
        salt = os.urandom(_SALT_BYTES)
        out.write(MAGIC + salt)
        self._out = out
        self._box = _box(key, salt)
        self._rest = bytearray()
        self._number = 0

    def write(self, data: bytes) -> int:
        """Take *data*; a chunk goes out when it is certain that another one follows."""
        self._rest += data
        while len(self._rest) > CHUNK_BYTES:
            self._seal(bytes(self._rest[:CHUNK_BYTES]), is_last=False)
            del self._rest[:CHUNK_BYTES]
        return len(data)

    def close(self) -> None:
        """Write what is left as the last chunk."""
        self._seal(bytes(self._rest), is_last=True)
        self._rest.clear()

    def _seal(self, chunk: bytes, *, is_last: bool) -> None:
        self._out.write(self._box.encrypt(_nonce(self._number, is_last=is_last), chunk, None))
        self._number += 1


class OpeningReader:
    """Reads what a SealingWriter wrote to *source*, whose next bytes are the salt."""

    def __init__(self, source: BinaryIO, key: bytes) -> None:
        self._source = source
        self._box = _box(key, source.read(_SALT_BYTES))
        self._ahead = source.read(CHUNK_BYTES + _TAG_BYTES)
        self._rest = bytearray()
        self._number = 0

    def read(self, size: int) -> bytes:
        """Return up to *size* bytes, b"" at the end; raises CommandError for another key."""
        while len(self._rest) < size and self._ahead:
            sealed_chunk, self._ahead = self._ahead, self._source.read(CHUNK_BYTES + _TAG_BYTES)
            nonce = _nonce(self._number, is_last=not self._ahead)
            try:
                self._rest += self._box.decrypt(nonce, sealed_chunk, None)
            except InvalidTag:
                raise CommandError(
                    "The backup cannot be opened with this key. Nothing was changed; name the key "
                    "file that it was made with by --key-file.",
                    "此密钥无法打开该备份。未作改动；请用 --key-file 指定备份时使用的密钥文件。",
                ) from None
            self._number += 1
        data = bytes(self._rest[:size])
        del self._rest[:size]
        return data


def _box(key: bytes, salt: bytes) -> AESGCM:
    # Slow on purpose: a key file may hold a sentence that a person thought of.
    return AESGCM(Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(key))


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(_NUMBER_BYTES, "big") + (b"\1" if is_last else b"\0")
