"""The endpoints of going live later, and of the approval of a second person."""

from collections.abc import Mapping
from typing import Any

from app.global_func import Actor, Answer, FieldRule, Message, check_params, in_transaction
from pipeline_core.draft.state_token import REQUIRED_STATE
from pipeline_core.lifecycle import publications
from pipeline_core.lifecycle.publication_rows import DONE, PUBLISH, ROLLBACK, WAITING

_ID = FieldRule(kind="str", required=True, length=32)
_FLAG = FieldRule(kind="bool", default=0)

REQUEST = {
    "pipeline_id": _ID,
    "action": FieldRule(kind="str", default=PUBLISH, choices=(PUBLISH, ROLLBACK)),
    "version_no": FieldRule(kind="int", minimum=1),
    "notes": FieldRule(kind="text", length=2000),
    "carry_prices": _FLAG,
    "replace_draft": _FLAG,
    "publish_at": FieldRule(kind="datetime"),
    "state": REQUIRED_STATE,
}
APPROVE = {"id": _ID, "state": REQUIRED_STATE}
CANCEL = {"id": _ID}
APPROVAL = {
    "pipeline_id": _ID,
    "needs_approval": FieldRule(kind="bool", required=True),
    "state": REQUIRED_STATE,
}


async def pipeline_publication_request(actor: Actor, params: dict[str, Any]) -> Answer:
    """Ask for a version or the draft to go live at a time, or with another person's approval."""
    query = check_params(REQUEST, params)
    answer = await in_transaction(
        lambda sor: publications.request_publication(sor, query["pipeline_id"], query, actor)
    )
    return Answer(answer, message=_outlook(answer))


async def pipeline_publication_approve(actor: Actor, params: dict[str, Any]) -> Answer:
    """Approve what another person has asked for."""
    query = check_params(APPROVE, params)
    answer = await in_transaction(lambda sor: publications.approve(sor, query["id"], query, actor))
    is_done = answer["status"] == DONE
    return Answer(answer, message=Message("Approved and done.") if is_done else _outlook(answer))


async def pipeline_publication_cancel(actor: Actor, params: dict[str, Any]) -> Answer:
    """End a request without doing it."""
    query = check_params(CANCEL, params)
    answer = await in_transaction(lambda sor: publications.cancel(sor, query["id"], actor))
    return Answer(answer, message=Message("The request is cancelled."))


async def pipeline_approval_set(actor: Actor, params: dict[str, Any]) -> Answer:
    """Say whether what goes live needs a second person; to end that needs one too."""
    query = check_params(APPROVAL, params)
    record = await in_transaction(
        lambda sor: publications.set_approval(sor, query["pipeline_id"], query, actor)
    )
    message = (
        Message("What goes live needs the approval of a second person from now on.")
        if "publication" not in record
        else Message("Asked for: a second person has to approve that approval is needed no more.")
    )
    return Answer(record, table="pipelines", message=message)


def _outlook(answer: Mapping[str, Any]) -> Message:
    if answer["status"] == WAITING:
        return Message("Asked for: a second person has to approve it.")
    return Message("It goes live at {at}.", at=answer["publish_at"])
