"""What the document says of one call of the distributor API."""

from dataclasses import dataclass, field
from typing import Any

from pipeline_dist.accounts.api_key import Scope
from pipeline_dist.api.error_codes import EVERYWHERE, WITH_BODY
from pipeline_dist.api.openapi.schema import Schema

JSON = "application/json"
NEXT = (
    "From the page before: goes on with its query, which need not be sent again and cannot be"
    " changed."
)
# What a report may be refused for, besides what every call may.
OF_REPORT = ("too_slow",)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """
    One call. `answers`: (status, media type, schema, named examples) of each that is no refusal;
    `codes`: refusals besides those of every call; `scopes`: the key needs one of them; `links`:
    what can be done next with an answer; `deprecated`: parameters that new programs leave out;
    `replays`: an answer may be one of an earlier request; `repeats`: one that is no refusal may
    tell when to try a part of it again; `queries`: parameters of named examples, which have the
    names of answers' or bodies' examples; `is_kept`: it has an ETag, and who has it already hears
    that it is still so.
    """

    tag: str
    path: str
    method: str
    name: str
    summary: str
    description: str
    parameters: tuple[dict[str, Any], ...] = ()
    body: str | None = None
    body_examples: dict[str, Any] = field(default_factory=dict)
    queries: dict[str, dict[str, str]] = field(default_factory=dict)
    answers: tuple[tuple[int, str, Schema, dict[str, Any]], ...]
    codes: tuple[str, ...] = ()
    scopes: frozenset[Scope]
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    deprecated: tuple[str, ...] = ()
    replays: bool = False
    repeats: bool = False
    is_kept: bool = False

    @property
    def all_codes(self) -> tuple[str, ...]:
        """Every refusal this call may meet."""
        return (*EVERYWHERE, *(WITH_BODY if self.body else ()), *self.codes)


def link(operation: str, about: str, **values: Any) -> dict[str, Any]:
    """Return what can be done next with an answer: *values* are the parameters or the body of
    *operation*, taken out of it."""
    return {"operationId": operation, "description": about, **values}


def link_by(operation: str, about: str, name: str, place: str) -> dict[str, Any]:
    """Return the link to *operation* whose body names, as *name*, what stands at *place* of an
    answer."""
    return link(operation, about, requestBody={name: f"$response.body#/{place}"})


def next_page(operation: str) -> dict[str, Any]:
    """Return the link to the page after one whose `next` says where it begins."""
    return link(operation, "The page after.", parameters={"next": "$response.body#/next"})


def link_to_call(place: str) -> dict[str, Any]:
    """Return the link to the call whose number stands at *place* of an answer."""
    return link(
        "read_call",
        "The call as the ledger has it.",
        parameters={"call_no": f"$response.body#/{place}"},
    )
