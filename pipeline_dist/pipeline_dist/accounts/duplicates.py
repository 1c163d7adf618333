"""A violated unique key, told at the fields it is made of."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.global_func import DuplicateKey, table
from pipeline_dist.errors import NOT_UNIQUE, VALUE_TAKEN


@contextmanager
def duplicate_as_field_errors(table_name: str) -> Iterator[None]:
    """Turn a DuplicateKey of *table_name* into a 409 `duplicate` that names the fields."""
    try:
        yield
    except DuplicateKey as exc:
        index = next((i for i in table(table_name).indexes if i.name == exc.index), None)
        if index is None:
            raise
        raise NOT_UNIQUE(
            problems=[VALUE_TAKEN(name) for name in index.columns], fields=", ".join(index.columns)
        ) from exc
