"""The endpoints that only the pages ask: views of the module's answers, and drop-down choices."""

from typing import Any

from app.global_func import Actor, FieldRule, Message, check_params, iso, reading, translate
from pipeline_core.definition.snapshot import load
from pipeline_core.endpoints import views
from pipeline_core.lifecycle import compare
from pipeline_core.lifecycle.live import version_by_number

_ID = FieldRule(kind="str", required=True, length=32)
_NUMBER = FieldRule(kind="int", minimum=1)
_WHICH = FieldRule(kind="str", length=16)

VERSIONS = """
select version_no, status, notes, created_at from pipeline_versions
 where pipeline_id = ${pipeline_id}$ order by version_no desc limit 200
"""


async def pipeline_validate_view(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return the dry run in words."""
    query = check_params({"pipeline_id": _ID, "version_no": _NUMBER}, params)
    async with reading(snapshot=True) as sor:
        report = await compare.check_version(sor, query["pipeline_id"], query["version_no"], actor)
    return views.problems_view(report, actor.lang)


async def pipeline_diff_view(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return the comparison in words."""
    spec = {"pipeline_id": _ID, "from": _WHICH, "to": _WHICH}
    query = check_params(spec, params)
    before, after = query["from"] or "live", query["to"] or "draft"
    async with reading(snapshot=True) as sor:
        if "live" in (before, after) and not await compare.is_live(sor, query["pipeline_id"]):
            return views.note_view(Message("The line is not live; all of it is new."), actor.lang)
        difference = await compare.compare(sor, query["pipeline_id"], before, after)
    return views.difference_view(
        difference, _version_name(before, actor.lang), _version_name(after, actor.lang), actor.lang
    )


async def pipeline_version_view(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """One version: its state, what happened to it, its stages."""
    query = check_params(
        {"pipeline_id": _ID, "version_no": FieldRule(kind="int", minimum=1, required=True)}, params
    )
    async with reading() as sor:
        version = await version_by_number(sor, query["pipeline_id"], query["version_no"])
    return views.version_view(version, load(version), actor.lang)


async def pipeline_version_choices(actor: Actor, params: dict[str, Any]) -> list[dict[str, str]]:
    """Draft, live and the versions, newest first, for a drop-down; with `was_live` only those
    one can roll back to."""
    query = check_params(
        {"pipeline_id": _ID, "was_live": FieldRule(kind="bool", default=0)}, params
    )
    async with reading() as sor:
        versions = await sor.sqlExe(VERSIONS, {"pipeline_id": query["pipeline_id"]})
    choices = [
        {
            "value": str(version["version_no"]),
            "text": f"v{version['version_no']} · {iso(version['created_at'])[:10]}"
            + (f" · {version['notes'][:40]}" if version["notes"] else ""),
        }
        for version in versions
        if not query["was_live"] or version["status"] == "superseded"
    ]
    if query["was_live"]:
        return choices
    fixed = [{"value": name, "text": _version_name(name, actor.lang)} for name in ("draft", "live")]
    return fixed + choices


def _version_name(which: str, lang: str) -> str:
    names = {"draft": Message("the draft"), "live": Message("the live version")}
    return translate(names[which], lang) if which in names else f"v{which.lstrip('vV')}"
