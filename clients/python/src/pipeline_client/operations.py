"""The calls of the API: what is sent, and what is made of the answer. Nothing here does it."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic

from pipeline_client import models
from pipeline_client.exchange import Operation
from pipeline_client.records import R, exact, load, time_text
from pipeline_client.wire import Request, Response, T

ENDINGS = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Line:
    """So much of one unit was used."""

    unit: str
    quantity: Decimal | int | str
    step_key: str = ""
    model: str = ""

    def body(self) -> dict[str, Any]:
        """Return the line as it is sent; raises TypeError for a float."""
        body: dict[str, Any] = {"unit": self.unit, "quantity": exact(self.quantity)}
        if self.step_key:
            body["step_key"] = self.step_key
        if self.model:
            body["model"] = self.model
        return body


Lines = Iterable[Line]


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a long list, and what the rest is asked for with; None where there is none."""

    rows: list[T]
    next: str | None


@dataclass(frozen=True)
class Listing(Generic[T]):
    """
    A list that comes page by page. `is_endless`: there is always a next page, and the end is where
    a page is not full.
    """

    operation: Operation[Page[T]]
    page_size: int
    is_endless: bool = False
    cursor: str = "next"

    def after(self, page: Page[T]) -> "Listing[T] | None":
        """Return the rest of the list after *page*; None where that was the last one."""
        if page.next is None or (self.is_endless and len(page.rows) < self.page_size):
            return None
        request = replace(self.operation.request, params=self._params(page.next))
        return replace(self, operation=replace(self.operation, request=request))

    def _params(self, cursor: str) -> dict[str, str | list[str]]:
        if self.cursor == "next":  # it carries the query
            return {"next": cursor}
        return {**self.operation.request.params, self.cursor: cursor}


def new_key() -> str:
    """Return a new idempotency key."""
    return uuid.uuid4().hex


def call_body(
    pipeline: str,
    *,
    status: str | None = None,
    lines: Lines | None = None,
    client_ref: str | None = None,
    tags: Mapping[str, str] | None = None,
    error: str | None = None,
    lease_seconds: int | None = None,
    estimate: Decimal | int | str | Lines | None = None,
    started_at: datetime | None = None,
    version_no: int | None = None,
) -> dict[str, Any]:
    """Return the body of a begin, or of a call that is over; what is None is left out."""
    body = {
        "pipeline": pipeline,
        "status": status,
        "lines": None if lines is None else [line.body() for line in lines],
        "client_ref": client_ref,
        "tags": None if tags is None else dict(tags),
        "error": error,
        "lease_seconds": lease_seconds,
        "estimate": _estimate(estimate),
        "started_at": None if started_at is None else time_text(started_at),
        "version_no": version_no,
    }
    return {name: value for name, value in body.items() if value is not None}


def _estimate(estimate: Decimal | int | str | Lines | None) -> Any:
    if estimate is None or isinstance(estimate, Decimal | int | str):
        return None if estimate is None else exact(estimate)
    return [line.body() for line in estimate]


def _one(kind: type[R]) -> Any:
    return lambda response: load(kind, response.json())


def _call(response: Response) -> models.Call:
    replayed = response.headers.get("idempotent-replayed") == "true"
    return replace(load(models.Call, response.json()), replayed=replayed)


def _get(path: str, **params: Any) -> Request:
    values = {name.rstrip("_"): value for name, value in params.items() if value is not None}
    return Request("GET", path, {name: _query_value(value) for name, value in values.items()})


def _query_value(value: Any) -> str | list[str]:
    if isinstance(value, list):
        return value
    return time_text(value) if isinstance(value, datetime) else str(value)


def _listing(
    request: Request, kind: type[R], page_size: int, *, is_endless: bool = False
) -> Listing[R]:
    def parse(response: Response) -> Page[R]:
        document = response.json()
        return Page([load(kind, row) for row in document["rows"]], document.get("next"))

    return Listing(Operation(request, parse), page_size, is_endless)


def me() -> Operation[models.Me]:
    """Return who the key belongs to, and what is left."""
    return Operation(_get("me"), _one(models.Me))


def pipelines(q: str | None = None, *, rows: int = 100) -> Listing[models.Pipeline]:
    """Return the pipelines that may be called; *q* is a part of a code or a name."""
    return _listing(_get("pipelines", q=q, rows=rows), models.Pipeline, rows)


def pipeline(code: str) -> Operation[models.Pipeline]:
    """Return one pipeline with its live version."""
    return Operation(_get("pipelines", code=code), _one(models.Pipeline))


def quote(pipeline: str, lines: Lines) -> Operation[models.Quote]:
    """Return what *lines* would cost now, and whether a call would be let in. Books nothing."""
    body = {"pipeline": pipeline, "lines": [line.body() for line in lines]}
    return Operation(Request("POST", "quote", body=body), _one(models.Quote))


def begin(
    pipeline: str,
    *,
    lease_seconds: int | None = None,
    client_ref: str | None = None,
    tags: Mapping[str, str] | None = None,
    estimate: Decimal | int | str | Lines | None = None,
    idempotency_key: str | None = None,
) -> Operation[models.Call]:
    """Begin a call. With the *idempotency_key* of an earlier begin that call is answered again."""
    body = call_body(
        pipeline, lease_seconds=lease_seconds, client_ref=client_ref, tags=tags, estimate=estimate
    )
    return _new_call(body, idempotency_key)


def book(
    pipeline: str,
    lines: Lines,
    *,
    status: str = "succeeded",
    client_ref: str | None = None,
    tags: Mapping[str, str] | None = None,
    error: str | None = None,
    started_at: datetime | None = None,
    version_no: int | None = None,
    idempotency_key: str | None = None,
) -> Operation[models.Call]:
    """Book a call that is over, in one go."""
    body = call_body(
        pipeline,
        status=status,
        lines=lines,
        client_ref=client_ref,
        tags=tags,
        error=error,
        started_at=started_at,
        version_no=version_no,
    )
    return _new_call(body, idempotency_key)


def _new_call(body: dict[str, Any], key: str | None) -> Operation[models.Call]:
    headers = {"idempotency-key": key or new_key()}
    return Operation(Request("POST", "calls", body=body, headers=headers), _call)


def finish(
    call_no: str, status: str = "succeeded", lines: Lines = (), *, error: str | None = None
) -> Operation[models.Call]:
    """End a call that was begun; *status* is one of succeeded, failed, cancelled."""
    body: dict[str, Any] = {"call_no": call_no, "status": status}
    if status != "cancelled":
        body["lines"] = [line.body() for line in lines]
    if error:
        body["error"] = error
    return Operation(Request("POST", "calls/finish", body=body), _call)


def extend(call_no: str, lease_seconds: int) -> Operation[models.Call]:
    """Let a call that runs hold its slot for *lease_seconds* from now on."""
    body = {"call_no": call_no, "lease_seconds": lease_seconds}
    return Operation(Request("POST", "calls/extend", body=body), _call)


def read_call(call_no: str) -> Operation[models.Call]:
    """Return one call with its lines."""
    return Operation(_get("calls", call_no=call_no), _call)


def calls(
    *,
    status: str | None = None,
    pipeline: str | None = None,
    client_ref: str | None = None,
    tags: Mapping[str, str] | None = None,
    from_: datetime | str | None = None,
    to: datetime | str | None = None,
    rows: int = 100,
) -> Listing[models.Call]:
    """Return the calls that fit, also those that run, without their lines; the newest first."""
    request = _get(
        "calls",
        status=status,
        pipeline=pipeline,
        client_ref=client_ref,
        tag=None if tags is None else [f"{name}:{value}" for name, value in tags.items()],
        from_=from_,
        to=to,
        rows=rows,
    )
    return _listing(request, models.Call, rows)


def book_batch(items: Iterable[Mapping[str, Any]]) -> Operation[models.BatchResult]:
    """Book up to 1,000 calls that are over: each a `call_body` with its `idempotency_key`."""
    return Operation(
        Request("POST", "calls/batch", body={"calls": list(items)}), _one(models.BatchResult)
    )


def usage(
    *,
    from_: datetime | str | None = None,
    to: datetime | str | None = None,
    month: str | None = None,
    rows: int = 500,
) -> Listing[models.UsageLine]:
    """Return all that was settled, line by line, in the order in which it was."""
    request = _get("usage", from_=from_, to=to, month=month, rows=rows)
    return _listing(request, models.UsageLine, rows, is_endless=True)


def usage_page(cursor: str | None = None, *, rows: int = 500) -> Operation[Page[models.UsageLine]]:
    """
    Return the lines after *cursor*, which is `next` of the page before. Keep the last one: sent
    later, it answers what was settled since.
    """
    request = _get("usage", rows=rows) if cursor is None else _get("usage", next=cursor)
    return _listing(request, models.UsageLine, rows, is_endless=True).operation


def usage_sums(
    group_by: str,
    *,
    from_: datetime | str | None = None,
    to: datetime | str | None = None,
    month: str | None = None,
) -> Operation[models.UsageSums]:
    """Return sums by *group_by*: day, pipeline, model, step; newer servers know more."""
    request = _get("usage", group_by=group_by, from_=from_, to=to, month=month)
    return Operation(request, _one(models.UsageSums))


def statement(
    month: str | None = None, *, number: str | None = None
) -> Operation[models.Statement]:
    """Return the statement of a month (2026-11; by default this one), or the one of a number."""
    return Operation(_get("statement", month=month, number=number), _one(models.Statement))


def statement_file(
    kind: str, month: str | None = None, *, number: str | None = None, bom: bool = False
) -> Operation[bytes]:
    """Return a statement as a file: *kind* csv or xlsx; *bom* marks a CSV as UTF-8 for Excel."""
    mark = "1" if bom else None
    request = _get(f"statement.{kind}", month=month, number=number, bom=mark)
    return Operation(request, lambda response: response.content)


def statements(*, rows: int = 50) -> Listing[models.StatementSummary]:
    """Return the statements of closed months, the newest first."""
    return _listing(_get("statements", rows=rows), models.StatementSummary, rows)


def events(
    after: int = 0,
    *,
    type: str | None = None,  # noqa: A002
    rows: int = 500,
) -> Listing[models.Event]:
    """Return what has happened after the event number *after*, in order."""
    request = _get("events", after=after, type=type, rows=rows)

    def parse(response: Response) -> Page[models.Event]:
        document = response.json()
        rows_of_page = [load(models.Event, row) for row in document["rows"]]
        return Page(rows_of_page, str(document["next_after"]))

    return Listing(Operation(request, parse), rows, is_endless=True, cursor="after")


def keys() -> Operation[list[models.ApiKey]]:
    """Return the distributor's keys, without the keys themselves. Needs the scope admin."""
    return Operation(
        _get("keys"), lambda response: [load(models.ApiKey, row) for row in response.json()["rows"]]
    )


def create_key(
    name: str, scopes: Iterable[str], *, expires_at: datetime | None = None, **more: Any
) -> Operation[models.ApiKey]:
    """Make a key; the answer has it in `api_key`, this once."""
    body = {"name": name, "scopes": list(scopes), **more}
    if expires_at is not None:
        body["expires_at"] = time_text(expires_at)
    # A repetition is not told the key, so that it is never sent again by itself.
    headers = {"idempotency-key": new_key()}
    request = Request("POST", "keys", body=body, headers=headers, is_repeatable=False)
    return Operation(request, _one(models.ApiKey))


def rotate_key(key_id: str, *, grace_hours: int = 24) -> Operation[models.ApiKey]:
    """Replace a key; the one before stays valid for *grace_hours*."""
    body = {"key_id": key_id, "grace_hours": grace_hours}
    request = Request("POST", "keys/rotate", body=body, is_repeatable=False)
    return Operation(request, _one(models.ApiKey))


def revoke_key(key_id: str) -> Operation[models.ApiKey]:
    """End a key at once."""
    body = {"key_id": key_id}
    return Operation(Request("POST", "keys/revoke", body=body), _one(models.ApiKey))
