"""What app/access/explain.py found, in words and tables, for the terminal and for the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.base.errors import Message
from app.base.i18n import translate

# A page of a thousand users tells no more than their number does.
MAX_ROWS = 200


@dataclass(frozen=True)
class Section:
    """A sentence, and a table below it where there is one: headings and rows of text."""

    sentence: str
    headings: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def explain_who_may(answer: Mapping[str, Any], lang: str) -> list[Section]:
    """Return what `who_may` found."""
    sections = [Section(translate(_answer_who(answer), lang)), *_about_the_place(answer, lang)]
    sections += _permissions(answer["permissions"], lang)
    if answer["users"]:
        rows = [
            [user["username"], *_through(user["because"], lang)]
            for user in answer["users"][:MAX_ROWS]
        ]
        heading = Message("{count} user(s) may use it:", count=len(answer["users"]))
        sections.append(
            Section(
                translate(heading, lang), _say(["User", "Role", "Through his role"], lang), rows
            )
        )
        sections += _left_out(len(answer["users"]), lang)
    return sections


def explain_what_may(report: Mapping[str, Any], lang: str) -> list[Section]:
    """Return what `what_may` found."""
    roles = Message(
        "{user} has the roles {roles} and counts as {effective}.",
        user=report["username"],
        roles=", ".join(report["roles"]) or "–",
        effective=", ".join(report["effective_roles"]),
    )
    sections = [Section(translate(roles, lang))]
    if not report["enabled"]:
        sections.append(
            Section(translate(Message("The user is disabled and cannot sign in."), lang))
        )
    if "path" in report:
        answer = Section(translate(_answer_may(report), lang))
        place = _about_the_place(report, lang)
        return [answer, *sections, *place, *_permissions(report["permissions"], lang)]
    rows = [
        [
            item["registered"],
            translate(_MATCHES[item["match"]], lang),
            *_through(item["because"], lang),
        ]
        for item in report["permissions"]
    ]
    heading = Message("{count} permission(s):", count=len(rows))
    columns = _say(["Path", "Match", "Role", "Through his role"], lang)
    return [*sections, Section(translate(heading, lang), columns, rows)]


_MATCHES = {"exact": Message("exact"), "prefix": Message("prefix")}
_NOBODY = {
    "not_registered": "Nobody may use {path}: it is not registered, no permission covers it.",
    "no_role": "Nobody may use {path}: it is registered, but no role has it.",
    "no_such_spelling": "Nobody may use {path}: a path has one spelling only, and this is none.",
}
_OPEN = "Everybody may use {path}: the host answers it itself and asks no permission."


def _answer_who(answer: Mapping[str, Any]) -> Message:
    path, reason = answer["path"], answer["reason"]
    if reason == "open":
        return Message(_OPEN, path=path)
    if reason in _NOBODY:
        return Message(_NOBODY[reason], path=path)
    if answer["anonymous"] and answer["signed_in"]:
        return Message("Everybody may use {path}, also without signing in.", path=path)
    if answer["signed_in"]:
        return Message("Everybody who is signed in may use {path}.", path=path)
    roles = ", ".join(answer["roles"])
    if answer["anonymous"] or answer["users"]:
        return Message("{path} may be used by: {roles}.", path=path, roles=roles)
    return Message(
        "Nobody may use {path} at present: no enabled user has the role {roles}.",
        path=path,
        roles=roles,
    )


def _answer_may(answer: Mapping[str, Any]) -> Message:
    about = {"user": answer["username"], "path": answer["path"]}
    if answer["reason"] == "open":
        return Message("Yes. " + _OPEN, path=answer["path"])
    if answer["allowed"]:
        first = answer["because"][0]
        return Message(
            "Yes. {user} may use {path}: {registered} is given to the role {role}.",
            **about,
            registered=first["registered"],
            role=first["role"],
        )
    if answer["reason"] in _NOBODY:
        return Message("No. " + _NOBODY[answer["reason"]], path=answer["path"])
    if answer["reason"] == "disabled":
        return Message("No. {user} is disabled and cannot sign in.", user=answer["username"])
    roles = sorted({role for item in answer["permissions"] for role in item["roles"]})
    return Message(
        "No. {user} may not use {path}: it takes one of the roles {roles}.",
        **about,
        roles=", ".join(roles),
    )


def _about_the_place(answer: Mapping[str, Any], lang: str) -> list[Section]:
    sections = []
    if answer["decided_by"] != answer["path"]:
        sections.append(
            Message("It is a folder; what counts is {file}.", file=answer["decided_by"])
        )
    if not answer["exists"] and answer["reason"] != "no_such_spelling":
        sections.append(Message("There is no file at this address: who may gets 404."))
    return [Section(translate(text, lang)) for text in sections]


def _permissions(permissions: Sequence[Mapping[str, Any]], lang: str) -> list[Section]:
    if not permissions:
        return []
    rows = [
        [
            item["registered"],
            translate(_MATCHES[item["match"]], lang),
            ", ".join(item["roles"]) or "–",
            item["module"],
            translate(Message("yes"), lang) if item["audited"] else "",
        ]
        for item in permissions
    ]
    columns = _say(["Path", "Match", "Roles", "Registered by", "Audited"], lang)
    return [Section(translate(Message("Permissions that cover it:"), lang), columns, rows)]


def _through(because: Sequence[Mapping[str, Any]], lang: str) -> tuple[str, str]:
    """Return the role that has the right, and what the user holds it through."""
    first = because[0]
    held_role = first["held"]
    return first["role"], translate(
        Message("everybody has it"), lang
    ) if held_role is None else held_role


def _left_out(count: int, lang: str) -> list[Section]:
    if count <= MAX_ROWS:
        return []
    return [Section(translate(Message("… and {count} more.", count=count - MAX_ROWS), lang))]


def _say(words: Sequence[str], lang: str) -> list[str]:
    return [translate(Message(word), lang) for word in words]
