"""
Names of people: some columns hold the ids of Sage's users, pages show names.

One query for a page of rows; what is known is remembered for a few seconds, as rights are.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any

from app.base.errors import AppError
from app.base.logs import log_warning
from app.base.settings import settings
from app.db.transactions import reading
from app.schema.tables import Table

log = logging.getLogger("pipeline.people")

# Columns of this name hold the id of a user, in whichever table they are.
USER_COLUMNS = frozenset(
    {"created_by", "updated_by", "published_by", "voided_by", "owner_id", "user_id"}
)
_MAX_KNOWN = 10_000
_names: dict[str, tuple[float, str | None]] = {}


def user_columns(model: Table) -> tuple[str, ...]:
    """Return the columns of *model* that hold users and may leave the server."""
    return tuple(
        name
        for name, column in model.columns.items()
        if name in USER_COLUMNS and not column.confidential
    )


async def add_names(model: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Give each of *rows* `<column>_text`, the user's name, where Sage knows the user."""
    columns = user_columns(model)
    if not columns or not rows:
        return
    names = await names_of({row[name] for row in rows for name in columns if row.get(name)})
    for row in rows:
        for column in columns:
            name = names.get(row.get(column) or "")
            if name is not None:
                row[f"{column}_text"] = name


async def names_of(ids: Iterable[str]) -> dict[str, str]:
    """Return the names of the users with these *ids*, without those that Sage does not know."""
    user_ids = set(ids)
    moment = time.monotonic()
    unknown = {one for one in user_ids if not _is_fresh(one, moment)}
    if unknown:
        if len(_names) > _MAX_KNOWN:
            _names.clear()
        names = await _read_names(sorted(unknown))
        for one in unknown:
            _names[one] = (moment, names.get(one))
    return {one: name for one in user_ids if (name := _names[one][1]) is not None}


def _is_fresh(user_id: str, moment: float) -> bool:
    entry = _names.get(user_id)
    return entry is not None and moment - entry[0] <= settings().options.remembered_seconds


async def _read_names(ids: list[str]) -> dict[str, str]:
    try:
        async with reading("sage") as sor:
            rows = await sor.sqlExe(
                "select id, username from users where id in ${ids}$", {"ids": ids}
            )
    except AppError as exc:
        # A list without names is better than no list.
        log_warning(log, "no_names", "names cannot be read from Sage", reason=exc.code)
        return {}
    return {row["id"]: row["username"] for row in rows}
