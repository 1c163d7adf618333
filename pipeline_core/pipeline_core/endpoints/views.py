"""
What the validator and an import say, as descriptions of widgets for the pages.

Only this file knows how a page looks; what it shows comes from the functions the API uses.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.global_func import Message, translate

Widget = dict[str, Any]

_MARKS = {"error": "✕ ", "warning": "⚠ "}
_BECAME = {
    "created": "will be new",
    "changed": "will be changed",
    "skipped": "stays as it is",
    "removed": "will be removed",
    "problem": "has a problem",
}


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
