"""
A whole list as a file: CSV, sent while it is read, or an Excel sheet, sent when all is in it.

Which rows, and in which order, is settled first by their keys; then they are read some hundred at
a time, so that neither a connection nor memory is held for as long as a download takes.

How far an Excel file has come cannot be seen in its bytes. Whoever asks for `_progress`
therefore gets the file in pieces: before each, 8 bytes with two numbers of 32 bits, the higher byte
first: how many rows are done after this piece, and of how many bytes it is (perhaps none).
"""

import asyncio
import logging
import struct
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, closing
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aiohttp import ClientConnectionResetError, web
from multidict import CIMultiDict

from app.access.request_context import CONTEXT
from app.access.user_names import add_names
from app.base.catalogue.records import (
    BAD_EXPORT,
    EXPORT_COLUMN_TWICE,
    EXPORT_COLUMN_UNKNOWN,
    LIST_TOO_SLOW,
    TOO_MANY_ROWS,
)
from app.base.clock import now
from app.base.i18n import title
from app.base.shares import share_text
from app.base.zones import time_zone
from app.db.transactions import reading
from app.records.file_dates import is_night_of_change
from app.records.file_types import CSV_TYPE, XLSX_TYPE
from app.records.selection import Selection
from app.records.spreadsheets import CsvFile, File, SheetFile
from app.schema.tables import Table
from app.web.responses import AS_IT_COMES, USUAL_HEADERS

log = logging.getLogger("pipeline.exports")

MAX_ROWS = 200_000
ROW_BATCH_SIZE = 500
KINDS = {"csv": CSV_TYPE, "xlsx": XLSX_TYPE}
PIECES_TYPE = "application/vnd.pipeline-app.pieces"
_PIECE_HEAD = struct.Struct(">II")


async def export_rows(
    request: web.Request, params: Mapping[str, Any], selection: Selection
) -> web.StreamResponse:
    """
    Return all rows of *selection* as a file. `_export` is its kind, `_columns` the columns in order
    (comma-separated; default all), `_zone` the time zone of its times (default: that of quota
    days); with `_progress` the file comes in pieces that tell how many rows are done.

    The header `X-Total-Rows` says how many rows follow. Raises BadRequest `bad_export`,
    `too_many_rows`.
    """
    kind = str(params["_export"])
    if kind not in KINDS:
        raise BAD_EXPORT(known=", ".join(KINDS))
    columns = _columns(selection.table, params.get("_columns"))
    zone = time_zone(_text(params.get("_zone")), BAD_EXPORT)
    async with reading(refusal=LIST_TOO_SLOW) as sor:
        keys = await selection.keys(sor, MAX_ROWS + 1)
    if len(keys) > MAX_ROWS:
        raise TOO_MANY_ROWS(most=MAX_ROWS)
    context = request[CONTEXT]
    lang = context.lang
    headers = USUAL_HEADERS.copy()
    headers["Content-Type"] = KINDS[kind]
    if params.get("_progress"):
        headers.update({"Content-Type": PIECES_TYPE, **AS_IT_COMES})
    name = _file_name(selection.table, lang, kind)
    headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    headers["X-Total-Rows"] = str(len(keys))
    headers["X-Request-Id"] = context.request_id
    parts = _parts(selection, keys, columns, zone, lang, kind)
    return await _send(request, parts, headers)


def _columns(model: Table, requested: Any) -> list[str]:
    own_names = [name for name, column in model.columns.items() if not column.confidential]
    if not requested:
        return [name for name in own_names if model.columns[name].kind != "bytes"]
    names = str(requested).split(",")
    if unknown := [name for name in names if name not in own_names]:
        raise EXPORT_COLUMN_UNKNOWN(table=model.name, name=unknown[0][:64])
    if len(set(names)) < len(names):
        raise EXPORT_COLUMN_TWICE()
    return names


def _text(value: Any) -> str | None:
    return str(value) if value else None


def _file_name(model: Table, lang: str, kind: str) -> str:
    return f"{title(model.title, lang)} {now():%Y-%m-%d}.{kind}"


async def _parts(
    selection: Selection, keys: list[str], columns: list[str], zone: ZoneInfo, lang: str, kind: str
) -> AsyncGenerator[tuple[int, bytes]]:
    """Yield the file piece by piece, with the number of rows done after each."""
    head = [_heading(selection.table, name, zone, lang, kind) for name in columns]
    file: File = CsvFile(head) if kind == "csv" else await asyncio.to_thread(SheetFile, head, lang)
    with closing(file):
        for start in range(0, len(keys), ROW_BATCH_SIZE):
            async with reading(refusal=LIST_TOO_SLOW) as sor:
                rows = await selection.by_keys(sor, keys[start : start + ROW_BATCH_SIZE])
            await add_names(selection.table, rows)
            cells = [
                [_cell(selection.table, row, name, zone, lang, kind) for name in columns]
                for row in rows
            ]
            # Writing some hundred rows takes longer than others should wait.
            yield min(start + ROW_BATCH_SIZE, len(keys)), await asyncio.to_thread(file.add, cells)
        for piece in await asyncio.to_thread(file.end):
            yield len(keys), piece


def _heading(model: Table, name: str, zone: ZoneInfo, lang: str, kind: str) -> str:
    """Return a column's title; in Excel, whose times know no zone, with theirs."""
    words = title(model.columns[name].title, lang)
    is_zoned = kind == "xlsx" and model.columns[name].kind == "datetime"
    return f"{words} ({zone.key})" if is_zoned else words


def _cell(
    model: Table, row: Mapping[str, Any], name: str, zone: ZoneInfo, lang: str, kind: str
) -> Any:
    """Return what a person reads in that cell: names, not ids; times on the reader's clock."""
    value = row.get(name)
    choices = model.columns[name].choices
    if isinstance(value, str) and value in choices:
        return title(choices[value], lang)
    if (text := row.get(f"{name}_text")) is not None:
        return text
    if isinstance(value, Decimal) and model.columns[name].format == "share":
        return share_text(value, lang)
    if isinstance(value, datetime):
        local = value.astimezone(zone)
        if kind == "xlsx" and not is_night_of_change(local.replace(tzinfo=None), zone):
            return local.replace(tzinfo=None)
        return local.isoformat(timespec="milliseconds")
    return value


async def _send(
    request: web.Request, parts: AsyncGenerator[tuple[int, bytes]], headers: CIMultiDict[str]
) -> web.StreamResponse:
    is_in_pieces = headers["Content-Type"] == PIECES_TYPE
    response = web.StreamResponse(headers=headers)
    try:
        await response.prepare(request)
        async with aclosing(parts):
            # An answer to HEAD has no body: the client would take it for the next answer.
            if request.method == "HEAD":
                return response
            async for count, part in parts:
                if is_in_pieces:
                    await response.write(_PIECE_HEAD.pack(count, len(part)) + part)
                elif part:
                    await response.write(part)
        await response.write_eof()
    except ClientConnectionResetError:
        log.info("the download was broken off by its reader")
    return response
