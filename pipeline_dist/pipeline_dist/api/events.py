"""The feed of events: what happened to a distributor, in the order of the numbers."""

from app.global_func import ApiRequest, FieldRule, reading
from pipeline_dist.accounts.api_key import Scope
from pipeline_dist.accounts.authentication import AuthenticatedDistributor
from pipeline_dist.api import input as api_input
from pipeline_dist.api.endpoint import Reply, endpoint, needs
from pipeline_dist.events.errors import EVENTS_GONE
from pipeline_dist.events.kinds import EventType
from pipeline_dist.events.store import events_after, kept_numbers

EVENTS_QUERY = {
    "after": FieldRule(kind="int", minimum=0, maximum=2**63 - 1),
    "rows": FieldRule(kind="int", minimum=1, maximum=1000, default=100),
    "type": FieldRule(kind="str", choices=tuple(EventType)),
}


@needs(Scope.READ)
async def events(request: ApiRequest, caller: AuthenticatedDistributor) -> Reply:
    """Return events behind the number `after`, the oldest first; from the first kept one without
    it. A key of some lines is told of no event of another."""
    query = api_input.query(request, EVENTS_QUERY)
    types = (query["type"],) if query["type"] else ()
    # Numbers and events are of one moment, so that `next_after` passes nothing by.
    async with reading(snapshot=True) as sor:
        numbers = await kept_numbers(sor, caller.id)
        after = numbers.first - 1 if query["after"] is None else query["after"]
        if after < numbers.first - 1:
            extra = {"first_event_no": numbers.first}
            raise EVENTS_GONE(extra=extra, after=after, first=numbers.first)
        page = await events_after(sor, caller.id, after, query["rows"], types, caller.key.codes)
    is_full = len(page) == query["rows"]
    body = {
        "rows": [event.public() for event in page],
        "next_after": page[-1].event_no if is_full else max(after, numbers.last),
        "first_event_no": numbers.first,
        "last_event_no": numbers.last,
    }
    return Reply(body=body)


EVENT_ENDPOINTS = {"v1_events": endpoint(GET=events)}
