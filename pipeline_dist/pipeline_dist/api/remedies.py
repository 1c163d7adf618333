"""What to do about each refusal of the distributor API, and who can repeat what was refused."""

from dataclasses import dataclass
from enum import StrEnum

from app.global_func import ErrorCode, Sentence


class Repeat(StrEnum):
    """When the same request can be let in that was refused."""

    AFTER_WAIT = "after_wait"
    AFTER_CORRECTION = "after_correction"
    AFTER_OPERATOR = "after_operator"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do about a refusal."""

    repeat: Repeat
    sentence: Sentence


WAIT = Remedy(
    Repeat.AFTER_WAIT,
    Sentence(
        "Send the same again, with the same Idempotency-Key, after `Retry-After` seconds; without"
        " that header after a pause that grows.",
        "在 `Retry-After` 秒之后，用同一 Idempotency-Key 重发同一请求；没有该响应头时，"
        "逐次加长间隔。",
    ),
)
CORRECT = Remedy(
    Repeat.AFTER_CORRECTION,
    Sentence(
        "Correct the request; sent again as it is, it is refused again.",
        "请改正请求；原样重发仍会被拒绝。",
    ),
)
ASK = Remedy(
    Repeat.AFTER_OPERATOR,
    Sentence(
        "Ask the operator, then send the same again, with the same Idempotency-Key.",
        "请联系运营方，之后用同一 Idempotency-Key 重发同一请求。",
    ),
)
LIMIT = Remedy(
    Repeat.AFTER_WAIT,
    Sentence(
        "Send the same again, with the same Idempotency-Key, after `Retry-After` seconds. Without"
        " that header it does not pass by itself: ask the operator.",
        "在 `Retry-After` 秒之后，用同一 Idempotency-Key 重发同一请求。没有该响应头时，"
        "等待无济于事：请联系运营方。",
    ),
)
_BY_STATUS = {
    402: ASK, 403: ASK, 408: WAIT, 409: ASK, 429: LIMIT,
    500: WAIT, 502: WAIT, 503: WAIT, 504: WAIT,
}  # fmt: skip
_BY_CODE = {
    "invalid_key": Remedy(
        Repeat.AFTER_CORRECTION,
        Sentence(
            "Look at the header and the key in it; without a valid one ask the operator for a new"
            " one.",
            "请检查请求头及其中的密钥；若已无有效密钥，请向运营方索取新的密钥。",
        ),
    ),
    "ip_not_allowed": Remedy(
        Repeat.AFTER_OPERATOR,
        Sentence(
            "Call from an allowed address (`allowed_ips` of `/me`), or have this one added.",
            "请从允许的地址（`/me` 的 `allowed_ips`）调用，或请运营方加入该地址。",
        ),
    ),
    "idempotency_key_required": Remedy(
        Repeat.AFTER_CORRECTION,
        Sentence(
            "Send the header with a value of your own for each call: the number of your job, say.",
            "请为每次调用在该请求头中给出自定的值，例如您自己的任务编号。",
        ),
    ),
    "idempotency_key_reused": Remedy(
        Repeat.AFTER_CORRECTION,
        Sentence(
            "For a new call take a new key; to repeat one send exactly what you sent the first"
            " time.",
            "新调用请用新的键；重复旧调用时，请原样发送第一次的内容。",
        ),
    ),
    "already_finished": Remedy(
        Repeat.NEVER,
        Sentence(
            "Do not send it again: the call has ended. Read it to see how.",
            "请勿重发：调用已经结束，可查询它是如何结束的。",
        ),
    ),
    "archived": Remedy(
        Repeat.NEVER,
        Sentence(
            "Do not send it again; ask the operator for an adjustment.",
            "请勿重发；请向运营方申请调整。",
        ),
    ),
    "too_slow": Remedy(
        Repeat.AFTER_CORRECTION,
        Sentence(
            "Ask for less: a shorter time, or one pipeline.",
            "请缩小范围：更短的时间，或单条产线。",
        ),
    ),
    "internal_error": Remedy(
        Repeat.AFTER_WAIT,
        Sentence(
            "Send the same again, with the same Idempotency-Key, after a pause that grows; tell the"
            " operator the `request_id` where it stays.",
            "逐次加长间隔，用同一 Idempotency-Key 重发同一请求；若仍如此，"
            "请把 `request_id` 告知运营方。",
        ),
    ),
    "body_incomplete": WAIT,
    "price_missing": ASK,
    "version_corrupted": ASK,
}  # fmt: skip


def remedy_of(entry: ErrorCode) -> Remedy:
    """Return what to do about a refusal of this code; one without a word of its own goes by its
    status."""
    return _BY_CODE.get(entry.code) or _BY_STATUS.get(entry.status, CORRECT)
