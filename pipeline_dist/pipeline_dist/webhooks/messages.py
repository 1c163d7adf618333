"""One message of a webhook: its body, its signed headers, and the answer to it."""

import asyncio
import errno
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from urllib.parse import urlsplit

import aiohttp
from standardwebhooks.webhooks import Webhook as Signer

from app.global_func import log_failure, now, to_json
from pipeline_dist.webhooks.addresses import (
    AddressBook,
    NameUnknown,
    NoNameserver,
    PrivateAddress,
    PublicResolver,
    check_host,
    has_way_to,
)
from pipeline_dist.webhooks.rows import MAX_ANSWER

log = logging.getLogger("pipeline_dist.webhooks")

TIMEOUT_SECONDS = 10
# Of an answer no more is read; the rest is not waited for.
_READ_BYTES = 2000
# More than this a receiver may not put the next try off.
MAX_RETRY_AFTER = 6 * 3600
_ASKS_TO_WAIT = (429, 503)
# What this host lacks for a connection: files, ports, memory, its network.
_OWN_ERRORS = frozenset(
    {
        errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENETDOWN,
        errno.EADDRNOTAVAIL,
    }
)  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: `id` is the same each time that an event is sent by a webhook."""

    id: str
    body: Mapping[str, object]

    def text(self) -> str:
        """Return the body as it is signed and sent."""
        return to_json(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: an HTTP status, or what went wrong; after how long. `is_unsent`: this host
    could not even ask, by no fault of the receiver."""

    http_status: int | None
    text: str
    error: str | None
    duration_ms: int
    retry_after: int | None = None
    is_unsent: bool = False

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver has it."""
        return self.http_status is not None and 200 <= self.http_status < 300


def open_session(book: AddressBook) -> aiohttp.ClientSession:
    """Return what messages are sent by: to allowed addresses alone, without proxy, cookies or
    redirects."""
    resolver = PublicResolver(book)
    connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, limit=64)
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def signed_headers(message: Message, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """Return the headers of Standard Webhooks, with a signature by each of *secrets*."""
    text = message.text()
    signatures = [Signer(secret).sign(message.id, at, text) for secret in secrets]
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Pipeline-App-Webhooks",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


async def send(
    session: aiohttp.ClientSession, url: str, message: Message, secrets: Sequence[str]
) -> Answer:
    """Send *message* to *url*; what came of it, whatever that is."""
    begin = monotonic()

    def answer(status: int | None, text: str, error: str | None, wait: int | None = None) -> Answer:
        duration = round((monotonic() - begin) * 1000)
        return Answer(status, text, error, duration, wait)

    # Receivers hold the signature's time against their clocks.
    headers = signed_headers(message, secrets, datetime.now(UTC))
    body = message.text().encode()
    try:
        check_host(url)
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            text = await _beginning(response)
            wait = _retry_after(response)
            response.close()
            error = None if 200 <= response.status < 300 else f"HTTP {response.status}"
            return answer(response.status, text, error, wait)
    except TimeoutError:
        return answer(None, "", f"no answer within {TIMEOUT_SECONDS} s")
    except (aiohttp.ClientError, OSError, ValueError) as exc:
        return replace(answer(None, "", _reason(exc)), is_unsent=_is_own_failure(exc, url))
    except Exception as exc:  # noqa: BLE001  whatever an answer does to us, it is no delivery
        log_failure(log, "webhook_failed", f"sending {message.id} failed", exc)
        return answer(None, "", _reason(exc))


def _reason(exc: BaseException) -> str:
    """Return what went wrong, for the distributor."""
    if _is_caused_by(exc, PrivateAddress):
        return "the address is not public"
    if _is_caused_by(exc, NoNameserver):
        return "not sent: the nameservers of the sending host do not answer"
    if _is_caused_by(exc, NameUnknown):
        return str(_cause(exc))[:255]
    return f"{type(exc).__name__}: {exc}"[:255]


def _is_own_failure(exc: BaseException, url: str) -> bool:
    """Return whether this host is to blame: its nameservers, its network, or its own limits."""
    number = getattr(_cause(exc), "errno", None)
    # What every address of IPv6 comes to on a host that has none: names lose theirs then, and who
    # gives one itself has to know.
    if number == errno.EADDRNOTAVAIL and not has_way_to(urlsplit(url).hostname or ""):
        return False
    return number in _OWN_ERRORS or _is_caused_by(exc, NoNameserver)


def _is_caused_by(exc: BaseException, kind: type[OSError]) -> bool:
    return isinstance(exc, kind) or isinstance(_cause(exc), kind)


def _cause(exc: BaseException) -> BaseException:
    if isinstance(exc, aiohttp.ClientConnectorError):
        return exc.os_error
    return exc.__cause__ or exc


async def _beginning(response: aiohttp.ClientResponse) -> str:
    content = b""
    while len(content) < _READ_BYTES:
        chunk = await response.content.read(_READ_BYTES - len(content))
        if not chunk:
            break
        content += chunk
    return _CONTROL.sub(" ", content.decode("utf-8", "replace"))[:MAX_ANSWER]


def _retry_after(response: aiohttp.ClientResponse) -> int | None:
    """Return for how many seconds the receiver asks to be left alone, within reason."""
    text = response.headers.get("Retry-After", "").strip()
    if response.status not in _ASKS_TO_WAIT or not text:
        return None
    if text.isascii() and text.isdecimal():
        seconds = float(text[:9])
    else:
        try:
            seconds = (parsedate_to_datetime(text).astimezone(UTC) - now()).total_seconds()
        except (ValueError, OverflowError):  # no time, or none of our calendar
            return None
    return int(min(max(seconds, 0), MAX_RETRY_AFTER))


async def close_session(session: aiohttp.ClientSession) -> None:
    """End the connections of a session."""
    await session.close()
    await asyncio.sleep(0)
