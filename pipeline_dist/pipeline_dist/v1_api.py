"""The distributor API, version 1: one function for each call of it."""

import asyncio
import logging
from typing import Any

from aiohttp import web

from app.global_func import (
    CSV_TYPE,
    XLSX_TYPE,
    AppError,
    InvalidFields,
    Rule,
    answering,
    json_response,
    next_day_start,
    next_month_start,
    now,
    reading,
    say,
)
from pipeline_dist import admission, api_input, catalogue, docs_page, statement_files, usage
from pipeline_dist.api_endpoint import Reply, admitting, own_limits
from pipeline_dist.authentication import Caller, Credentials, allowed_networks
from pipeline_dist.openapi import document_text
from pipeline_dist.statement import checked_month, statement

log = logging.getLogger("pipeline.distributor_api")

_PIPELINES_QUERY = {
    "code": Rule(kind="str", length=64),
    "q": Rule(kind="str", length=128, default=""),
    "page": Rule(kind="int", minimum=1, maximum=1_000_000, default=1),
    "rows": Rule(kind="int", minimum=1, maximum=catalogue.MOST_ROWS, default=20),
}
_USAGE_QUERY = {
    "from": Rule(kind="str", length=40),
    "to": Rule(kind="str", length=40),
    "group_by": Rule(kind="str", choices=tuple(usage.GROUPS)),
    "rows": Rule(kind="int", minimum=1, maximum=1000, default=100),
    "next": Rule(kind="str", length=200),
}
_STATEMENT_QUERY = {
    "month": Rule(kind="str", length=20),
    "format": Rule(kind="str", choices=("json", "csv", "xlsx"), default="json"),
    "bom": Rule(kind="bool", default=0),
}


async def me(request: web.Request, caller: Caller) -> Reply:
    """The distributor, its quota and limits, and the key in use."""
    api_input.query(request, {})
    limits = await own_limits(caller)
    row = caller.distributor
    quota = next((item for item in limits if item.scope.startswith("distributor_")), None)
    spend = next((item for item in limits if item.scope == "spend"), None)
    resets = {"day": next_day_start, "month": next_month_start}.get(row["quota_period"])
    body = {
        "code": row["code"],
        "name": row["name"],
        "status": row["status"],
        "currency": row["currency"],
        "quota_period": row["quota_period"],
        "quota_calls": row["quota_calls"],
        "quota_used": quota.used if quota else None,
        "quota_remaining": quota.remaining if quota else None,
        "quota_resets_at": resets(now()) if resets else None,
        "rate_limit_per_minute": row["rate_limit_per_minute"],
        "spend_limit": row["spend_limit"],
        "spend_used": row["spend_used"],
        "spend_remaining": spend.remaining if spend else None,
        "allowed_ips": [str(network) for network in allowed_networks(row["allowed_ips"])],
        "api_key_prefix": caller.key_prefix,
        "api_key_expires_at": caller.key_expires_at,
        "limits": [limit.public() for limit in limits],
    }
    return Reply(body=body, limits=limits)


async def pipelines(request: web.Request, caller: Caller) -> Reply:
    """The lines this distributor may call; with `code` one of them, with its live version."""
    asked = api_input.query(request, _PIPELINES_QUERY)
    async with reading() as sor:
        if asked["code"]:
            line, limits = await catalogue.line(sor, caller.distributor, asked["code"])
            return Reply(body=line, limits=limits)
        total, rows = await catalogue.lines(
            sor, caller.distributor, asked["q"], asked["page"], asked["rows"]
        )
    return Reply(body={"total": total, "page": asked["page"], "rows": rows})


async def quote(request: web.Request, caller: Caller) -> Reply:
    """What lines would cost, and whether a call would be let in now."""
    pipeline, lines = api_input.quote(api_input.json_body(request))
    found = await admission.quote(caller.id, pipeline=pipeline, lines=lines, lang=request["lang"])
    return Reply(body=found)


@admitting
async def begin_call(request: web.Request, shown: Credentials) -> Reply:
    """Begin a call, or book a finished one in one go."""
    key = api_input.idempotency_key(request)
    call = api_input.new_call(api_input.json_body(request))
    admitted = await _admit(shown, key, call)
    return Reply(
        body=admitted.call,
        status=201,
        limits=admitted.limits,
        headers=_replay_header(admitted.replayed),
    )


async def read_call(request: web.Request, caller: Caller) -> Reply:
    """One call with its lines."""
    asked = api_input.query(request, {"call_no": Rule(kind="str", required=True, length=32)})
    return Reply(body=await admission.read_call(caller.id, asked["call_no"]))


@admitting
async def finish_call(request: web.Request, shown: Credentials) -> Reply:
    """End a call that was begun."""
    ending = api_input.ending(api_input.json_body(request))
    finished = await admission.finish(
        shown,
        call_no=ending.call_no,
        status=ending.status,
        lines=ending.lines,
        error=ending.error,
        body_hash=ending.body_hash,
    )
    return Reply(
        body=finished.call, limits=finished.limits, headers=_replay_header(finished.replayed)
    )


async def book_batch(request: web.Request, caller: Caller) -> Reply:
    """Book finished calls, each on its own; one result for each, in order."""
    items = api_input.batch(api_input.json_body(request))
    results = await asyncio.gather(*(_booked(caller, item, request["lang"]) for item in items))
    accepted = sum("call" in result for result in results)
    return Reply(
        body={"accepted": accepted, "refused": len(results) - accepted, "results": results}
    )


async def usage_report(request: web.Request, caller: Caller) -> Reply:
    """Sums by day, pipeline, model or step; without `group_by` the lines, page by page."""
    asked = api_input.query(request, _USAGE_QUERY)
    span = usage.span(asked["from"], asked["to"])
    body: dict[str, Any] = {
        "from": span.start,
        "to": span.end,
        "currency": caller.distributor["currency"],
    }
    async with reading(snapshot=True) as sor:
        if asked["group_by"]:
            rows = await usage.sums(sor, caller.id, span, asked["group_by"])
            body |= {"group_by": asked["group_by"], "rows": rows}
            body["total"] = await usage.total(sor, caller.id, span)
        else:
            rows, more = await usage.lines(sor, caller.id, span, asked["next"], asked["rows"])
            body |= {"rows": rows, "next": more}
    return Reply(body=body)


async def month_statement(request: web.Request, caller: Caller) -> Reply:
    """The statement of a month as JSON, CSV (with `bom=1` marked as UTF-8) or an Excel file."""
    asked = api_input.query(request, _STATEMENT_QUERY)
    month = checked_month(asked["month"])
    async with reading(snapshot=True) as sor:
        made = await statement(sor, caller.distributor, month)
    name = f"statement-{caller.distributor['code']}-{month}"
    if asked["format"] == "csv":
        text = statement_files.as_csv(made, bom=bool(asked["bom"]))
        return _file(text, CSV_TYPE, f"{name}.csv")
    if asked["format"] == "xlsx":
        content = await asyncio.to_thread(statement_files.as_xlsx, made, request["lang"])
        return _file(content, XLSX_TYPE, f"{name}.xlsx")
    return Reply(body=made)


@answering("GET")
async def openapi(request: web.Request, params: dict[str, Any]) -> web.StreamResponse:
    """The OpenAPI document; needs no key."""
    return json_response(document_text(request["lang"]), headers={"Vary": "Accept-Language"})


@answering("GET")
async def docs(request: web.Request, params: dict[str, Any]) -> web.StreamResponse:
    """The page that shows the OpenAPI document; needs no key."""
    return json_response(
        docs_page.page(request["lang"]),
        headers={"Vary": "Accept-Language"},
        content_type=docs_page.HTML_TYPE,
    )


async def _admit(
    caller: str | Credentials, key: str, call: api_input.NewCall
) -> admission.Admitted:
    return await admission.begin(
        caller,
        pipeline=call.pipeline,
        idempotency_key=key,
        request_hash=call.request_hash,
        client_ref=call.client_ref,
        lease_seconds=call.lease_seconds,
        lines=call.lines,
        status=call.status,
        error=call.error,
    )


async def _booked(caller: Caller, item: Any, lang: str) -> dict[str, Any]:
    try:
        key, call = api_input.batch_item(item)
        admitted = await _admit(caller.id, key, call)
    except AppError as exc:
        return {"status": exc.status, "error": _problem(exc, lang)}
    except Exception:
        log.exception("an item of a batch failed", extra={"action": "batch_item_failed"})
        unknown = AppError(
            "internal_error",
            "Something went wrong on our side. Repeat the item with the same key.",
            status=500,
        )
        return {"status": 500, "error": _problem(unknown, lang)}
    return {"status": 201, "replayed": admitted.replayed, "call": admitted.call}


def _problem(error: AppError, lang: str) -> dict[str, Any]:
    """An error inside an answer: what the problem document has, for one item."""
    found: dict[str, Any] = {"code": error.code, "detail": say(error.text, lang)}
    if isinstance(error, InvalidFields) or error.problems:
        found["errors"] = [
            {"pointer": f"/{p.field}", "code": p.code, "detail": say(p.text, lang)}
            for p in error.problems
        ]
    return found | error.extra


def _replay_header(replayed: bool) -> dict[str, str]:
    return {"Idempotent-Replayed": "true"} if replayed else {}


def _file(content: str | bytes, content_type: str, name: str) -> Reply:
    return Reply(
        body=content,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
