"""
The secrets that webhooks are signed with, sealed in the database (`app/base/sealing.py`).

They must be read to sign. The key stands in a file of this host (`webhook_key`; several hosts need
the same one).
"""

import base64
import secrets
from collections.abc import Sequence

from app.global_func import OtherKey, installation_secret, seal_secret, unseal_secret

__all__ = ["KEY", "PREFIX", "OtherKey", "new_secret", "seal", "unseal"]

# The file of the keys, among the secrets.
KEY = "webhook_key"
PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret as receivers are told it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def seal(secret: str, webhook_id: str, keys: Sequence[str] | None = None) -> str:
    """Return *secret* as it is stored for a webhook, sealed with the first of *keys*."""
    return seal_secret(secret, webhook_id, _present(keys))


def unseal(text: str, webhook_id: str, keys: Sequence[str] | None = None) -> str:
    """Return the secret in *text*, which one of *keys* has sealed; raises OtherKey."""
    return unseal_secret(text, webhook_id, _present(keys))


def _present(keys: Sequence[str] | None) -> Sequence[str]:
    return installation_secret(KEY).split() if keys is None else keys
