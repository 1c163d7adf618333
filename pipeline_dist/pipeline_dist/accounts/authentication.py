"""
Who calls the distributor API: from the key in the header to the distributor's row.

The row is read for every request and what it says is not remembered, so that revoking, suspending
and closing work on the next request. Admission checks the key on the row it locks anyway.
"""

import hmac
import logging
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from app.global_func import (
    CONTEXT,
    UNKNOWN_ADDRESS,
    AnyRequest,
    AppError,
    Network,
    now,
    read_address,
    read_network,
)
from pipeline_dist.accounts import keys
from pipeline_dist.accounts.key_lookups import KEY_LOOKUPS
from pipeline_dist.accounts.rows import Distributor
from pipeline_dist.accounts.status import check_active
from pipeline_dist.errors import ADDRESS_UNKNOWN, INVALID_KEY, IP_NOT_ALLOWED

log = logging.getLogger("pipeline.distributor_api")

# Whose key is whose, for the log of requests and for nothing else: what a key may do is looked up
# each time.
MAX_CODES = 10_000
_codes: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows: a well-formed key, of which only the digest is kept, and from where."""

    digest: str
    key_prefix: str
    ip: str


@dataclass(frozen=True)
class AuthenticatedDistributor:
    """The distributor that calls, with what is to be known of the key it used."""

    distributor: Distributor
    key_prefix: str
    key_expires_at: datetime | None

    @property
    def id(self) -> str:
        """The distributor's id."""
        return self.distributor.id


def read_credentials(request: AnyRequest) -> Credentials:
    """Read what *request* shows; raises NotSignedIn `invalid_key` when that cannot be a key."""
    key = _sent_key(request)
    if key is None or not keys.is_well_formed(key):
        raise _invalid_key()
    context = request[CONTEXT]
    context.key_prefix = keys.prefix(key)
    credentials = Credentials(keys.digest(key), context.key_prefix, context.client_ip)
    note_distributor(request, credentials)
    return credentials


def note_distributor(request: AnyRequest, credentials: Credentials) -> None:
    """Let the log of *request* name the distributor, as far as it is known by now."""
    request[CONTEXT].distributor = _codes.get(credentials.digest)


async def authenticate(
    credentials: Credentials, *, to_end: bool = False
) -> AuthenticatedDistributor:
    """
    Return the caller that *credentials* belongs to; *to_end*: for the end of a call.

    Raises NotSignedIn `invalid_key`, the same for a key that is missing, malformed, unknown,
    revoked or expired; Forbidden `distributor_suspended`, `ip_not_allowed`.
    """
    for values in await KEY_LOOKUPS.ask(credentials.digest):
        row = Distributor(*values)
        if _matching_expiries(row, credentials.digest, to_end=to_end):
            _remember_code(credentials.digest, row.code)
            return AuthenticatedDistributor(
                row, credentials.key_prefix, check_caller(row, credentials, to_end=to_end)
            )
    raise _invalid_key()


def check_caller(
    distributor: Distributor, credentials: Credentials, *, to_end: bool = False
) -> datetime | None:
    """
    Raise what keeps the bearer of *credentials* from acting for *distributor*: invalid_key,
    distributor_suspended, ip_not_allowed. Return when the key expires.

    *to_end*: only a call is ended that was begun before, whose work has happened. Then the
    distributor may be suspended or closed, the key be expired, and the address any; a key that was
    revoked, or rotated away without grace, is none.
    """
    expiries = _matching_expiries(distributor, credentials.digest, to_end=to_end)
    if not expiries:
        raise _invalid_key()
    if to_end:
        return expiries[0]
    check_active(distributor.status)
    if not is_ip_allowed(distributor.allowed_ips, credentials.ip):
        raise _not_from(credentials.ip)
    return expiries[0]


def _remember_code(digest: str, code: str) -> None:
    _codes[digest] = code
    if len(_codes) > MAX_CODES:
        del _codes[next(iter(_codes))]


def _not_from(ip: str) -> AppError:
    if ip == UNKNOWN_ADDRESS:
        return ADDRESS_UNKNOWN()
    return IP_NOT_ALLOWED(ip=ip)


def is_ip_allowed(allowed_ips: str | None, ip: str) -> bool:
    """Return whether *ip* lies in one of the networks of the column; any does where it has none."""
    if not _entries(allowed_ips):
        return True
    address = read_address(ip)
    if address is None:
        return False
    return any(address in network for network in allowed_networks(allowed_ips))


@lru_cache(maxsize=1000)
def allowed_networks(allowed_ips: str | None) -> tuple[Network, ...]:
    """Return the networks of the column; what is no network there lets nobody in."""
    networks = []
    for part in _entries(allowed_ips):
        try:
            networks.append(read_network(part))
        except ValueError:
            log.warning("%r is no network; it lets nobody in", part[:60])
    return tuple(networks)


def _entries(allowed_ips: str | None) -> list[str]:
    # The application writes commas; rows that others wrote may have blanks or a JSON list.
    return re.findall(r'[^,\s\[\]"]+', allowed_ips or "")


def _sent_key(request: AnyRequest) -> str | None:
    """Return the one key of the request; None when there is none, or two that differ."""
    candidates = {value.strip() for value in request.headers.getall("X-API-Key", [])}
    for header in request.headers.getall("Authorization", []):
        scheme, _, value = header.strip().partition(" ")
        if scheme.lower() == "bearer":
            candidates.add(value.strip())
    # Programs send the header of a key that they were not given: that is as none.
    candidates.discard("")
    return candidates.pop() if len(candidates) == 1 else None


def _matching_expiries(
    row: Distributor, digest: str, *, to_end: bool = False
) -> list[datetime | None]:
    """Return when the key with this digest expires; nothing if it is none of the row's keys, or
    (unless a call is ended with it) not valid any more."""
    moment = now()
    return [
        expiry
        for key_hash, expiry in _keys(row)
        if hmac.compare_digest(key_hash or "", digest)
        and (to_end or expiry is None or expiry > moment)
    ]


def _keys(row: Distributor) -> list[tuple[str | None, datetime | None]]:
    """Return the hashes of the row's keys, each with its end; the one before only where it has
    one."""
    keys = [(row.api_key_hash, row.api_key_expires_at)]
    if row.previous_key_expires_at is not None:
        keys.append((row.previous_key_hash, row.previous_key_expires_at))
    return keys


def _invalid_key() -> AppError:
    return INVALID_KEY(headers={"WWW-Authenticate": "Bearer"})
