"""
API keys: how they are made and how a mistyped one is told without asking the database.

A key is `ppk_` (of a sandbox `ppt_`), 43 characters base62 of 256 random bits, and 6 characters
base62 of the CRC-32 of what stands before. It is shown once and stored nowhere; the database has
its SHA-256.
"""

import hashlib
import re
import secrets
import zlib

START = "ppk_"
SANDBOX_START = "ppt_"
PREFIX_CHARACTERS = 12
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_CHARACTERS = 43  # 62**43 is just above 2**256
_CHECK_CHARACTERS = 6  # 62**6 is above 2**32
_FORM = re.compile(
    rf"(?:{START}|{SANDBOX_START})[0-9A-Za-z]{{{_RANDOM_CHARACTERS + _CHECK_CHARACTERS}}}"
)


def mint(*, sandbox: bool = False) -> str:
    """Make a new key, unguessable."""
    random = _base62(secrets.randbits(256), _RANDOM_CHARACTERS)
    start = (SANDBOX_START if sandbox else START) + random
    return start + _checksum(start)


def is_well_formed(key: str) -> bool:
    """Return whether *key* has the form of a key and its checksum is right."""
    if not _FORM.fullmatch(key):
        return False
    start, check = key[:-_CHECK_CHARACTERS], key[-_CHECK_CHARACTERS:]
    return check == _checksum(start)


def digest(key: str) -> str:
    """
    Return what the database keeps of a key: its SHA-256, in hex.

    A fast hash is right here: 256 random bits cannot be tried out, unlike a password.
    """
    return hashlib.sha256(key.encode()).hexdigest()


def prefix(key: str) -> str:
    """Return the first characters of a key, by which people recognise it; worthless to a thief."""
    return key[:PREFIX_CHARACTERS]


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CHECK_CHARACTERS)


def _base62(number: int, characters: int) -> str:
    digits = []
    for _ in range(characters):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
