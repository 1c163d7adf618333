"""The refusals that are caught by what they are, or that tell more than a sentence."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.base.catalogue.records import DUPLICATE, EDIT_CONFLICT, IN_USE
from app.base.catalogue.requests import INVALID_FIELDS, METHOD_NOT_ALLOWED
from app.base.errors import AppError, BadRequest, Conflict, FieldProblem


class MethodNotAllowed(AppError):
    """The path exists and does not answer to this method."""

    def __init__(self, method: str, methods: str) -> None:
        super().__init__(
            METHOD_NOT_ALLOWED,
            headers={"Allow": methods},
            method=method,
            allowed=methods,
        )


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
        text = INVALID_FIELDS.message(count=len(all_problems), names=", ".join(names))
        if names == [""]:
            text = all_problems[0].text
        super().__init__(INVALID_FIELDS, text, problems=all_problems[: self.MAX_TOLD])


class DuplicateKey(Conflict):
    """A row with the same unique value exists; `index` names the unique key."""

    def __init__(self, index: str) -> None:
        self.index = index
        super().__init__(DUPLICATE, index=index)


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
            EDIT_CONFLICT,
            extra={"current": dict(current), "changed_by": changed_by, "changed_at": changed_at},
            who=changed_by or "?",
            when=changed_at or "?",
        )


class InUse(Conflict):
    """Others refer to the record; each referrer is {table, id, label, count?}."""

    def __init__(self, referrers: Iterable[Mapping[str, Any]]) -> None:
        rows = [dict(referrer) for referrer in referrers]
        super().__init__(
            IN_USE,
            extra={"referrers": rows},
            names=", ".join(
                str(referrer.get("label") or referrer.get("table")) for referrer in rows
            ),
        )
