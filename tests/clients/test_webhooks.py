"""Webhooks are verified as Standard Webhooks says."""

import base64
import json
import time

import pytest

from pipeline_client import Webhook, WebhookError
from pipeline_client.webhooks import sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another secret of 24 byte").decode()
# The example of the specification's own libraries.
ID, MOMENT = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
CONTENT = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers(signature: str = SIGNATURE, *, moment: int = MOMENT) -> dict[str, str]:
    return {
        "Webhook-Id": ID, "Webhook-Timestamp": str(moment), "Webhook-Signature": signature,
    }  # fmt: skip


def test_the_example_of_the_specification() -> None:
    assert sign(SECRET, ID, MOMENT, CONTENT) == SIGNATURE
    assert Webhook(SECRET).verify(CONTENT, headers(), now=MOMENT + 299) == json.loads(CONTENT)


def test_a_message_of_now() -> None:
    moment = int(time.time())
    signature = sign(SECRET, ID, moment, CONTENT)

    assert Webhook(SECRET).verify(CONTENT, headers(signature, moment=moment))


@pytest.mark.parametrize(
    "signature",
    [f"v1,bm90IHRoaXM= {SIGNATURE}", f"v1a,{SIGNATURE[3:]} {SIGNATURE}", f"v1,! {SIGNATURE}"],
)
def test_one_of_several_signatures_is_enough(signature: str) -> None:
    Webhook(SECRET).verify(CONTENT, headers(signature), now=MOMENT)


def test_two_secrets_while_one_replaces_the_other() -> None:
    Webhook(OTHER, SECRET).verify(CONTENT, headers(), now=MOMENT)


@pytest.mark.parametrize(
    ("content", "signature", "now"),
    [
        pytest.param(CONTENT + b" ", SIGNATURE, MOMENT, id="another body"),
        pytest.param(CONTENT, sign(OTHER, ID, MOMENT, CONTENT), MOMENT, id="another secret"),
        pytest.param(CONTENT, f"v1a,{SIGNATURE[3:]}", MOMENT, id="another version"),
        pytest.param(CONTENT, "", MOMENT, id="none"),
        pytest.param(CONTENT, "v1,", MOMENT, id="an empty one"),
        pytest.param(CONTENT, SIGNATURE, MOMENT + 301, id="too old"),
        pytest.param(CONTENT, SIGNATURE, MOMENT - 301, id="of the future"),
    ],
)
def test_what_is_not_refused(content: bytes, signature: str, now: int) -> None:
    with pytest.raises(WebhookError):
        Webhook(SECRET).verify(content, headers(signature), now=now)


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_every_header_is_needed(name: str) -> None:
    some_headers = {key: value for key, value in headers().items() if key != name}

    with pytest.raises(WebhookError, match=name.lower()):
        Webhook(SECRET).verify(CONTENT, some_headers, now=MOMENT)


@pytest.mark.parametrize("secret", ["whsec_not base64!", "wh"])
def test_a_secret_that_is_none(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        Webhook(secret)


def test_no_secret() -> None:
    with pytest.raises(ValueError, match="secret"):
        Webhook()
