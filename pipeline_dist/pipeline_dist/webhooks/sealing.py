"""
The secrets that webhooks are signed with, sealed in the database.

They must be read to sign, so a hash would not do. They are encrypted by AES-256-GCM with a key that
stands in a file of this host (`webhook_key`; several hosts need the same one), bound to their
webhook: a copy of the database alone signs nothing.

The file may have several keys, one a line. The first seals; those behind it, which it has replaced,
only open what they have sealed: so a rotation may be cut off anywhere, and an older backup be
restored.
"""

import base64
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.global_func import installation_secret

# The file of the keys, among the secrets.
KEY = "webhook_key"
PREFIX = "whsec_"
_SECRET_BYTES = 32
_NONCE_BYTES = 12


class OtherKey(Exception):
    """A secret was sealed with a key that this host does not have."""


def new_secret() -> str:
    """Return a new secret as receivers are told it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def seal(secret: str, webhook_id: str, keys: Sequence[str] | None = None) -> str:
    """Return *secret* as it is stored for a webhook, sealed with the first of *keys*."""
    cipher = _ciphers(keys)[0]
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed_bytes = cipher.encrypt(nonce, secret.encode(), webhook_id.encode())
    return base64.b64encode(nonce + sealed_bytes).decode()


def unseal(text: str, webhook_id: str, keys: Sequence[str] | None = None) -> str:
    """Return the secret in *text*, which one of *keys* has sealed; raises OtherKey."""
    content = base64.b64decode(text)
    nonce, sealed_bytes = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
    for cipher in _ciphers(keys):
        try:
            return cipher.decrypt(nonce, sealed_bytes, webhook_id.encode()).decode()
        except InvalidTag:
            continue
    raise OtherKey


def _ciphers(keys: Sequence[str] | None) -> list[AESGCM]:
    present_keys = installation_secret(KEY).split() if keys is None else keys
    return [AESGCM(bytes.fromhex(key)) for key in present_keys]
