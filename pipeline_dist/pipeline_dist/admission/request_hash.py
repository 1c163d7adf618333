"""
By what the same request is told from another one under the same idempotency key.

What a request means is compared, not how it was spelled: the order of members, null and absent,
a default spelled out, 1 and 1.0 and "1" make no difference. Only members that say something are
hashed, so that one that is added some day leaves the hashes of all requests without it as they
are. Rows that were written before this rule have the hash of the body as it was sent; they are
held against the body of the repetition, as then.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from app.global_func import canonical_bytes, canonical_json
from pipeline_ops.rules.usage_lines import UsageLine

# In front of every hash of typed values. No hash of a body has a t; and there is nothing in it that
# a statement has to escape.
_TYPED = "t1"
_LENGTH = 64


class RequestHash(str):
    """The hash of what a request means, with the body as it was sent beside it."""

    __slots__ = ("body",)
    body: Mapping[str, Any]


def request_hash(meaning: Mapping[str, Any], body: Mapping[str, Any]) -> RequestHash:
    """Return the hash of a request's typed values, 64 characters; those that are None do not
    count."""
    members = {name: value for name, value in meaning.items() if value is not None}
    digest = hashlib.sha256(canonical_bytes(members)).hexdigest()
    result = RequestHash((_TYPED + digest)[:_LENGTH])
    result.body = body
    return result


def lines_to_hash(lines: Iterable[UsageLine]) -> list[tuple[Any, ...]]:
    """Lines as `request_hash` takes them."""
    return [(line.step_key, line.model, line.unit, line.quantity) for line in lines]


def is_same_request(first_hash: str | None, new_hash: str) -> bool:
    """Return whether a request of hash *new_hash* is the one that was *first_hash*."""
    if first_hash == new_hash:
        return True
    if first_hash is None or first_hash.startswith(_TYPED) or not isinstance(new_hash, RequestHash):
        return False
    return first_hash == _body_hash(new_hash.body)


def _body_hash(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(body).encode("utf-8", "surrogatepass")).hexdigest()
