"""Webhooks: is it really the system that sends, and is it new? As Standard Webhooks says."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from pipeline_client.problems import PipelineError

TOLERANCE_SECONDS = 300
SECRET_PREFIX = "whsec_"


class WebhookError(PipelineError):
    """The message is not one that the system has sent just now: answer 400 and do nothing."""


class Webhook:
    """What checks messages with one secret, or with several while one replaces another."""

    def __init__(self, *secrets: str) -> None:
        """*secrets*: as they were shown, `whsec_…`; raises ValueError for what is none."""
        if not secrets:
            raise ValueError("give the webhook's secret")
        self._keys = [_key(secret) for secret in secrets]

    def verify(
        self, content: bytes, headers: Mapping[str, str], *, now: float | None = None
    ) -> Any:
        """
        Return what the message says. *content* is the body as it came, byte for byte. Raises
        WebhookError. A message may come twice: keep `webhook-id` to tell.
        """
        by_name = {name.lower(): value for name, value in headers.items()}
        try:
            message_id, signatures = by_name["webhook-id"], by_name["webhook-signature"]
            timestamp = by_name["webhook-timestamp"]
            moment = int(timestamp)
        except KeyError as exc:
            raise WebhookError(f"the header {exc.args[0]} is missing") from None
        except ValueError:
            raise WebhookError("webhook-timestamp is no time") from None
        age = (time.time() if now is None else now) - moment
        if abs(age) > TOLERANCE_SECONDS:
            raise WebhookError("the message is too old, or this computer's clock is wrong")
        signed = b".".join([message_id.encode(), timestamp.encode(), content])
        if not _is_signed(signed, signatures.split(" "), self._keys):
            raise WebhookError("no signature fits: another secret, or a message that was changed")
        try:
            return json.loads(content, parse_float=Decimal)
        except ValueError:
            raise WebhookError("the message is no JSON") from None


def sign(secret: str, message_id: str, timestamp: int, content: bytes) -> str:
    """Return the value of `webhook-signature`, as the system makes it; for your own tests."""
    signed = b".".join([message_id.encode(), str(timestamp).encode(), content])
    return f"v1,{base64.b64encode(_mac(_key(secret), signed)).decode()}"


def _is_signed(signed: bytes, signatures: Iterable[str], keys: Iterable[bytes]) -> bool:
    macs = [_mac(key, signed) for key in keys]
    is_one = False
    for signature in signatures:
        version, _, text = signature.partition(",")
        if version != "v1":
            continue
        try:
            value = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        for mac in macs:  # all of them, whichever it was
            is_one |= hmac.compare_digest(mac, value)
    return is_one


def _mac(key: bytes, signed: bytes) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).digest()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the secret is not one: it begins with whsec_") from None
