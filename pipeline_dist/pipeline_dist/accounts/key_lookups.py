"""Which distributors a key may belong to; a key that is revoked is none for the next request."""

from collections.abc import Mapping, Sequence

from app.global_func import Rows, SafeSqlor, SharedReads
from pipeline_dist.accounts.rows import DISTRIBUTOR_COLUMNS

_COLUMNS = ", ".join(DISTRIBUTOR_COLUMNS)
ROWS_OF_KEYS = (
    f"select {_COLUMNS} from distributors where api_key_hash in ${{digests}}$"  # noqa: S608
    f" union all select {_COLUMNS} from distributors where previous_key_hash in ${{digests}}$"
)
_KEY_COLUMNS = tuple(
    DISTRIBUTOR_COLUMNS.index(name) for name in ("api_key_hash", "previous_key_hash")
)


async def _rows_of_keys(sor: SafeSqlor, digests: Sequence[str]) -> Mapping[str, Rows]:
    rows = await sor.tuples(ROWS_OF_KEYS, {"digests": digests})
    by_column = [{row[column]: row for row in rows} for column in _KEY_COLUMNS]
    return {
        digest: [by_key[digest] for by_key in by_column if digest in by_key] for digest in digests
    }


# By the digest of a key: the rows, of DISTRIBUTOR_COLUMNS, of those whose key, or key before, has
# it; those of the present one first.
KEY_LOOKUPS = SharedReads(_rows_of_keys)
