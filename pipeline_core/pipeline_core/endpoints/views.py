"""
What the validator, the comparison and a version say, as descriptions of widgets for the pages.

Only this file knows how a page looks; what it shows comes from the functions the API uses.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from app.global_func import Message, to_json, translate
from pipeline_core.definition.diff import is_empty
from pipeline_core.definition.snapshot import Definition
from pipeline_core.definition.stages import layout_of

Widget = dict[str, Any]

_MARKS = {"error": "✕ ", "warning": "⚠ "}
_EVENTS = {
    "published": "published",
    "rolled_back": "live again by a rollback",
    "superseded": "replaced",
    "offline": "taken off sale",
    "archived": "taken off sale and archived",
    "back_online": "back on sale",
}
_BECAME = {
    "created": "will be new",
    "changed": "will be changed",
    "skipped": "stays as it is",
    "removed": "will be removed",
    "problem": "has a problem",
}
_STATES = {"saved": "saved, never live", "published": "live", "superseded": "was live"}


def problems_view(report: Mapping[str, Any], lang: str) -> Widget:
    """Show the problems of a check (as `compare.check_version` gives them), errors first, and the
    prices to be carried over."""
    heading = "The line can be published." if report["publishable"] else "Correct this first:"
    problems = sorted(report["problems"], key=lambda problem: problem["severity"])
    lines = [
        _MARKS[problem["severity"]]
        + (f"{problem['step_key']}: " if problem["step_key"] else "")
        + problem["message"]
        for problem in problems
    ]
    lines += [_MARKS["warning"] + _orphan(price, lang) for price in report["orphaned_prices"]]
    return _box(translate(Message(heading), lang), lines)


def _orphan(price: Mapping[str, Any], lang: str) -> str:
    template = (
        "The price of {unit} follows the step {key} to its new code {new}."
        if price["new_step_key"]
        else "The price of {unit} ends with the step {key}."
    )
    values = {"unit": price["unit"], "key": price["step_key"], "new": price["new_step_key"]}
    return translate(Message(template, **values), lang)


def difference_view(difference: Mapping[str, Any], before: str, after: str, lang: str) -> Widget:
    """Return a difference (as `diff.difference` gives it) in words, one line each."""
    heading = translate(Message("From {before} to {after}", before=before, after=after), lang)
    if is_empty(difference):
        return _box(heading, [translate(Message("Nothing differs."), lang)])
    steps = difference["steps"]
    messages = [
        Message("{field}: {old} → {new}", **_change_params(change))
        for change in difference["pipeline"]
    ]
    messages += [
        Message("+ step {key} ({name}), {place}", **_step_params(step)) for step in steps["added"]
    ]
    messages += [
        Message("− step {key} ({name}), {place}", **_step_params(step)) for step in steps["removed"]
    ]
    messages += [
        Message(
            "↕ step {key}: {old} → {new}",
            key=move["step_key"],
            old=_place(move["from"]),
            new=_place(move["to"]),
        )
        for move in steps["moved"]
    ]
    messages += [
        Message("{field}: {old} → {new}", **_change_params(change) | {"field": _step_field(change)})
        for change in _each_change(steps["changed"])
    ]
    messages += [
        Message("step {key} now runs in parallel with others", key=change["step_key"])
        if change["to"] == "parallel"
        else Message("step {key} now runs alone in its stage", key=change["step_key"])
        for change in steps["parallel_changed"]
    ]
    return _box(heading, [translate(text, lang) for text in messages])


def version_view(version: Mapping[str, Any], definition: Definition, lang: str) -> Widget:
    """Return a version: what it says about itself, what happened to it, and its stages."""
    heading = Message(
        "Version {version_no} of {name}: {state}",
        version_no=version["version_no"],
        name=definition["pipeline"]["name"],
        state=Message(_STATES[version["status"]]),
    )
    log = json.loads(version["event_log"] or "[]")
    return {
        "widgettype": "VBox",
        "options": {"width": "100%", "gap": "16px"},
        "subwidgets": [
            _box(
                translate(heading, lang), [version["notes"] or "", f"SHA-256 {version['checksum']}"]
            ),
            _box(
                translate(Message("What happened to it"), lang),
                [_event(entry, lang) for entry in log],
            ),
            _box(translate(Message("Steps"), lang), _stages(definition, lang)),
        ],
    }


def contributors_view(contributors: Sequence[Mapping[str, Any]], reader: str, lang: str) -> Widget:
    """Return who has changed the draft since the last version; others than the *reader* are
    marked."""
    if not contributors:
        return _box(
            translate(Message("Nobody has changed the draft since the last version."), lang), []
        )
    lines = [
        ("" if one["user_id"] == reader else "⚠ ")
        + translate(
            Message(
                "{who}: {count} change(s), the last at {when}",
                who=one["username"] or one["user_id"],
                count=one["changes"],
                when=one["last_change"],
            ),
            lang,
        )
        for one in contributors
    ]
    return _box(translate(Message("Who has changed the draft since the last version"), lang), lines)


def import_view(
    report: Mapping[str, Any], tried: Mapping[str, Any], opener: str, lang: str
) -> Widget:
    """
    Return what an import did, or its dry run would do, to the line and each step; after a dry run
    with a button that imports what was *tried*.
    """
    heading = "Imported." if report["importable"] else "Correct this first:"
    if report["dry_run"] and report["importable"]:
        heading = "Dry run: this can be imported."
    lines = [_MARKS["error"] + _with_place(problem) for problem in report["problems"]]
    lines.append(_outcome(report["line"]["code"], report["line"]["action"], (), lang))
    for step in report["steps"]:
        lines.append(_outcome(step["step_key"], step["action"], step["fields"], lang))
        lines += [f"    {_MARKS[p['severity']]}{_with_place(p)}" for p in step["problems"]]
    for name in ("prices", "capacity"):
        lines += [_outcome(name, outcome["action"], (), lang) for outcome in report.get(name, ())]
    box = _box(translate(Message(heading), lang), lines)
    if report["dry_run"] and report["importable"] and "content" in tried:
        # Above what may be hundreds of lines.
        box["subwidgets"].insert(1, _import_button(report["line"], tried, opener, lang))
    return box


def _import_button(
    pipeline: Mapping[str, Any], tried: Mapping[str, Any], opener: str, lang: str
) -> Widget:
    """Return the button; it sends what the dry run was given, and the line's version and state that
    the dry run saw."""
    version = {name: pipeline[name] for name in ("lock_version", "state") if name in pipeline}
    tool = {"name": "submit", "label": translate(Message("Import now"), lang)}
    return {
        "widgettype": "Form",
        "options": {
            "submit_url": "/pipeline_core/api/pipeline_import.dspy",
            "content_type": "json",
            "params": {**tried, **version, "dry_run": 0},
            "referer_widget": opener,
            "fields": [],
            "toolbar": {"tools": [tool]},
        },
    }


def _with_place(problem: Mapping[str, Any]) -> str:
    return f"{problem['field']}: {problem['message']}" if problem["field"] else problem["message"]


def _outcome(name: str, action: str, fields: Sequence[str], lang: str) -> str:
    text = translate(Message("{name}: {action}", name=name, action=Message(_BECAME[action])), lang)
    return f"{text} ({', '.join(fields)})" if fields else text


def note_view(text: Message, lang: str) -> Widget:
    """One sentence in place of a view."""
    return _box(translate(text, lang), [])


def _stages(definition: Definition, lang: str) -> list[str]:
    by_key = {step["step_key"]: step for step in definition["steps"]}
    lines = []
    for stage_no, stage in enumerate(layout_of(definition["steps"]), 1):
        lines.append(translate(Message("Stage {number}", number=stage_no), lang))
        lines += [f"  · {_describe(by_key[key], lang)}" for key in stage]
    return lines


def _describe(step: Mapping[str, Any], lang: str) -> str:
    parts = [f"{step['step_key']} ({step['name']})", step["step_type"]]
    parts += [step["model"]] if step["model"] else []
    parts += [] if step["enabled"] else [translate(Message("disabled"), lang)]
    return " · ".join(parts)


def _event(entry: Mapping[str, Any], lang: str) -> str:
    what = translate(Message(_EVENTS.get(entry["event"], entry["event"])), lang)
    who = entry.get("username") or entry.get("by") or ""
    why = f": {entry['why']}" if entry.get("why") else ""
    return f"{entry['at']} · {who} · {what}{why}"


def _step_params(step: Mapping[str, Any]) -> dict[str, Any]:
    return {"key": step["step_key"], "name": step["name"], "place": _place(step)}


def _place(place: Mapping[str, Any]) -> Message:
    return Message("stage {stage}, place {place}", stage=place["stage"], place=place["step_no"])


def _each_change(step_changes: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield a changed configuration as a change of each of its keys."""
    for change in step_changes:
        old, new = change["from"], change["to"]
        if change["field"] != "config" or not isinstance(old, dict) or not isinstance(new, dict):
            yield change
            continue
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                part = {"from": old.get(name), "to": new.get(name)}
                yield {**change, "field": f"config.{name}", **part}


def _step_field(change: Mapping[str, Any]) -> str:
    return f"{change['step_key']}.{change['field']}"


def _change_params(change: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "field": change["field"],
        "old": _plain(change["from"]),
        "new": _plain(change["to"]),
    }


def _plain(value: Any) -> str:
    if value is None or value == "":
        return "–"
    return value if isinstance(value, str) else to_json(value)


def _box(heading: str, lines: Sequence[str] | Iterable[str]) -> Widget:
    return {
        "widgettype": "VBox",
        "options": {"width": "100%", "gap": "4px"},
        "subwidgets": [
            {"widgettype": "Title5", "options": {"text": heading}},
            *(
                {"widgettype": "Text", "options": {"text": line, "wrap": True}}
                for line in lines
                if line
            ),
        ],
    }
