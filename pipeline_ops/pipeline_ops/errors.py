"""The catalogue of what this module refuses: code, status and sentences of each, once."""

from app.global_func import DUPLICATE, IN_USE, ErrorCode, FieldCode, Sentence

# Refusals.

AMOUNT_TOO_LARGE = ErrorCode(
    "amount_too_large",
    422,
    "An amount must stay below {limit}. Check quantity, price and unit size.",
    "金额必须小于 {limit}。请检查数量、单价和单价对应数量。",
    hint=Sentence("An amount has more digits than the ledger keeps.", "金额超出账本可记的位数。"),
)
CALL_RUNNING = ErrorCode(
    "call_running",
    409,
    "The call still runs. Cancel it, or wait for its end; then it can be voided.",
    "该调用仍在进行。请取消它，或等它结束后再作废。",
)
CAPACITY_EXCEEDED = ErrorCode(
    "capacity_exceeded",
    429,
    "The line gives {limit} calls and has none left. Try again at {when}.",
    "该产线的供应量 {limit} 次已用完，请在 {when} 之后再试。",
    hint=Sentence(
        "The line has given all the calls it can until `resets_at`.",
        "产线的供应量已用完，`resets_at` 时恢复。",
    ),
)
CAPACITY_OVER = CAPACITY_EXCEEDED.variant(
    "All {limit} calls that the line gave for that time are taken. Its operator can change that.",
    "该产线在该时段的 {limit} 次供应量已用完，可由运营方更改。",
)
NOT_SOLD = CAPACITY_EXCEEDED.variant(
    "The line takes no calls now. Its operator can change that.",
    "该产线目前不接受调用，可请运营方开启。",
)
CONCURRENCY_EXCEEDED = ErrorCode(
    "concurrency_exceeded",
    429,
    "All {limit} slots of the line are taken. Finish a call first; the next one's time is up"
    " at {when}.",
    "该产线的 {limit} 个并发名额已占满。请先结束一次调用；最近的租期于 {when} 到期。",
    hint=Sentence(
        "Every slot of the line is taken. Finish calls, then try again.",
        "产线的并发名额已占满，请先结束调用再试。",
    ),
)
CAPACITY_EXISTS = DUPLICATE.variant(
    "The line has its capacity already. Change that one.", "该产线已有供应量，请修改原有的一行。"
)
PRICE_IN_USE = IN_USE.variant(
    "Calls are booked at this price, so what it is for and its type stay. End it, and add"
    " another price.",
    "已有调用按此价格入账，适用对象和计价方式不能再改。请结束它，另建一个价格。",
)
NO_DISTRIBUTORS = ErrorCode(
    "no_distributors",
    400,
    "Distributors are not part of this installation.",
    "本系统没有安装分销商模块。",
)
NOT_VOIDABLE = ErrorCode(
    "not_voidable",
    409,
    "There is nothing to void: the call is {state}.",
    "没有可作废的内容：该调用的状态为 {state}。",
)
PRICE_MISSING = ErrorCode(
    "price_missing",
    409,
    "{count} line(s) have no price in force. Ask for a price to be set, then try again.",
    "有 {count} 行没有生效的价格。请先设定价格，再重试。",
    hint=Sentence(
        "A reported unit has no price in force. Ask the operator to set one.",
        "上报的计量单位没有生效的价格，请联系运营方定价。",
    ),
)
PRICE_OVERLAP = ErrorCode(
    "price_overlap",
    409,
    "Another price for the same step, model and unit holds from {start} to {end}. End it"
    " first, or choose other times.",
    "同一步骤、模型和单位已有价格，有效期从 {start} 到 {end}。请先结束它，或另选时间。",
)
QUOTA_EXCEEDED = ErrorCode(
    "quota_exceeded",
    429,
    "The quota of {limit} calls is used up. There is room again at {when}.",
    "{limit} 次的配额已用完，{when} 起恢复。",
    hint=Sentence(
        "A quota of the distributor is used up until `resets_at`.",
        "分销商的某项配额已用完，`resets_at` 时恢复。",
    ),
)
QUOTA_OVER = QUOTA_EXCEEDED.variant(
    "The quota of {limit} calls of that time does not come back by itself. The operator can"
    " raise it.",
    "该时段的 {limit} 次配额不会自行恢复，可由运营方提高。",
)
RATE_LIMITED = ErrorCode(
    "rate_limited",
    429,
    "More than {limit} calls a minute. Slow down; there is room again at {when}.",
    "每分钟超过 {limit} 次调用，请放慢；{when} 起恢复。",
    hint=Sentence(
        "Too many calls within a minute. Wait for Retry-After seconds.",
        "一分钟内调用过多，请等待 Retry-After 秒。",
    ),
)

# What can be wrong with one field.

LINE_AMOUNT_TOO_LARGE = FieldCode(
    "amount_too_large",
    "The amount {amount} is more than one line can have.",
    "金额 {amount} 超出了一行所能记录的上限。",
)
CAPACITY_TAKEN = FieldCode("duplicate", "This line has its capacity already.", "该产线已有供应量。")
BEGINS_IN_FUTURE = FieldCode(
    "in_future", "A booked call has begun already.", "补录的调用应当已经开始。"
)
ENDS_IN_FUTURE = FieldCode(
    "in_future", "A booked call has ended already.", "补录的调用应当已经结束。"
)
FIXED_BY_CALLS = FieldCode(
    "in_use",
    "This stays as it is: calls are booked at this price.",
    "已有调用按此价格入账，此项不能再改。",
)
NOT_A_LIST = FieldCode("not_a_list", "Give a list of usage lines.", "请给出用量行的列表。")
LINE_NOT_AN_OBJECT = FieldCode(
    "not_an_object", "Give an object for each line.", "每一行应为一个 JSON 对象。"
)
LINES_OR_UNIT = FieldCode(
    "not_together",
    "Give either lines or one unit, not both.",
    "要么填写多行，要么填写一个单位，不能同时填写。",
)
NOT_OF_PRICE_TYPE = FieldCode(
    "not_together",
    "A price of this type has no such value: leave it out.",
    "这种计价方式没有此项，请留空。",
)
NO_PRICE = FieldCode(
    "price_missing",
    "There is no price for unit {unit}, step {step}, model {model}.",
    "单位 {unit}、步骤 {step}、模型 {model} 没有价格。",
)
NO_PRICE_IN_CURRENCY = FieldCode(
    "price_missing",
    "The price of unit {unit} is in {found}, the account is in {wanted}.",
    "单位 {unit} 的价格币种为 {found}，而账户币种为 {wanted}。",
)
TIMES_OVERLAP = FieldCode(
    "price_overlap", "The times overlap another price.", "有效期与另一价格重叠。"
)
UNIT_REQUIRED = FieldCode(
    "required", "Say which unit the quantity is in.", "请说明数量的计量单位。"
)
NEEDED_BY_PRICE_TYPE = FieldCode(
    "required", "A price of this type needs this field.", "这种计价方式必须填写此项。"
)
TOO_MANY_LINES = FieldCode("too_many", "At most {limit} lines a call.", "一次调用最多 {limit} 行。")
BOOKED_FOR_GOOD = FieldCode(
    "write_once",
    "What was booked does not change. Void the call and book it again.",
    "已入账的内容不能修改。请作废该调用后重新补录。",
)
