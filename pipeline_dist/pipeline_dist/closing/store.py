"""
Statements of closed months as they are kept: a row with the content, and its files.

Nothing of them ever changes; triggers of the tables hold that. Files are compressed, and answered
byte for byte as they were made. What is long stands in pieces (`app_statement_piece`): the database
takes no statement longer than its `max_allowed_packet`, and a month may have any number of
corrections.
"""

import base64
import zlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from app.global_func import (
    SafeSqlor,
    bulk_insert_tuples,
    column_names,
    parse_json,
    time_ordered_id,
)
from pipeline_dist.closing.render import ALL_FILES, File, Kind

TABLE = "app_statement"
FILES = "app_statement_file"
PIECES = "app_statement_piece"
# Of a character in UTF-8 there are at most four bytes, so a piece is far below any packet.
MAX_PIECE_CHARACTERS = 400_000
# Stand where the text is in pieces: the content of no statement, the file of nothing.
_CONTENT_IN_PIECES = "{}"
_FILE_IN_PIECES = ""
# The pieces of the content itself are kept beside those of the files.
_CONTENT = ("content", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A row of app_statement, but for its content."""

    id: str
    number: str
    distributor_id: str
    month: str
    zone: str
    starts_at: datetime
    ends_at: datetime
    currency: str
    calls: int
    amount: Decimal
    total: Decimal
    entry_no: int
    row_count: int
    checksum: str
    closed_at: datetime
    closed_by: str


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a statement as it is kept: packed, with the checksum of its bytes."""

    content: str
    checksum: str | None

    @property
    def is_whole(self) -> bool:
        """Whether its bytes are those of its checksum."""
        try:
            return _checksum(unpack(self.content)) == self.checksum
        except (ValueError, zlib.error):
            return False

    @property
    def document(self) -> Any:
        """What it says, of a JSON file; None where it cannot be read."""
        try:
            return parse_json(unpack(self.content).decode())
        except (ValueError, zlib.error):
            return None


WITHOUT_FILES = (
    "select s.id from app_statement s where s.closed_at <= ${until}$ and (select count(*)"
    " from app_statement_file f where f.statement_id = s.id) < ${count}$ order by s.number"
)
COLUMNS = column_names(Statement)
_READ = f"select {', '.join(COLUMNS)} from app_statement where distributor_id = ${{whose}}$ and "  # noqa: S608


async def next_number(sor: SafeSqlor, month: str) -> str:
    """
    Return the next number of *month* over all distributors, such as `2026-11-0001`.

    The counter's row is written, and locked until the transaction ends: a close that fails gives
    its number back, so that none is left out. Locked behind the distributor's row.
    """
    values = {"month": month}
    await sor.sqlExe(
        "insert into app_statement_number (id, last_no) values (${month}$, 1)"
        " on duplicate key update last_no = last_no + 1",
        values,
    )
    (count,) = await sor.firsts(
        "select last_no from app_statement_number where id = ${month}$ for update", values
    )
    return f"{month}-{count:04d}"


async def keep(sor: SafeSqlor, statement: Statement, content: str) -> None:
    """Write a statement and its *content*; its files are made afterwards (closing/files.py)."""
    values = [getattr(statement, name) for name in COLUMNS]
    is_long = len(content) > MAX_PIECE_CHARACTERS
    row = (*values, _CONTENT_IN_PIECES if is_long else content)
    await bulk_insert_tuples(sor, TABLE, [*COLUMNS, "content"], [row])
    if is_long:
        await _keep_pieces(sor, statement.id, _CONTENT, content)


async def keep_file(sor: SafeSqlor, statement_id: str, file: File, data: bytes) -> None:
    """Write a file of a statement; raises DuplicateKey where it is kept already."""
    text = _pack(data)
    is_long = len(text) > MAX_PIECE_CHARACTERS
    await bulk_insert_tuples(
        sor,
        FILES,
        ["id", "statement_id", "kind", "lang", "content", "checksum"],
        [(time_ordered_id(), statement_id, *file, _FILE_IN_PIECES if is_long else text,
          _checksum(data))],
    )  # fmt: skip
    if is_long:
        await _keep_pieces(sor, statement_id, file, text)


async def _keep_pieces(
    sor: SafeSqlor, statement_id: str, place: tuple[str, str], text: str
) -> None:
    starts = range(0, len(text), MAX_PIECE_CHARACTERS)
    for number, start in enumerate(starts):
        piece = text[start : start + MAX_PIECE_CHARACTERS]
        await bulk_insert_tuples(
            sor,
            PIECES,
            ["id", "statement_id", "kind", "lang", "piece_no", "content"],
            [(time_ordered_id(), statement_id, *place, number, piece)],
        )


async def _read_pieces(sor: SafeSqlor, statement_id: str, place: tuple[str, str]) -> str:
    kind, lang = place
    pieces = await sor.firsts(
        "select content from app_statement_piece where statement_id = ${id}$ and kind = ${kind}$"
        " and lang = ${lang}$ order by piece_no",
        {"id": statement_id, "kind": kind, "lang": lang},
    )
    return "".join(pieces)


async def read_content(sor: SafeSqlor, statement_id: str) -> str:
    """Return the content of a statement that is kept."""
    (content,) = await sor.firsts(
        "select content from app_statement where id = ${id}$", {"id": statement_id}
    )
    return await whole_content(sor, statement_id, content)


async def whole_content(sor: SafeSqlor, statement_id: str, content: str) -> str:
    """Return the content of a statement in whose row *content* stands."""
    if content != _CONTENT_IN_PIECES:
        return content
    return await _read_pieces(sor, statement_id, _CONTENT)


async def find_of_month(sor: SafeSqlor, distributor_id: str, month: str) -> Statement | None:
    """Return a distributor's statement of a closed month; None where there is none: the month is
    not closed, or has nothing in it."""
    return await _find(sor, "month = ${key}$", distributor_id, month)


async def find_by_number(sor: SafeSqlor, distributor_id: str, number: str) -> Statement | None:
    """Return a distributor's statement by its number; None where it has none of that number."""
    return await _find(sor, "number = ${key}$", distributor_id, number)


async def newest(
    sor: SafeSqlor, distributor_id: str, *, before: str, rows: int
) -> list[dict[str, Any]]:
    """Return up to *rows* statements of months before *before* (all for ''), the newest first."""
    return list(
        await sor.sqlExe(
            "select number, month, starts_at as `from`, ends_at as `to`, zone as time_zone,"
            " currency, calls, amount, total, closed_at, checksum from app_statement"
            " where distributor_id = ${whose}$ and (${before}$ = '' or month < ${before}$)"
            " order by month desc limit ${rows}$",
            {"whose": distributor_id, "before": before, "rows": rows},
        )
    )


async def read_file(sor: SafeSqlor, statement_id: str, file: File) -> bytes | None:
    """Return a file of a statement as it was made; None as long as it was not."""
    texts = await sor.firsts(
        "select content from app_statement_file where statement_id = ${id}$ and kind = ${kind}$"
        " and lang = ${lang}$",
        {"id": statement_id, "kind": file.kind, "lang": file.lang},
    )
    if not texts:
        return None
    return unpack(texts[0] or await _read_pieces(sor, statement_id, file))


async def read_files(sor: SafeSqlor, statement_id: str) -> dict[File, KeptFile]:
    """Return the files of a statement as they are now, whole or not."""
    rows = await sor.tuples(
        "select kind, lang, content, checksum from app_statement_file where statement_id = ${id}$",
        {"id": statement_id},
    )
    files = {}
    for kind, lang, content, checksum in rows:
        file = File(Kind(kind), lang)
        text = content or await _read_pieces(sor, statement_id, file)
        files[file] = KeptFile(text, checksum)
    return files


async def without_files(sor: SafeSqlor, until: datetime) -> list[str]:
    """Return the ids of the statements closed until *until* of which files are not made yet."""
    return list(
        await sor.firsts(
            WITHOUT_FILES,
            {"until": until, "count": len(ALL_FILES)},
        )
    )


def unpack(text: str) -> bytes:
    """Return the bytes of a file as it is kept."""
    return zlib.decompress(base64.b85decode(text))


def _checksum(data: bytes) -> str:
    return sha256(data).hexdigest()


def _pack(data: bytes) -> str:
    # As text: a column of bytes has at most 65,535 of them in our models.
    return base64.b85encode(zlib.compress(data, 9)).decode()


async def _find(sor: SafeSqlor, where: str, whose: str, key: str) -> Statement | None:
    rows = await sor.tuples(_READ + where, {"whose": whose, "key": key})
    return Statement(**dict(zip(COLUMNS, rows[0], strict=True))) if rows else None
