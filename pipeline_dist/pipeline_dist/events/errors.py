"""What the feed of events refuses, and types that there are not."""

from app.global_func import ErrorCode, FieldCode, Sentence

BAD_EVENT_TYPES = FieldCode(
    "bad_event_types",
    "Give a list of types of events, of: {types}.",
    "请给出事件类型的列表，可用的有：{types}。",
)
EVENTS_GONE = ErrorCode(
    "events_gone",
    410,
    "Events up to {after} were asked from, and the first one kept is {first}. Ask with"
    " after={first} less 1, or without after, and look up what else you need.",
    "所请求的 after 为 {after}，而保留的第一个事件为 {first}。请以 {first} 减 1 作为 after，或不带"
    " after 重新读取，并自行核对其间的数据。",
    hint=Sentence(
        "Events behind `after` are no longer kept; `first_event_no` is the first that is.",
        "`after` 之后的部分事件已不再保留；`first_event_no` 为保留的第一个事件。",
    ),
)
