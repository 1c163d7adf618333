"""
Who calls the distributor API: from the key in the header to the key's row and its distributor's.

Both are read for every request and what they say is not remembered, so that revoking, suspending
and closing work on the next request. Admission checks the key on the row it locks anyway: what a
worker knows of a key holds there only while no key of the distributor was changed since.
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
    SafeSqlor,
    get_row,
    lock_parent,
    now,
    read_address,
    read_network,
)
from pipeline_dist.accounts import keys
from pipeline_dist.accounts.api_key import ApiKey, Scope, words
from pipeline_dist.accounts.key_lookups import KEY_LOOKUPS, owned, read_key
from pipeline_dist.accounts.key_use import note_use
from pipeline_dist.accounts.rows import Distributor, distributor_of
from pipeline_dist.accounts.status import check_active
from pipeline_dist.errors import ADDRESS_UNKNOWN, INVALID_KEY, IP_NOT_ALLOWED, SCOPE_MISSING

log = logging.getLogger("pipeline.distributor_api")

# Whose key is whose, for the log of requests and for nothing else: what a key may do is looked up
# each time.
MAX_CODES = 10_000
_codes: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    What a request shows: a well-formed key, of which only the digest is kept, and from where.
    `scopes`: what it asks for needs one of them; None: any key will do.
    """

    digest: str
    key_prefix: str
    ip: str
    scopes: frozenset[Scope] | None = None

    @property
    def is_sandbox(self) -> bool:
        """Whether the key is one of the sandbox."""
        return self.key_prefix.startswith(keys.SANDBOX_START)


@dataclass(frozen=True)
class AuthenticatedDistributor:
    """The distributor that calls, with what is to be known of the key it used, and what it showed:
    who writes looks at that again where the distributor's row is locked."""

    distributor: Distributor
    key: ApiKey
    credentials: Credentials
    key_expires_at: datetime | None

    @property
    def key_prefix(self) -> str:
        """How the key begins."""
        return self.credentials.key_prefix

    @property
    def id(self) -> str:
        """The distributor's id."""
        return self.distributor.id


def read_credentials(request: AnyRequest, scopes: frozenset[Scope] | None = None) -> Credentials:
    """Read what *request*, which needs one of *scopes*, shows; raises NotSignedIn `invalid_key`
    when that cannot be a key."""
    key = _sent_key(request)
    if key is None or not keys.is_well_formed(key):
        raise _invalid_key()
    context = request[CONTEXT]
    context.key_prefix = keys.prefix(key)
    credentials = Credentials(keys.digest(key), context.key_prefix, context.client_ip, scopes)
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
    revoked or expired; Forbidden `distributor_suspended`, `ip_not_allowed`, `scope_missing`.
    """
    for values in await KEY_LOOKUPS.ask(credentials.digest):
        key, distributor = owned(values)
        if _matching_expiries(key, credentials.digest, to_end=to_end):
            _remember_code(credentials.digest, distributor.code)
            expiry = check_caller(distributor, key, credentials, to_end=to_end)
            return AuthenticatedDistributor(distributor, key, credentials, expiry)
    raise _invalid_key()


async def lock_caller(sor: SafeSqlor, caller: AuthenticatedDistributor) -> AuthenticatedDistributor:
    """
    Lock the row of the distributor who calls, before it changes something, and return the caller
    as it is then: its key may have been revoked while the lock was waited for. Raises as
    `authenticate` does.

    The row is written too, so that of two on two database nodes one is told of the other's.
    """
    if not await lock_parent(sor, "distributors", caller.id):
        raise _invalid_key()
    owner = distributor_of(await get_row(sor, "distributors", caller.id, lock=True))
    key: ApiKey | None = caller.key
    if caller.key.keys_no != owner.keys_no:
        rows = await read_key(sor, caller.credentials.digest)
        key = rows[0][0] if rows else None
    expiry = check_caller(owner, key, caller.credentials)
    assert key is not None  # none is refused
    return AuthenticatedDistributor(owner, key, caller.credentials, expiry)


def check_caller(
    distributor: Distributor, key: ApiKey | None, credentials: Credentials, *, to_end: bool = False
) -> datetime | None:
    """
    Raise what keeps the bearer of *credentials*, which *key* was found for, from acting for
    *distributor*: invalid_key, distributor_suspended, ip_not_allowed, scope_missing. Note that the
    key is used, and return when it expires.

    *to_end*: only a call is ended that was begun before, whose work has happened. Then the
    distributor may be suspended or closed, the key be expired, and the address any; a key that was
    revoked, or rotated away without grace, is none.
    """
    expiries = [] if key is None else _matching_expiries(key, credentials.digest, to_end=to_end)
    if key is None or not expiries or key.distributor_id != distributor.id:
        raise _invalid_key()
    if not to_end:
        check_active(distributor.status)
        for allowed_ips in (distributor.allowed_ips, key.allowed_ips):
            if not is_ip_allowed(allowed_ips, credentials.ip):
                raise _not_from(credentials.ip)
    needed = credentials.scopes
    if needed is not None and needed.isdisjoint(words(key.scopes)):
        raise SCOPE_MISSING(needed=" or ".join(sorted(needed)), extra={"scopes": sorted(needed)})
    note_use(key.id, credentials.ip)
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


def _matching_expiries(key: ApiKey, digest: str, *, to_end: bool = False) -> list[datetime | None]:
    """Return when the key with this digest expires; nothing if it is neither the present one nor
    the one before, or (unless a call is ended with it) not valid any more."""
    moment = now()
    return [
        expiry
        for key_hash, expiry in _hashes(key)
        if hmac.compare_digest(key_hash or "", digest)
        and (to_end or expiry is None or expiry > moment)
    ]


def _hashes(key: ApiKey) -> list[tuple[str | None, datetime | None]]:
    """Return the key's hashes, each with its end; the one before only where it has one."""
    hashes = [(key.hash, key.expires_at)]
    if key.previous_expires_at is not None:
        hashes.append((key.previous_hash, key.previous_expires_at))
    return hashes


def _invalid_key() -> AppError:
    return INVALID_KEY(headers={"WWW-Authenticate": "Bearer"})
