"""What app/access/explain.py found, in words and tables, for the terminal and for the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.base.errors import Text
from app.base.i18n import say

# A page of a thousand users tells no more than their number does.
MOST_ROWS = 200


@dataclass(frozen=True)
class Section:
    """A sentence, and a table below it where there is one: headings and rows of text."""

    sentence: str
    headings: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def told_who_may(found: Mapping[str, Any], lang: str) -> list[Section]:
    """What `who_may` found."""
    sections = [Section(say(_answer_who(found), lang)), *_about_the_place(found, lang)]
    sections += _permissions(found["permissions"], lang)
    if found["users"]:
        rows = [
            [user["username"], *_through(user["because"], lang)]
            for user in found["users"][:MOST_ROWS]
        ]
        heading = Text("{count} user(s) may use it:", count=len(found["users"]))
        sections.append(
            Section(say(heading, lang), _say(["User", "Role", "Through his role"], lang), rows)
        )
        sections += _left_out(len(found["users"]), lang)
    return sections


def told_what_may(found: Mapping[str, Any], lang: str) -> list[Section]:
    """What `what_may` found."""
    roles = Text(
        "{user} has the roles {roles} and counts as {effective}.",
        user=found["username"],
        roles=", ".join(found["roles"]) or "–",
        effective=", ".join(found["effective_roles"]),
    )
    sections = [Section(say(roles, lang))]
    if not found["enabled"]:
        sections.append(Section(say(Text("The user is disabled and cannot sign in."), lang)))
    if "path" in found:
        answer = Section(say(_answer_may(found), lang))
        place = _about_the_place(found, lang)
        return [answer, *sections, *place, *_permissions(found["permissions"], lang)]
    rows = [
        [item["registered"], say(_MATCHES[item["match"]], lang), *_through(item["because"], lang)]
        for item in found["permissions"]
    ]
    heading = Text("{count} permission(s):", count=len(rows))
    columns = _say(["Path", "Match", "Role", "Through his role"], lang)
    return [*sections, Section(say(heading, lang), columns, rows)]


_MATCHES = {"exact": Text("exact"), "prefix": Text("prefix")}
_NOBODY = {
    "not_registered": "Nobody may use {path}: it is not registered, no permission covers it.",
    "no_role": "Nobody may use {path}: it is registered, but no role has it.",
    "no_such_spelling": "Nobody may use {path}: a path has one spelling only, and this is none.",
}
_OPEN = "Everybody may use {path}: the host answers it itself and asks no permission."


def _answer_who(found: Mapping[str, Any]) -> Text:
    path, reason = found["path"], found["reason"]
    if reason == "open":
        return Text(_OPEN, path=path)
    if reason in _NOBODY:
        return Text(_NOBODY[reason], path=path)
    if found["anonymous"] and found["signed_in"]:
        return Text("Everybody may use {path}, also without signing in.", path=path)
    if found["signed_in"]:
        return Text("Everybody who is signed in may use {path}.", path=path)
    roles = ", ".join(found["roles"])
    if found["anonymous"] or found["users"]:
        return Text("{path} may be used by: {roles}.", path=path, roles=roles)
    return Text(
        "Nobody may use {path} at present: no enabled user has the role {roles}.",
        path=path,
        roles=roles,
    )


def _answer_may(found: Mapping[str, Any]) -> Text:
    about = {"user": found["username"], "path": found["path"]}
    if found["reason"] == "open":
        return Text("Yes. " + _OPEN, path=found["path"])
    if found["allowed"]:
        first = found["because"][0]
        return Text(
            "Yes. {user} may use {path}: {registered} is given to the role {role}.",
            **about,
            registered=first["registered"],
            role=first["role"],
        )
    if found["reason"] in _NOBODY:
        return Text("No. " + _NOBODY[found["reason"]], path=found["path"])
    if found["reason"] == "disabled":
        return Text("No. {user} is disabled and cannot sign in.", user=found["username"])
    roles = sorted({role for item in found["permissions"] for role in item["roles"]})
    return Text(
        "No. {user} may not use {path}: it takes one of the roles {roles}.",
        **about,
        roles=", ".join(roles),
    )


def _about_the_place(found: Mapping[str, Any], lang: str) -> list[Section]:
    told = []
    if found["decided_by"] != found["path"]:
        told.append(Text("It is a folder; what counts is {file}.", file=found["decided_by"]))
    if not found["exists"] and found["reason"] != "no_such_spelling":
        told.append(Text("There is no file at this address: who may gets 404."))
    return [Section(say(text, lang)) for text in told]


def _permissions(permissions: Sequence[Mapping[str, Any]], lang: str) -> list[Section]:
    if not permissions:
        return []
    rows = [
        [
            item["registered"],
            say(_MATCHES[item["match"]], lang),
            ", ".join(item["roles"]) or "–",
            item["module"],
            say(Text("yes"), lang) if item["audited"] else "",
        ]
        for item in permissions
    ]
    columns = _say(["Path", "Match", "Roles", "Registered by", "Audited"], lang)
    return [Section(say(Text("Permissions that cover it:"), lang), columns, rows)]


def _through(because: Sequence[Mapping[str, Any]], lang: str) -> tuple[str, str]:
    """The role that has the right, and what the user holds it through."""
    first = because[0]
    held = first["held"]
    return first["role"], say(Text("everybody has it"), lang) if held is None else held


def _left_out(count: int, lang: str) -> list[Section]:
    if count <= MOST_ROWS:
        return []
    return [Section(say(Text("… and {count} more.", count=count - MOST_ROWS), lang))]


def _say(words: Sequence[str], lang: str) -> list[str]:
    return [say(Text(word), lang) for word in words]
