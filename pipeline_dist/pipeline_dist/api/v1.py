"""The distributor API, version 1: one function for each call of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.global_func import (
    BYTE_ORDER_MARK,
    CSV_TYPE,
    TOO_SLOW,
    XLSX_TYPE,
    ApiRequest,
    FieldProblem,
    FieldRule,
    next_day_start,
    next_month_start,
    now,
    reading,
    twins_in_use,
    zone_name,
)
from pipeline_dist.accounts.api_key import Scope, words
from pipeline_dist.accounts.authentication import (
    AuthenticatedDistributor,
    Credentials,
    allowed_networks,
)
from pipeline_dist.accounts.rows import BillingMode
from pipeline_dist.admission import service as admission
from pipeline_dist.admission.account import check_pipeline_of_key
from pipeline_dist.admission.limits import key_limits
from pipeline_dist.admission.present_limits import limits_after, own_limits
from pipeline_dist.admission.spending import resets_at, spending_of
from pipeline_dist.api import batches, input as api_input
from pipeline_dist.api.endpoint import Reply, by_key, endpoint, needs, to_end_calls
from pipeline_dist.api.input import FINISH_RULES
from pipeline_dist.api.tags import tag_filters
from pipeline_dist.closing import pages as kept_statements
from pipeline_dist.closing.look import view_by_number, view_of_month
from pipeline_dist.closing.render import File, Kind
from pipeline_dist.reports import calls as calls_report, catalogue, usage
from pipeline_dist.reports.cursors import MAX_CALLS_CURSOR, MAX_CURSOR
from pipeline_dist.reports.statement import check_month
from pipeline_dist.reports.usage_groups import GROUP_RULE
from pipeline_ops.rules.months import MONTH_RULE

_NEXT = FieldRule(kind="str", length=MAX_CURSOR)
PIPELINES_QUERY = {
    "code": FieldRule(kind="str", length=64),
    **catalogue.PAGE_QUERY,
    "next": _NEXT,
}
# A place in a list of calls is found by its query, which may have many tags.
_NEXT_CALLS = FieldRule(kind="str", length=MAX_CALLS_CURSOR)
CALL_QUERY = {
    "call_no": replace(FINISH_RULES["call_no"], required=False),
    **calls_report.PAGE_QUERY,
    "next": _NEXT_CALLS,
}
USAGE_QUERY = {
    "group_by": GROUP_RULE,
    **usage.PAGE_QUERY,
    "next": _NEXT,
}
_WHICH_STATEMENT = {"month": MONTH_RULE, "number": kept_statements.NUMBER_RULE}
STATEMENT_QUERY = {
    **_WHICH_STATEMENT,
    "format": FieldRule(kind="str", choices=("json", "csv", "xlsx"), default="json"),
    "bom": FieldRule(kind="bool", default=0),
}
STATEMENT_FILE_QUERY = _WHICH_STATEMENT
STATEMENT_CSV_QUERY = STATEMENT_FILE_QUERY | {"bom": STATEMENT_QUERY["bom"]}


STATEMENTS_QUERY = {**kept_statements.PAGE_QUERY, "next": _NEXT}


@needs(*Scope)
async def me(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Return the distributor, its quota and limits, and the key in use."""
    api_input.query(request, {})
    row = caller.distributor
    key = caller.key
    limits = await own_limits(row, key)
    quota = next((item for item in limits if item.scope.startswith("distributor_")), None)
    spend = next((item for item in limits if item.scope == "spend"), None)
    moment, is_prepaid = now(), row.billing_mode == BillingMode.PREPAID
    resets = {"day": next_day_start, "month": next_month_start}.get(row.quota_period)
    body = {
        "code": row.code,
        "name": row.name,
        "status": row.status,
        "currency": row.currency,
        "quota_period": row.quota_period,
        "quota_calls": row.quota_calls,
        "quota_used": quota.used if quota else None,
        "quota_remaining": quota.remaining if quota else None,
        "quota_resets_at": resets(moment) if resets else None,
        "time_zone": zone_name(),
        "rate_limit_per_minute": row.rate_limit_per_minute,
        "billing_mode": row.billing_mode,
        "balance": row.balance if is_prepaid else None,
        "spend_limit": None if is_prepaid else row.spend_limit,
        "spend_period": row.spend_period,
        "spend_used": spending_of(row, moment),
        "spend_reserved": row.spend_reserved,
        "spend_remaining": spend.remaining if spend else None,
        "spend_resets_at": resets_at(row, moment),
        "allowed_ips": [str(network) for network in allowed_networks(row.allowed_ips)],
        "api_key_prefix": caller.key_prefix,
        "api_key_expires_at": caller.key_expires_at,
        "sandbox": bool(key.sandbox),
        "api_key_name": key.name,
        "api_key_scopes": words(key.scopes),
        "api_key_pipelines": key.codes,
        "limits": [limit.public() for limit in limits],
    }
    return Reply(body=body, limits=limits)


@needs(Scope.CALLS, Scope.READ)
async def pipelines(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Return the lines this distributor may call; with `code` one of them, with its live
    version."""
    query = api_input.query(request, PIPELINES_QUERY)
    if query["code"]:
        api_input.refuse_beside(request, "code", (*catalogue.PAGE_QUERY, "next"))
    owner = f"pipelines {caller.id}"
    page = catalogue.page(owner, query, request.query.keys())
    async with reading() as sor:
        if query["code"]:
            check_pipeline_of_key(caller.key, query["code"])
            body, limits = await catalogue.pipeline(sor, caller.distributor, query["code"])
            limits = key_limits(caller.key, now()) + limits
            return Reply(body=body, limits=limits, is_kept=True)
        rows = await catalogue.pipelines(sor, owner, caller.distributor, page, caller.key.codes)
        return Reply(body=rows, is_kept=True)


@needs(Scope.CALLS, Scope.READ)
async def quote(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Return what lines would cost, and whether a call would be let in now."""
    pipeline, lines = api_input.quote(api_input.json_body(request))
    answer, limits = await admission.quote(
        caller.id, pipeline=pipeline, lines=lines, lang=request.context.lang, key=caller.key
    )
    return Reply(body=answer, limits=limits)


@by_key(Scope.CALLS)
async def begin_call(request: ApiRequest, credentials: Credentials) -> Reply:
    """Begin a call, or book a finished one in one go."""
    admission.check_queue()
    key = api_input.idempotency_key(request)
    body = api_input.json_body(request)
    command = api_input.begin_call(key, body, request.context.request_id)
    result = await admission.begin(credentials, command)
    return Reply(
        body=result.body,
        status=201,
        limits=result.limits,
        headers=_replay_header(result.replayed),
    )


@needs(Scope.CALLS, Scope.READ)
async def read_calls(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Return calls, page by page, the newest first; with `call_no` one of them, with its lines."""
    problems: list[FieldProblem] = []
    tags = tag_filters(request.query.getall("tag", []), problems)
    query = api_input.query(request, CALL_QUERY, apart=("tag",), problems=problems)
    if query["call_no"]:
        others = (*calls_report.PAGE_QUERY, "tag", "next")
        api_input.refuse_beside(request, "call_no", others)
        return Reply(body=await admission.read_call(caller.id, query["call_no"], caller.key))
    owner = f"calls {caller.id}"
    page = calls_report.page(owner, query, tags, request.query.keys())
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        return Reply(
            body=await calls_report.list_calls(sor, owner, caller.id, page, caller.key.codes)
        )


@to_end_calls(Scope.CALLS)
async def finish_call(request: ApiRequest, credentials: Credentials) -> Reply:
    """End a call that was begun."""
    command = api_input.finish_call(api_input.json_body(request))
    result = await admission.finish(credentials, command)
    return Reply(body=result.answer, limits=result.limits, headers=_replay_header(result.replayed))


@by_key(Scope.CALLS)
async def extend_call(request: ApiRequest, credentials: Credentials) -> Reply:
    """Let a call that runs go on for longer."""
    command = api_input.extend_call(api_input.json_body(request))
    result = await admission.extend(credentials, command)
    return Reply(body=result.answer, limits=result.limits)


@needs(Scope.CALLS)
async def book_batch(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Book finished calls, each on its own; one result for each, in order."""
    items = api_input.batch(api_input.json_body(request))
    result = await batches.book_all(caller, items, request.context.request_id)
    async with reading() as sor:
        limits = await limits_after(sor, caller.id, result.codes, caller.key)
    # Others are served while thousands of lines become text.
    body = await asyncio.to_thread(batches.answer, result.outcomes, request.context.lang)
    return Reply(body=body, limits=limits, headers=result.headers)


@needs(Scope.READ, Scope.FINANCE)
async def usage_report(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Answer sums by what `group_by` names; without it the lines, page by page."""
    query = api_input.query(request, USAGE_QUERY)
    if query["group_by"]:
        api_input.refuse_beside(request, "group_by", ("rows", "next"))
    if query["month"]:
        api_input.refuse_beside(request, "month", ("from", "to"))
    owner = f"usage {caller.id}"
    page = usage.page(owner, query, request.query.keys())
    body: dict[str, Any] = {
        "from": page.span.start,
        "to": page.span.end,
        "time_zone": zone_name(),
        "currency": caller.distributor.currency,
    }
    # The lines are one statement, the sums and their total two.
    async with reading(snapshot=bool(query["group_by"]), refusal=TOO_SLOW) as sor:
        if query["group_by"]:
            rows = await usage.sums(sor, caller.id, page.span, query["group_by"])
            body |= {"group_by": query["group_by"], "rows": rows}
            body["total"] = await usage.total(sor, caller.id, page.span)
        else:
            rows, more = await usage.list_lines(sor, owner, caller.id, page)
            body |= {"rows": rows, "next": more}
    return Reply(body=body)


@needs(Scope.FINANCE)
async def month_statement(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Return the statement of a month as JSON, CSV or an Excel file."""
    query = api_input.query(request, STATEMENT_QUERY)
    if query["format"] != "csv":
        api_input.refuse_beside(request, f"format={query['format']}", ("bom",))
    return await _statement(request, caller, query, query["format"])


@needs(Scope.FINANCE)
async def statement_csv(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Return the statement of a month as CSV, with `bom=1` marked as UTF-8."""
    query = api_input.query(request, STATEMENT_CSV_QUERY)
    return await _statement(request, caller, query, Kind.CSV)


@needs(Scope.FINANCE)
async def statement_xlsx(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Return the statement of a month as an Excel file."""
    query = api_input.query(request, STATEMENT_FILE_QUERY)
    return await _statement(request, caller, query, Kind.XLSX)


@needs(Scope.FINANCE)
async def statements(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Return the statements of closed months, page by page, the newest first."""
    query = api_input.query(request, STATEMENTS_QUERY)
    owner = f"statements {caller.id}"
    page = kept_statements.page(owner, query, request.query.keys())
    async with reading() as sor:
        return Reply(body=await kept_statements.list_page(sor, owner, caller.id, page))


async def _statement(
    request: ApiRequest, caller: AuthenticatedDistributor, query: Mapping[str, Any], kind: str
) -> Reply:
    """Answer the statement that *query* means as a file of this *kind*; one that is kept byte for
    byte as it was made."""
    if query["number"]:
        api_input.refuse_beside(request, "number", ("month",))
    distributor = caller.distributor
    # One that has a number never changes.
    async with reading(snapshot=not query["number"], refusal=TOO_SLOW) as sor:
        if query["number"]:
            view = await view_by_number(sor, distributor, query["number"])
        else:
            view = await view_of_month(sor, distributor, check_month(query["month"]))
    content = await view.file(File.for_program(kind, request.context.lang))
    start = "sandbox-statement" if twins_in_use() else "statement"
    name = f"{start}-{distributor.code}-{view.month}.{kind}"
    if kind == Kind.CSV:
        mark = BYTE_ORDER_MARK.encode() if query["bom"] else b""
        reply = _file(mark + content, CSV_TYPE, name)
    else:
        reply = _file(content, XLSX_TYPE, name) if kind == Kind.XLSX else Reply(body=content)
    if view.kept_statement is None:
        return reply
    return replace(reply, is_kept=True, vary="Accept-Language")


def _replay_header(replayed: bool) -> dict[str, str]:
    return {"Idempotent-Replayed": "true"} if replayed else {}


def _file(content: bytes, content_type: str, name: str) -> Reply:
    return Reply(
        body=content,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


# What `.dspy` files call, by name; each is the operation of its name in the OpenAPI document.
ENDPOINTS = {
    "v1_me": endpoint(GET=me),
    "v1_pipelines": endpoint(GET=pipelines),
    "v1_quote": endpoint(POST=quote),
    "v1_calls": endpoint(GET=read_calls, POST=begin_call),
    "v1_calls_finish": endpoint(POST=finish_call),
    "v1_calls_extend": endpoint(POST=extend_call),
    "v1_calls_batch": endpoint(POST=book_batch),
    "v1_usage": endpoint(GET=usage_report),
    "v1_statements": endpoint(GET=statements),
    "v1_statement": endpoint(GET=month_statement),
    "v1_statement_csv": endpoint(GET=statement_csv),
    "v1_statement_xlsx": endpoint(GET=statement_xlsx),
}
