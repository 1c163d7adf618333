"""The calls of the distributor API that tell what was used, and what is to be paid."""

from dataclasses import replace
from typing import Any

from app.global_func import XLSX_TYPE
from pipeline_dist.api import v1
from pipeline_dist.api.openapi import examples
from pipeline_dist.api.openapi.operation import (
    JSON,
    NEXT,
    OF_REPORT,
    Operation,
    link,
    link_to_call,
    next_page,
)
from pipeline_dist.api.openapi.rule_schemas import query_parameters
from pipeline_dist.api.openapi.schema import ref
from pipeline_dist.api.v1 import (
    STATEMENT_CSV_QUERY,
    STATEMENT_FILE_QUERY,
    STATEMENT_QUERY,
    STATEMENTS_QUERY,
    USAGE_QUERY,
)

REPORTS = "reports"
_WHICH = {
    "month": "The quota month; by default this one.",
    "number": "The statement of this number; not beside `month`.",
}
_OF_STATEMENT = ("statement_not_found", *OF_REPORT)
# CSV and Excel have addresses of their own, so that each address answers one kind of thing.
_JSON_ONLY = {"format": replace(STATEMENT_QUERY["format"], choices=("json",))}


def _of_month(operation: str, about: str) -> dict[str, Any]:
    """Return the link to what *operation* tells of the month of a statement."""
    return link(operation, about, parameters={"month": "$response.body#/month"})


REPORT_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        tag=REPORTS,
        path="/pipeline_dist/v1/usage",
        method="get",
        name="usage",
        scopes=v1.usage_report.scopes,
        summary="What was used: sums, or the lines",
        description="With `group_by` sums per group and unit; without it the lines, page by page,"
        " in the order they were settled: send `next` back until a page has fewer lines than"
        " `rows`. Keep the last `next`: sent later, it answers what was settled since, each line"
        " once, also of calls that began long before. What was voided is taken back by lines of"
        " its own (`entry_type` reversal); adjustments of the bill and top-ups are lines as well."
        " `from` and `to` go by the days when calls began, `month` by the statement.",
        parameters=query_parameters(
            USAGE_QUERY,
            {
                "month": "What stands in the statement of this quota month; not beside `from`"
                " and `to`.",
                "from": "A date (a whole quota day, in time_zone) or a time with its zone; by"
                " default this quota month's start.",
                "to": "A date (that day included) or a time with its zone (excluded); by default"
                " now.",
                "group_by": "Sums by one or two (parted by a comma) of day, month, hour, pipeline,"
                " model, step, client_ref and tag:NAME.",
                "rows": "Lines a page; {default} when left out.",
                "next": NEXT,
            },
        ),
        queries={"sums": {"group_by": "day"}, "lines": {"rows": "100"}},
        answers=(
            (
                200,
                JSON,
                {"anyOf": [ref("UsageSums"), ref("UsageLines")]},
                {"sums": examples.USAGE_SUMS, "lines": examples.USAGE_LINES},
            ),
        ),
        codes=OF_REPORT,
        links={
            "next": next_page("usage"),
            "read": link_to_call("rows/0/call_no"),
        },
    ),
    Operation(
        tag=REPORTS,
        path="/pipeline_dist/v1/statements",
        method="get",
        name="statements",
        scopes=v1.statements.scopes,
        summary="The statements of closed months",
        description="Page by page, the newest first. A month without anything in it has none.",
        parameters=query_parameters(
            STATEMENTS_QUERY,
            {"rows": "Statements a page; {default} when left out.", "next": NEXT},
        ),
        queries={"answer": {"rows": "12"}},
        answers=((200, JSON, ref("StatementList"), {"answer": examples.STATEMENTS}),),
        links={
            "next": next_page("statements"),
            "statement": link(
                "statement",
                "The first of them.",
                parameters={"number": "$response.body#/rows/0/number"},
            ),
        },
    ),
    Operation(
        tag=REPORTS,
        path="/pipeline_dist/v1/statement",
        method="get",
        name="statement",
        scopes=v1.month_statement.scopes,
        summary="The statement of a month",
        description="Amounts have 10 decimals; only the total is rounded, once, half up, to the"
        " currency's minor units. A closed month's is answered byte for byte the same for ever;"
        " what comes later for a closed month stands under `corrections` of the open one.",
        parameters=query_parameters(
            STATEMENT_FILE_QUERY | _JSON_ONLY,
            _WHICH
            | {
                "format": "Left out in new programs: CSV and Excel have addresses of their own."
                " The values csv and xlsx go on working here.",
            },
        ),
        deprecated=("format",),
        queries={"answer": {"month": "2026-11"}},
        answers=((200, JSON, ref("Statement"), {"answer": examples.STATEMENT}),),
        codes=_OF_STATEMENT,
        links={
            "csv": _of_month("statement_csv", "The same as CSV."),
            "xlsx": _of_month("statement_xlsx", "The same as an Excel file."),
            "lines": _of_month("usage", "The single lines that it sums up."),
        },
        is_kept=True,
    ),
    Operation(
        tag=REPORTS,
        path="/pipeline_dist/v1/statement.csv",
        method="get",
        name="statement_csv",
        scopes=v1.statement_csv.scopes,
        summary="The statement of a month as CSV",
        description="A row for each line of the statement, then one for the total.",
        parameters=query_parameters(
            STATEMENT_CSV_QUERY,
            _WHICH
            | {
                "bom": "With `1`, the CSV file begins with a byte order mark, which Excel needs to"
                " read it as UTF-8.",
            },
        ),
        queries={"answer": {"month": "2026-11", "bom": "1"}},
        answers=((200, "text/csv", {"type": "string"}, {}),),
        codes=_OF_STATEMENT,
        is_kept=True,
    ),
    Operation(
        tag=REPORTS,
        path="/pipeline_dist/v1/statement.xlsx",
        method="get",
        name="statement_xlsx",
        scopes=v1.statement_xlsx.scopes,
        summary="The statement of a month as an Excel file",
        description="A row for each line of the statement, then one for the total.",
        parameters=query_parameters(STATEMENT_FILE_QUERY, _WHICH),
        queries={"answer": {"month": "2026-11"}},
        answers=((200, XLSX_TYPE, {"type": "string", "format": "binary"}, {}),),
        codes=_OF_STATEMENT,
        is_kept=True,
    ),
)
