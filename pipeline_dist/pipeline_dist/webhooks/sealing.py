"""
The secrets that webhooks are signed with, sealed in the database.

They must be read to sign, so a hash would not do. They are encrypted by AES-256-GCM with a key that
stands in a file of this host (`webhook_key`; several hosts need the same one), bound to their
webhook: a copy of the database alone signs nothing.
"""

import base64
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.global_func import installation_secret

PREFIX = "whsec_"
_SECRET_BYTES = 32
_NONCE_BYTES = 12


class OtherKey(Exception):
    """A secret was sealed with the key of another host."""


def new_secret() -> str:
    """Return a new secret as receivers are told it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def seal(secret: str, webhook_id: str) -> str:
    """Return *secret* as it is stored for a webhook."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed_bytes = _cipher().encrypt(nonce, secret.encode(), webhook_id.encode())
    return base64.b64encode(nonce + sealed_bytes).decode()


def unseal(text: str, webhook_id: str) -> str:
    """Return the secret in *text*; raises OtherKey."""
    content = base64.b64decode(text)
    try:
        return (
            _cipher()
            .decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], webhook_id.encode())
            .decode()
        )
    except InvalidTag:
        raise OtherKey from None


def _cipher() -> AESGCM:
    return AESGCM(bytes.fromhex(installation_secret("webhook_key")))
