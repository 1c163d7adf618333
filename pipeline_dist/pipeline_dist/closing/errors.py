"""What closing a month refuses."""

from app.global_func import ErrorCode

CALLS_RUNNING = ErrorCode(
    "calls_running",
    409,
    "{count} call(s) of {month} still run. Close the month when they have ended.",
    "{month} 还有 {count} 次调用在进行，请待其结束后再关账。",
)
MONTH_CLOSED = ErrorCode(
    "month_closed",
    409,
    "{month} is closed already, and stays so.",
    "{month} 已经关账，不能再改。",
)
MONTH_NOT_OVER = ErrorCode(
    "month_not_over",
    409,
    "{month} is not over yet: its last day has to pass before it is closed.",
    "{month} 尚未结束，须过了最后一天才能关账。",
)
OLDER_MONTH_OPEN = ErrorCode(
    "older_month_open",
    409,
    "Months are closed in their order: {month} is next. Close it first, or choose to close the"
    " older ones too.",
    "关账须按先后：下一个是 {month}。请先关该月，或选择一并关闭更早的月份。",
)
