"""
Secrets that must be read again, sealed for the database: a hash would not do.

They are encrypted by AES-256-GCM with a key that stands in a file of this host, bound to whose they
are: a copy of the database alone opens nothing, and none opens in another's place. Several hosts
need the same file.

The file may have several keys, one a line. The first seals; those behind it, which it has replaced,
only open what they have sealed: so a rotation may be cut off anywhere, and an older backup be
restored.
"""

import base64
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class OtherKey(Exception):
    """A secret was sealed with a key that this host does not have."""


def seal(secret: str, owner: str, keys: Sequence[str]) -> str:
    """Return *secret* as it is stored for *owner* (an id), sealed with the first of *keys*."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed_bytes = _cipher(keys[0]).encrypt(nonce, secret.encode(), owner.encode())
    return base64.b64encode(nonce + sealed_bytes).decode()


def unseal(text: str, owner: str, keys: Sequence[str]) -> str:
    """Return the secret in *text*, which one of *keys* has sealed for *owner*; raises OtherKey."""
    content = base64.b64decode(text)
    nonce, sealed_bytes = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
    for key in keys:
        try:
            return _cipher(key).decrypt(nonce, sealed_bytes, owner.encode()).decode()
        except InvalidTag:
            continue
    raise OtherKey


def opens(text: str, owner: str, keys: Sequence[str]) -> bool:
    """Return whether one of *keys* has sealed *text* for *owner*."""
    try:
        unseal(text, owner, keys)
    except OtherKey:
        return False
    return True


def resealed(text: str | None, owner: str, keys: Sequence[str]) -> str | None:
    """Return *text* sealed with the first of *keys*; as it is where it is so already, or where none
    of them opens it."""
    if text is None or opens(text, owner, keys[:1]) or not opens(text, owner, keys):
        return text
    return seal(unseal(text, owner, keys), owner, keys)


def _cipher(key: str) -> AESGCM:
    return AESGCM(bytes.fromhex(key))
