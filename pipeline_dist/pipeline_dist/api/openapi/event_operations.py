"""The calls of the distributor API that tell of events."""

from pipeline_dist.api.events import EVENTS_QUERY, events
from pipeline_dist.api.openapi import event_examples as examples
from pipeline_dist.api.openapi.operation import JSON, Operation
from pipeline_dist.api.openapi.rule_schemas import query_parameters
from pipeline_dist.api.openapi.schema import ref

EVENTS = "events"
EVENT_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        tag=EVENTS,
        path="/pipeline_dist/v1/events",
        method="get",
        name="events",
        scopes=events.scopes,
        queries={"answer": {"after": "41", "rows": "20"}},
        summary="What happened, in the order it did",
        description="Events behind the number `after`, the oldest first. Numbers grow by one and"
        " have the order in which things happened: whoever keeps `next_after` and sends it as"
        " `after` misses nothing and gets nothing twice. Events are kept for 90 days or more. What"
        " each type tells stands under `webhooks` in this document; there may be new types.",
        parameters=query_parameters(
            EVENTS_QUERY,
            {
                "after": "The number of the last event that you have; without it from the first"
                " that is kept.",
                "rows": "Events a page; {default} when left out.",
                "type": "Only events of this type.",
            },
        ),
        answers=((200, JSON, ref("EventList"), {"answer": examples.EVENT_LIST}),),
        codes=("events_gone",),
        links={
            "next": {
                "operationId": "events",
                "description": "What happened since.",
                "parameters": {"after": "$response.body#/next_after"},
            },
        },
    ),
)
