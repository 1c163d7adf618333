"""
Rows of a file, put into a table as one change: `/appbase/import_rows.dspy`.

Each row goes through the same function as a form for a new record, so it meets the same rules; all
of them are one transaction. The right that counts is the one to that function's address.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ahserver.serverenv import ServerEnv
from aiohttp import web

from app.actor import Actor
from app.answers import json_response
from app.caller_rights import may_open, no_right
from app.database import as_one, reading
from app.endpoint import answering
from app.errors import (
    AppError,
    BadRequest,
    FieldProblem,
    InvalidFields,
    NotFound,
)
from app.fields import Rule, check_params
from app.import_values import Reader, Sheet
from app.messages import say
from app.models import table, tables

_ROWS_AT_A_TIME = 100
MOST_ROWS = 5_000
IMPORTED = frozenset(
    {
        "pipelines",
        "pipeline_steps",
        "pipeline_pricing",
        "pipeline_capacity",
        "distributors",
        "distributor_pipeline",
    }
)
_SPEC = {
    "table": Rule(kind="str", required=True, length=64),
    "columns": Rule(kind="json", required=True, json="list"),
    "fixed": Rule(kind="json", json="object"),
    "dry_run": Rule(kind="bool", default=0),
    "skip_failed": Rule(kind="bool", default=0),
    "zone": Rule(kind="str", length=64),
}


class _Undo(Exception):
    """Ends a transaction that shall leave nothing behind."""


@dataclass
class _Outcome:
    done: int = 0
    failed: list[dict[str, Any]] = field(default_factory=list)


@answering("POST")
async def import_rows(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """
    POST: make a record of each of `rows` (lists of cells) in `table`; `columns` are the headings
    of the cells: names of columns or their titles. `fixed` are values that all rows have.

    With `dry_run` nothing is kept. Else all rows are kept or, when one fails, none; with
    `skip_failed` those that are right. Answers `{total, done, failed: [{row, problems: [{column,
    code, message}]}], kept, ignored}`; `row` counts from 1, `ignored` are columns that the server
    sets itself. Raises InvalidFields, BadRequest `bad_columns`, Forbidden, NotFound.
    """
    asked = check_params(_SPEC, {n: v for n, v in params.items() if n != "rows"})
    create = await _create_function(request, asked["table"])
    sheet = Sheet(table(asked["table"]), asked["columns"].value)
    # Not held to the length of other JSON values: see request_guard.LARGE_BODIES.
    rows = params.get("rows")
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST_ROWS:
        raise BadRequest("bad_rows", "Import 1 to {most} rows at a time.", most=MOST_ROWS)
    fixed = asked["fixed"].value if asked["fixed"] else {}
    async with reading() as sor:
        reader = await Reader.prepared(sor, sheet, rows, asked["zone"])
    outcome, kept = await _run(
        create, request["actor"], reader, rows, fixed, asked["dry_run"], asked["skip_failed"]
    )
    return json_response(
        {
            "data": {
                "total": len(rows),
                "done": outcome.done,
                "failed": outcome.failed,
                "kept": kept,
                "ignored": sheet.ignored,
            }
        }
    )


async def _create_function(request: web.Request, name: str) -> Any:
    """The function behind the table's create endpoint, if the caller may use that."""
    if name not in IMPORTED or name not in tables():
        raise NotFound("not_found", "No rows can be imported into {table}.", table=name)
    module = table(name).module
    if not await may_open(request, f"/{module}/api/{name}_create.dspy"):
        raise no_right()
    return ServerEnv()[f"{module}_{name}_create"].__wrapped__


async def _run(
    create: Any, actor: Actor, reader: Reader, rows: list[Any], fixed: Mapping[str, Any],
    dry_run: int, skip_failed: int,
) -> tuple[_Outcome, bool]:  # fmt: skip
    outcome = _Outcome()

    async def work() -> None:
        # Begun anew when the database wants the transaction once more.
        outcome.done = 0
        outcome.failed.clear()
        for number, cells in enumerate(rows, 1):
            if number % _ROWS_AT_A_TIME == 0:
                await asyncio.sleep(0)  # wrong rows ask nothing of the database: let others go on
            try:
                await create(actor, {**reader.values(cells), **fixed})
            except AppError as exc:
                if exc.status >= 500:
                    raise
                outcome.failed.append({"row": number, "problems": _told(exc, actor.lang)})
            else:
                outcome.done += 1
        if dry_run or (outcome.failed and not skip_failed):
            raise _Undo

    try:
        await as_one(work)
    except _Undo:
        return outcome, False
    return outcome, outcome.done > 0


def _told(error: AppError, lang: str) -> list[dict[str, str]]:
    problems = list(error.problems)
    if not isinstance(error, InvalidFields) and error.code != "duplicate":
        # What is wrong with the row as a whole is said in the error's own words.
        problems = [_whole_row(error, problem) for problem in problems]
    if not problems:
        return [{"column": "", "code": error.code, "message": say(error.text, lang)}]
    return [
        {"column": item.field, "code": item.code, "message": say(item.text, lang)}
        for item in problems
    ]


def _whole_row(error: AppError, problem: FieldProblem) -> FieldProblem:
    return FieldProblem(problem.field, problem.code, error.text.template, **error.text.params)
