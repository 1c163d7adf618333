"""
One family of errors for the whole application.

An error is raised by its entry in a catalogue (`ErrorCode`; for one field, `FieldCode`): code, HTTP
status and the sentence that says what to do, in both languages, stand there and nowhere else. The
sentence is kept as a template and its parameters, so that it can be said in the reader's language
when the answer is made (see app/base/i18n.py), not where the error was raised.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self


class Sentence(str):
    """An English template that has its Chinese with it; the names in braces are values."""

    __slots__ = ("zh",)
    zh: str

    def __new__(cls, en: str, zh: str) -> Self:
        """Return *en* as a template; *zh* names the same values."""
        sentence = super().__new__(cls, en)
        sentence.zh = zh
        return sentence


# The hint of an entry whose own sentence serves programs as well.
AS_SAID = Sentence("", "")


class Message:
    """
    A sentence to be said in the reader's language: an English template and its values. A template
    that is no Sentence has its Chinese in an `i18n/zh.json`.
    """

    __slots__ = ("params", "template")

    def __init__(self, template: str, /, **params: Any) -> None:
        self.template = template
        self.params = params

    def __str__(self) -> str:
        return self.template.format(**self.params) if self.params else str(self.template)


class FieldProblem:
    """What is wrong with one field of a request; `field` may be a path such as `lines/0/unit`."""

    __slots__ = ("code", "field", "text")

    def __init__(self, field: str, code: str, text: Message) -> None:
        self.field = field
        self.code = code
        self.text = text

    def __repr__(self) -> str:
        return f"FieldProblem({self.field!r}, {self.code!r}, {str(self.text)!r})"


@dataclass(frozen=True, slots=True)
class FieldCode:
    """
    One entry of a catalogue of what can be wrong with a field: a code, which programs go by, and
    what would be right. A code may have several entries, with a sentence each.
    """

    code: str
    en: str
    zh: str
    sentence: Sentence = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sentence", Sentence(self.en, self.zh))

    def __call__(
        self, field_name: str, message: Message | None = None, /, **params: Any
    ) -> FieldProblem:
        """Return the problem of *field_name*; *message* is said in place of the own sentence."""
        return FieldProblem(field_name, self.code, message or self.message(**params))

    def message(self, **params: Any) -> Message:
        """Return the sentence with its values."""
        return Message(self.sentence, **params)


class AppError(Exception):
    """Something was refused; the answer says what and what to do about it."""

    status = 400

    def __init__(
        self,
        entry: "ErrorCode",
        message: Message | None = None,
        /,
        *,
        status: int | None = None,
        problems: Iterable[FieldProblem] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> None:
        self.code = entry.code
        self.text = message or entry.message(**params)
        self.status = entry.status if status is None else status
        self.problems = list(problems)
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})
        super().__init__(str(self.text))

    def copy(self) -> "AppError":
        """Return the same refusal for another request, which adds headers of its own to it."""
        copy = AppError.__new__(type(self), *self.args)
        copy.__dict__.update(self.__dict__, headers=dict(self.headers))
        copy.__cause__ = self.__cause__
        return copy


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


_CLASSES: dict[int, type[AppError]] = {
    kind.status: kind
    for kind in (
        BadRequest,
        NotSignedIn,
        PaymentRequired,
        Forbidden,
        NotFound,
        Conflict,
        Unprocessable,
        TooManyRequests,
        Unavailable,
    )
}


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """
    One entry of a catalogue of refusals: `raise BUSY(headers=…)`.

    `code` is what programs go by, `status` that of HTTP, `en` and `zh` say what to do; the names in
    braces are values. `hint` is for the document of the distributor API: what
    a program does about it. Only what no program meets has none.
    """

    code: str
    status: int
    en: str
    zh: str
    hint: Sentence | None = None
    sentence: Sentence = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sentence", Sentence(self.en, self.zh))
        if self.hint is AS_SAID:
            object.__setattr__(self, "hint", self.sentence)

    def __call__(
        self,
        message: Message | None = None,
        /,
        *,
        status: int | None = None,
        problems: Iterable[FieldProblem] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> AppError:
        """
        Return the error to raise, of the class of its status (else AppError itself).

        *params* are the sentence's values, or *message* is said in its place; *problems* tell of
        single fields, *extra* are members and *headers* headers of the answer; *status* is given
        only where what was met decides it.
        """
        kind = _CLASSES.get(self.status, AppError)
        return kind(
            self,
            message,
            status=status,
            problems=problems,
            extra=extra,
            headers=headers,
            **params,
        )

    def at(self, field_name: str, /, **params: Any) -> AppError:
        """Return the error to raise where it is all about one field, which is told the same."""
        message = self.message(**params)
        return self(message, problems=[FieldProblem(field_name, self.code, message)])

    def message(self, **params: Any) -> Message:
        """Return the sentence with its values."""
        return Message(self.sentence, **params)

    def variant(self, en: str, zh: str) -> "ErrorCode":
        """Return the same refusal with another sentence, for another cause."""
        return replace(self, en=en, zh=zh, hint=None)
