"""Whose key it is, and what it may do; a key that is revoked is none for the next request."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.global_func import Rows, SafeSqlor, SharedReads
from pipeline_dist.accounts.api_key import KEY_COLUMNS, ApiKey
from pipeline_dist.accounts.rows import DISTRIBUTOR_COLUMNS, Distributor

_OF_KEY = [f"d.{name}" if name == "keys_no" else f"k.{name}" for name in KEY_COLUMNS]
_NAMES = ", ".join([*_OF_KEY, *("d." + name for name in DISTRIBUTOR_COLUMNS)])
_ROWS = f"select {_NAMES} from app_key k join distributors d on d.id = k.distributor_id where "  # noqa: S608
ROWS_OF_KEYS = f"{_ROWS}k.hash in ${{digests}}$ union all {_ROWS}k.previous_hash in ${{digests}}$"
# The calls of the last minute by a key with a limit of its own.
KEY_WINDOW = "select rate_window from app_key where id = ${id}$"
_OWNER_AT = len(KEY_COLUMNS)
_HASH_COLUMNS = tuple(KEY_COLUMNS.index(name) for name in ("hash", "previous_hash"))

# What a lookup tells of a key: itself and its owner, each asker's own.
Owned = tuple[ApiKey, Distributor]


def owned(row: Sequence[Any]) -> Owned:
    """Return the key and the distributor in a row of a lookup."""
    return ApiKey(*row[:_OWNER_AT]), Distributor(*row[_OWNER_AT:])


async def _rows_of_keys(sor: SafeSqlor, digests: Sequence[str]) -> Mapping[str, Rows]:
    rows = await sor.tuples(ROWS_OF_KEYS, {"digests": digests})
    by_column = [{row[column]: row for row in rows} for column in _HASH_COLUMNS]
    return {
        digest: [by_hash[digest] for by_hash in by_column if digest in by_hash]
        for digest in digests
    }


async def read_key(sor: SafeSqlor, digest: str) -> list[Owned]:
    """Return the key with this digest, present or before, as it is now; nothing for none."""
    return [owned(row) for row in (await _rows_of_keys(sor, [digest]))[digest]]


# By the digest of a key: the rows, for `owned`, of those that have it; present ones first.
KEY_LOOKUPS = SharedReads(_rows_of_keys)
