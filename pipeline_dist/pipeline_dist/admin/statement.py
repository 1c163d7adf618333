"""A distributor's statement for administrators: as data, as a page, as files; closing a month."""

from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from app.global_func import (
    CSV_TYPE,
    TOO_SLOW,
    XLSX_TYPE,
    Actor,
    Answer,
    FieldRule,
    Message,
    check_params,
    get_row,
    reading,
    sort_terms,
    translate,
)
from pipeline_dist.accounts.distributors import TABLE
from pipeline_dist.accounts.rows import distributor_of
from pipeline_dist.closing import overview
from pipeline_dist.closing.close import check_over, close, closed_answer
from pipeline_dist.closing.due import close_up_to, month_before
from pipeline_dist.closing.look import view_of_month
from pipeline_dist.closing.mail import Attachment, letter
from pipeline_dist.closing.render import File, Kind
from pipeline_dist.reports.errors import STATEMENT_COLUMN_UNKNOWN
from pipeline_dist.reports.statement import check_month
from pipeline_dist.reports.statement_files import HEADINGS, LATE_HEADINGS, STATUS_WORDS, late_rows
from pipeline_ops.rules.months import MONTH_RULE

HTML_TYPE = "text/html; charset=utf-8"
_MEDIA_TYPES = {Kind.PRINT: "text/html", Kind.XLSX: XLSX_TYPE, Kind.CSV: "text/csv"}
_ID = FieldRule(kind="str", required=True, length=32)
_QUERY = {
    "distributor_id": _ID,
    "month": FieldRule(kind="str", length=20),
}
_FILE = _QUERY | {
    "format": FieldRule(kind="str", choices=("csv", "xlsx"), default="csv"),
}
_MAIL = _QUERY | {
    "to": FieldRule(kind="str", length=320),
    "with_page": FieldRule(kind="bool", default=1),
    "with_xlsx": FieldRule(kind="bool", default=1),
    "with_csv": FieldRule(kind="bool", default=0),
}
_MAIL_KINDS = {"with_page": Kind.PRINT, "with_xlsx": Kind.XLSX, "with_csv": Kind.CSV}
_CLOSE = {
    "distributor_id": _ID,
    "month": replace(MONTH_RULE, required=True),
    "older": FieldRule(kind="bool", default=0),
}
_PAGING = {
    "page": FieldRule(kind="int", minimum=1, default=1),
    "rows": FieldRule(kind="int", minimum=1, maximum=1000, default=160),
    "sort": FieldRule(kind="str", length=200, default=""),
}
_LIST = {
    "distributor_id": FieldRule(kind="str", length=32),
    "month": MONTH_RULE,
    **_PAGING,
}
_NUMBERS = ("unit_price", "unit_size", "package_size", "package_price", "calls", "quantity")
_DECIMALS = {"unit_price": 10, "package_price": 10, "quantity": 6, "amount": 10}
_TABLE_HEADINGS = HEADINGS | LATE_HEADINGS


async def distributor_statement(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return the statement of a distributor for a month, this one by default."""
    query = check_params(_QUERY, params)
    return await _read_statement(query)


async def distributor_statement_lines(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return the lines of a statement as a table wants them, corrections and adjustments behind
    them: sorted, and one page."""
    query = check_params(_QUERY | _PAGING, params)
    document = await _read_statement(query)
    corrections, adjustments = late_rows(document)
    rows = [
        {"id": str(number), **{name: line.get(name) for name in _TABLE_HEADINGS}}
        for number, line in enumerate((*document["lines"], *corrections, *adjustments))
    ]
    for name, down in reversed(sort_terms(query["sort"]) if query["sort"] else []):
        if name not in _TABLE_HEADINGS:
            raise STATEMENT_COLUMN_UNKNOWN(column=name)
        rows.sort(key=partial(_place, name), reverse=down)
    start = (query["page"] - 1) * query["rows"]
    return {"total": len(rows), "rows": rows[start : start + query["rows"]]}


async def distributor_statement_view(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return the statement in words, with a table of its lines."""
    query = check_params(_QUERY, params)
    document = await _read_statement(query)
    heading = Message(
        "{month}: {total} {currency} for {calls} calls (exactly {amount}), {running} still running",
        **{name: str(document[name]) for name in ("month", "total", "currency", "calls", "amount")},
        running=document["running"],
    )
    status = translate(STATUS_WORDS[document["status"]], actor.lang)
    words = [translate(heading, actor.lang), status, document["number"] or ""]
    return {
        "widgettype": "VBox",
        "options": {"width": "100%", "height": "100%", "gap": "8px"},
        "subwidgets": [
            {"widgettype": "Title4", "options": {"text": " · ".join(filter(None, words))}},
            _table(query["distributor_id"], document["month"], actor.lang),
        ],
    }


async def distributor_statement_file(actor: Actor, params: dict[str, Any]) -> Answer:
    """Return the statement of a month to keep: a CSV or an Excel file in the reader's language."""
    query = check_params(_FILE, params)
    content, name = await _read_file(actor, query, query["format"])
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    kind = CSV_TYPE if query["format"] == "csv" else XLSX_TYPE
    return Answer(content, headers=headers, content_type=kind)


async def distributor_statement_page(actor: Actor, params: dict[str, Any]) -> Answer:
    """Return the statement of a month as a document to print."""
    query = check_params(_QUERY, params)
    content, _ = await _read_file(actor, query, Kind.PRINT)
    return Answer(content, content_type=HTML_TYPE)


async def distributor_statement_mail(actor: Actor, params: dict[str, Any]) -> Answer:
    """Return a letter with the statement of a month that the reader's mail program opens as a
    draft; nothing is sent from here."""
    query = check_params(_MAIL, params)
    month = check_month(query["month"])
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        row = await get_row(sor, TABLE, query["distributor_id"])
        view = await view_of_month(sor, distributor_of(row), month)
        document = await view.read_document(sor)
    name = f"statement-{document['number'] or month}"
    attachments = []
    for field, kind in _MAIL_KINDS.items():
        if query[field]:
            content = await view.file(File.for_reader(kind, actor.lang))
            ending = "html" if kind == Kind.PRINT else kind
            attachments.append(Attachment(f"{name}.{ending}", _MEDIA_TYPES[kind], content))
    # An empty field is no address, and not the one that is kept.
    to = (row["email"] or "") if query["to"] is None else query["to"]
    is_prepaid = row["billing_mode"] == "prepaid"
    content = letter(document, to, attachments, actor.lang, is_prepaid=is_prepaid)
    headers = {"Content-Disposition": f'attachment; filename="{name}.eml"'}
    return Answer(content, headers=headers, content_type="message/rfc822")


async def statement_list(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return the months of all distributors, with their statements, as a table wants them."""
    query = check_params(_LIST, params)
    terms = []
    for name, down in sort_terms(query["sort"]) if query["sort"] else []:
        if name not in overview.SORT_COLUMNS:
            raise STATEMENT_COLUMN_UNKNOWN(column=name)
        terms.append(overview.SORT_COLUMNS[name] + (" desc" if down else ""))
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        return await overview.months(
            sor,
            distributor_id=query["distributor_id"],
            month=query["month"],
            order=", ".join(terms),
            start=(query["page"] - 1) * query["rows"],
            rows=query["rows"],
        )


async def statement_close(actor: Actor, params: dict[str, Any]) -> Answer:
    """Close a month of a distributor for good; with `older` every month before it too."""
    query = check_params(_CLOSE, params)
    distributor_id, month = query["distributor_id"], query["month"]
    if query["older"]:
        check_over(month)
        await close_up_to(distributor_id, month_before(month), actor)
    result = await close(distributor_id, month, actor)
    message = Message("{month} is closed.", month=month)
    if result is not None:
        message = Message("{month} is closed: {number}.", month=month, number=result.number)
    return Answer(closed_answer(result, month), message=message)


def _place(column: str, row: dict[str, Any]) -> tuple[bool, Any]:
    """Return where a row stands by *column*: nothing comes before everything."""
    value = row[column]
    # What is kept of a closed month is text.
    return value is not None, Decimal(value) if column in _DECIMALS and value else value


def _table(distributor_id: str, month: str, lang: str) -> dict[str, Any]:
    return {
        "widgettype": "Tabular",
        "options": {
            "width": "100%",
            "nofilter": True,
            "height": "100%",
            "data_url": "/pipeline_dist/api/distributor_statement_lines.dspy",
            "data_params": {"distributor_id": distributor_id, "month": month},
            "row_options": {
                "idField": "id",
                "browserfields": {"exclouded": ["id"]},
                "fields": [
                    _field(name, translate(Message(label), lang))
                    for name, label in _TABLE_HEADINGS.items()
                ],
            },
        },
    }


def _field(name: str, label: str) -> dict[str, Any]:
    decimals = _DECIMALS.get(name)
    kind = "decimal" if decimals else "int" if name in _NUMBERS else "str"
    return {"name": name, "label": label, "uitype": kind} | ({"dec": decimals} if decimals else {})


async def _read_statement(query: dict[str, Any]) -> dict[str, Any]:
    month = check_month(query["month"])
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        row = await get_row(sor, TABLE, query["distributor_id"])
        view = await view_of_month(sor, distributor_of(row), month)
        return await view.read_document(sor)


async def _read_file(actor: Actor, query: dict[str, Any], kind: str) -> tuple[bytes, str]:
    """Return a month's statement as a file of this *kind* for the reader, and the file's name."""
    month = check_month(query["month"])
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        distributor = distributor_of(await get_row(sor, TABLE, query["distributor_id"]))
        view = await view_of_month(sor, distributor, month)
    content = await view.file(File.for_reader(kind, actor.lang))
    return content, f"statement-{distributor.code}-{month}.{kind}"
