"""What can go wrong, as exceptions; the class of each code is in `problem_classes.py`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pipeline_client.records import FieldProblem, Refusal, load
from pipeline_client.wire import Response

# Fields that the message of a problem names; all of them are in its `errors`.
MAX_SHOWN_FIELDS = 3


class PipelineError(Exception):
    """Everything that this package raises on purpose."""


class NoAnswer(PipelineError):
    """
    No answer came, after all tries: whether the request was carried out is not known.

    Repeat it with the same idempotency key; nothing is booked twice.
    """


class BadAnswer(PipelineError):
    """What answered is not the API, or not a version of it that this package knows."""


class Problem(PipelineError):
    """
    The API refused. `code` is stable, `detail` a sentence for people.

    A code that is newer than this package raises Problem itself: go by its `status` then.
    """

    known_code: ClassVar[str] = ""
    classes: ClassVar[dict[str, "type[Problem]"]] = {}

    def __init__(
        self,
        status: int,
        refusal: Refusal,
        *,
        title: str = "",
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{status} {refusal.code}: {refusal.detail}{_of_fields(refusal.errors)}")
        self.status = status
        self.refusal = refusal
        self.title = title
        self.request_id = request_id
        self.retry_after = retry_after

    def __init_subclass__(cls) -> None:
        Problem.classes[cls.known_code] = cls

    @property
    def code(self) -> str:
        """What programs go by."""
        return self.refusal.code

    @property
    def detail(self) -> str:
        """What to do about it, for people."""
        return self.refusal.detail

    @property
    def errors(self) -> list[FieldProblem]:
        """What is wrong with single fields."""
        return self.refusal.errors

    @property
    def passes_by_itself(self) -> bool:
        """Whether the same request may be taken later without anybody's doing."""
        if self.status in (429, 503):
            return self.retry_after is not None or self.status == 503
        return self.status in (408, 500, 502, 504)


def _of_fields(errors: list[FieldProblem]) -> str:
    """Return what a message tells of single fields: the first of them, and how many more."""
    first = "".join(f" [{error.pointer}: {error.detail}]" for error in errors[:MAX_SHOWN_FIELDS])
    more = len(errors) - MAX_SHOWN_FIELDS
    return f"{first} … +{more}" if more > 0 else first


def problem_of(
    status: int,
    document: Mapping[str, Any],
    *,
    retry_after: float | None = None,
) -> Problem:
    """Return the exception for a problem document, or for a refusal inside another answer."""
    refusal = load(Refusal, {"code": "", "detail": ""} | dict(document))
    kind = Problem.classes.get(refusal.code, Problem)
    return kind(
        status,
        refusal,
        title=str(document.get("title", "")),
        request_id=str(document.get("request_id", "")),
        retry_after=retry_after,
    )


def problem_of_response(response: Response) -> Problem:
    """Return the exception for an answer that is a refusal, of the API or of what is before it."""
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, dict) or "code" not in document:
        text = response.content[:300].decode("utf-8", "replace").strip()
        document = {"code": "", "detail": text or "There is nothing in the answer."}
    document.setdefault("request_id", response.headers.get("x-request-id", ""))
    return problem_of(response.status, document, retry_after=response.retry_after())
