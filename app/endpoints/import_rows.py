"""
Rows of a file, put into a table as one change: `/appbase/import_rows.dspy`.

The body is the file itself, CSV or Excel, or JSON with rows that a script has. Each row goes
to the same service as a form for a new record, so it meets the same rules; all of them are one
transaction. The right that counts is the one to that form's address.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from app.access.permissions import may_open, no_right
from app.access.request_context import CONTEXT
from app.base.actor import Actor
from app.base.catalogue.records import BAD_ROW, BAD_ROWS, TABLE_NOT_IMPORTABLE
from app.base.errors import AppError, FieldProblem
from app.base.i18n import translate
from app.base.refusals import InvalidFields
from app.base.zones import time_zone
from app.db.transactions import reading, single_transaction
from app.records.failed_rows import failed_rows
from app.records.import_cells import Reader, Sheet
from app.records.rows import public
from app.records.sheet_rows import MAX_COLUMNS, MAX_ROWS, FileRow, FileRows
from app.records.table_files import read_table
from app.records.table_service import TABLE_SERVICES, TableService
from app.schema.tables import table, tables
from app.schema.validation import FieldRule, check_params
from app.web.body import BodyLimit
from app.web.endpoint import answering
from app.web.work_progress import Progress, answer_with_progress

BODY_LIMIT = BodyLimit("/appbase/import_rows.dspy", 8 * 1_048_576, 400_000, takes_file=True)
_ROW_BATCH_SIZE = 100
MAX_PREVIEW = 10
_MAX_SHOWN = 200
_SPEC = {
    "table": FieldRule(kind="str", required=True, length=64),
    "fixed": FieldRule(kind="json", json="object"),
    "dry_run": FieldRule(kind="bool", default=0),
    "skip_failed": FieldRule(kind="bool", default=0),
    "zone": FieldRule(kind="str", length=64),
}
_JSON_SPEC = _SPEC | {"columns": FieldRule(kind="json", required=True, json="list")}


class _Undo(Exception):
    """Ends a transaction that shall leave nothing behind."""


@dataclass
class _Outcome:
    done: int = 0
    failed: list[dict[str, Any]] = field(default_factory=list)
    preview: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class _Job:
    """What is asked for: rows to come, and how."""

    service: TableService
    actor: Actor
    fixed: Mapping[str, Any]
    zone: ZoneInfo | None
    dry_run: int
    skip_failed: int

    @property
    def table(self) -> str:
        """The table that the rows go into."""
        return self.service.table


@answering("POST")
async def import_rows(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """
    POST: make a record of each row of a file in `table`.

    The body is a CSV or Excel file and the parameters are in the query; or JSON with `columns` (the
    headings) and `rows` (lists of cells). Headings are names of columns or their titles. `fixed`
    are values that all rows have, `zone` is the zone of times without one (default: that of quota
    days for a file; in JSON a time without a zone is refused then). With `dry_run` nothing is kept.
    Else all rows are kept or, when one fails, none; with `skip_failed` those that are right.

    Answers `{total, done, failed: [{row, problems: [{column, code, message, value, ask}]}], kept,
    ignored, preview, failed_file}`. `row` is the number that a spreadsheet shows, in JSON the place
    in `rows` from 1; with 1 for `ask` in `fixed` such a row is taken; `ignored` are columns that
    the server sets itself; `preview` are the first records as they were understood, in a dry run;
    `failed_file` is a CSV text of the rows of a file that failed. With `_progress` it comes in
    lines (app/web/work_progress.py). Raises InvalidFields, BadRequest `bad_columns`, `bad_rows`,
    `bad_zone`, `bad_file`, `file_too_large`, Forbidden, NotFound.
    """
    context = request[CONTEXT]
    # No body is an empty file.
    data = context.file_body if request.body_exists else b""
    spec = _SPEC if data is not None else _JSON_SPEC
    query = check_params(spec, {n: v for n, v in params.items() if n != "rows" or data is not None})
    job = _Job(
        service=await _service(request, query["table"]),
        actor=context.actor,
        fixed=query["fixed"].value if query["fixed"] else {},
        # What a person reads in a file is local; a program knows which zone it means.
        zone=time_zone(query["zone"]) if query["zone"] or data is not None else None,
        dry_run=query["dry_run"],
        skip_failed=query["skip_failed"],
    )
    rows = None if data is not None else _file_rows(query["columns"].value, params.get("rows"))

    async def work(progress: Progress) -> dict[str, Any]:
        progress.step = "reading"
        file = rows or await read_table(data or b"")
        return await _import(job, file, progress, is_file=rows is None)

    return await answer_with_progress(request, params, work)


def _file_rows(columns: list[Any], rows: Any) -> FileRows:
    """Return the rows of a JSON body, which is not held to the length of other JSON values but to
    BODY_LIMIT."""
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_ROWS:
        raise BAD_ROWS(most=MAX_ROWS)
    if not all(isinstance(row, list) and len(row) <= MAX_COLUMNS for row in (columns, *rows)):
        raise BAD_ROW()
    file_rows = [FileRow(number, row) for number, row in enumerate(rows, 1)]
    return FileRows(guarded=True, head=FileRow(0, columns), rows=file_rows)


async def _import(
    job: _Job, file: FileRows, progress: Progress, *, is_file: bool
) -> dict[str, Any]:
    sheet = Sheet(table(job.table), file.head.cells)
    async with reading() as sor:
        reader = await Reader.prepare(sor, sheet, file, job.zone)
    outcome, is_committed = await _run(job, reader, file.rows, progress)
    answer = {
        "total": len(file.rows),
        "done": outcome.done,
        "failed": outcome.failed,
        "kept": is_committed,
        "ignored": sheet.ignored,
    }
    if job.dry_run:
        names = [name for name in sheet.names if name is not None]
        answer["preview"] = [_preview_row(job.table, record, names) for record in outcome.preview]
    if is_file and outcome.failed:
        answer["failed_file"] = await asyncio.to_thread(
            failed_rows, table(job.table), file, outcome.failed, job.actor.lang
        )
    return answer


async def _service(request: web.Request, name: str) -> TableService:
    """Return the table's service, if the caller may use its create endpoint."""
    if name not in tables() or not table(name).importable:
        raise TABLE_NOT_IMPORTABLE(table=name)
    module = table(name).module
    if not await may_open(request, f"/{module}/api/{name}_create.dspy"):
        raise no_right()
    service = TABLE_SERVICES.get(name)
    assert service is not None, f"{module} has no service of {name}"
    return service


async def _run(
    job: _Job, reader: Reader, rows: list[FileRow], progress: Progress
) -> tuple[_Outcome, bool]:
    outcome = _Outcome()
    progress.total = len(rows)

    async def work() -> None:
        # Begun anew when the database wants the transaction once more.
        outcome.done = 0
        outcome.failed.clear()
        outcome.preview.clear()
        progress.step = "checking" if job.dry_run else "keeping"
        for number, row in enumerate(rows, 1):
            progress.done = number
            if number % _ROW_BATCH_SIZE == 0:
                await asyncio.sleep(0)  # wrong rows ask nothing of the database: let others go on
            await _take(job, reader, row, outcome)
        if job.dry_run or (outcome.failed and not job.skip_failed):
            raise _Undo

    try:
        await single_transaction(work)
    except _Undo:
        return outcome, False
    return outcome, outcome.done > 0


async def _take(job: _Job, reader: Reader, row: FileRow, outcome: _Outcome) -> None:
    """Make a record of *row*, or note why there is none."""
    values, problems = reader.values(row)
    try:
        if problems:
            raise InvalidFields(problems)
        record = await job.service.create_from({**values, **job.fixed}, job.actor)
    except AppError as exc:
        if exc.status >= 500:
            raise
        messages = _problems_of(exc, job.actor.lang)
        for problem in messages:
            problem["value"] = reader.original(row, problem["column"])[:_MAX_SHOWN]
        outcome.failed.append({"row": row.number, "problems": messages})
        return
    outcome.done += 1
    if job.dry_run and len(outcome.preview) < MAX_PREVIEW:
        names = reader.names_of_records(row)
        outcome.preview.append({"row": row.number, "record": record, "names": names})


def _preview_row(name: str, entry: Mapping[str, Any], columns: list[str]) -> dict[str, Any]:
    """Return a row of the preview: what a list would show in the columns of the file."""
    record = public(name, entry["record"])
    values = {column: record[column] for column in columns if column in record}
    return {"row": entry["row"], "values": values | entry["names"]}


def _problems_of(error: AppError, lang: str) -> list[dict[str, str]]:
    problems = list(error.problems)
    if not isinstance(error, InvalidFields) and error.code != "duplicate":
        # What is wrong with the row as a whole is said in the error's own words.
        problems = [_whole_row(error, problem) for problem in problems]
    if not problems:
        problem = {"column": "", "code": error.code, "message": translate(error.text, lang)}
        question = error.extra.get("ask", {})
        # What a yes would do is asked once for all rows; it comes among the `fixed` values.
        return [problem | ({"ask": question["name"]} if question.get("kind") == "bool" else {})]
    return [
        {"column": item.field, "code": item.code, "message": translate(item.text, lang)}
        for item in problems
    ]


def _whole_row(error: AppError, problem: FieldProblem) -> FieldProblem:
    return FieldProblem(problem.field, problem.code, error.text)
