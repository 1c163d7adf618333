"""
One family of errors for the whole application.

An error carries a stable `code`, an HTTP status and a sentence that says what to do. The
sentence is kept as a template and its parameters, so that it can be said in the reader's
language when the answer is made (see app/base/i18n.py), not where the error was raised.
"""

from collections.abc import Iterable, Mapping
from typing import Any


class Message:
    """A sentence to be said in the reader's language: an English template and its values."""

    __slots__ = ("params", "template")

    def __init__(self, template: str, **params: Any) -> None:
        self.template = template
        self.params = params

    def __str__(self) -> str:
        return self.template.format(**self.params) if self.params else self.template


class FieldProblem:
    """What is wrong with one field of a request; `field` may be a path such as `lines/0/unit`."""

    __slots__ = ("code", "field", "text")

    def __init__(self, field: str, code: str, template: str, **params: Any) -> None:
        self.field = field
        self.code = code
        self.text = Message(template, **params)

    def __repr__(self) -> str:
        return f"FieldProblem({self.field!r}, {self.code!r}, {str(self.text)!r})"


class AppError(Exception):
    """Something was refused; the answer says what and what to do about it."""

    status = 400

    def __init__(
        self,
        code: str,
        template: str,
        /,
        *,
        status: int | None = None,
        problems: Iterable[FieldProblem] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> None:
        self.code = code
        self.text = Message(template, **params)
        self.status = status if status is not None else type(self).status
        self.problems = list(problems)
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})
        super().__init__(str(self.text))


class BadRequest(AppError):
    """The request itself is not understood."""

    status = 400


class NotSignedIn(AppError):
    """Nobody is signed in, or the key is not valid."""

    status = 401


class PaymentRequired(AppError):
    """A spending limit is reached."""

    status = 402


class Forbidden(AppError):
    """The caller is known and may not do this."""

    status = 403


class NotFound(AppError):
    """There is no such thing, or not for this caller."""

    status = 404


class MethodNotAllowed(AppError):
    """The path exists and does not answer to this method."""

    status = 405

    def __init__(self, method: str, methods: str) -> None:
        super().__init__(
            "method_not_allowed",
            "{method} is not allowed here; use {allowed}.",
            headers={"Allow": methods},
            method=method,
            allowed=methods,
        )


class Conflict(AppError):
    """The state of things does not allow it now."""

    status = 409


class Unprocessable(AppError):
    """Understood, and contradictory."""

    status = 422


class TooManyRequests(AppError):
    """A quota, a rate or a concurrency limit is reached."""

    status = 429


class Unavailable(AppError):
    """The service cannot answer now; trying again later is right."""

    status = 503


class InvalidFields(BadRequest):
    """One or more fields are wrong; all problems are told at once (the first 200 of a flood)."""

    MAX_TOLD = 200
    MAX_NAMED = 20

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        all_problems = list(problems)
        names = list(dict.fromkeys(problem.field for problem in all_problems))
        if len(names) > self.MAX_NAMED:
            names[self.MAX_NAMED :] = ["…"]
        # What is wrong as a whole, or has a name of no letters, is said itself.
        text = Message(
            "{count} field(s) need correction: {names}.",
            count=len(all_problems),
            names=", ".join(names),
        )
        if names == [""]:
            text = all_problems[0].text
        super().__init__(
            "invalid_fields", text.template, problems=all_problems[: self.MAX_TOLD], **text.params
        )


class DuplicateKey(Conflict):
    """A row with the same unique value exists; `index` names the unique key."""

    def __init__(self, index: str) -> None:
        self.index = index
        super().__init__(
            "duplicate",
            "Such a record exists already ({index}). Choose another value.",
            index=index,
        )


class EditConflict(Conflict):
    """
    Somebody else changed the record since the caller read it.

    With *table*, the answer gets a `difference`: the fields sent that are otherwise now.
    """

    def __init__(
        self,
        current: Mapping[str, Any],
        changed_by: Any,
        changed_at: Any,
        *,
        table: str | None = None,
    ) -> None:
        self.table = table
        super().__init__(
            "edit_conflict",
            "The record was changed by {who} at {when}. Look at the current version and try again.",
            extra={"current": dict(current), "changed_by": changed_by, "changed_at": changed_at},
            who=changed_by or "?",
            when=changed_at or "?",
        )


class InUse(Conflict):
    """Others refer to the record; each referrer is {table, id, label, count?}."""

    def __init__(self, referrers: Iterable[Mapping[str, Any]]) -> None:
        rows = [dict(referrer) for referrer in referrers]
        super().__init__(
            "in_use",
            "It cannot be deleted while others refer to it: {names}.",
            extra={"referrers": rows},
            names=", ".join(
                str(referrer.get("label") or referrer.get("table")) for referrer in rows
            ),
        )
