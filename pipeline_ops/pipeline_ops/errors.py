"""The catalogue of what this module refuses: code, status and sentences of each, once."""

from dataclasses import replace

from app.global_func import (
    DUPLICATE,
    IN_USE,
    NOT_FOUND,
    TOO_MANY_ROWS,
    TOO_SLOW,
    ErrorCode,
    FieldCode,
    Sentence,
)
from pipeline_core.errors import PIPELINE_ARCHIVED

# Refusals.

AMOUNT_TOO_LARGE = ErrorCode(
    "amount_too_large",
    422,
    "An amount must stay below {limit}. Check quantity, price and unit size.",
    "金额必须小于 {limit}。请检查数量、单价和单价对应数量。",
    hint=Sentence("An amount has more digits than the ledger keeps.", "金额超出账本可记的位数。"),
)
ARCHIVED = replace(
    PIPELINE_ARCHIVED.variant(
        "The call's month is closed and archived, so the call stays as it is. What is wrong with"
        " its bill is put right by an adjustment (distributor_adjust).",
        "该调用所属月份已关账并归档，调用保持原样。账单有误请用调整更正（distributor_adjust）。",
    ),
    hint=Sentence(
        "The call is of a month that is closed and archived. Ask the operator for an adjustment"
        " (`distributor_adjust`).",
        "该调用所属月份已关账并归档，请联系运营方以调整更正（`distributor_adjust`）。",
    ),
)
ARCHIVED_ROW = ARCHIVED.variant(
    "The row's month is archived, so the row stays as it is.", "该行所属月份已归档，须保持原样。"
)
ARCHIVED_MONTH = ARCHIVED.variant(
    "{month} is archived: what was used then stands in files, and is not priced again. Choose a"
    " later month.",
    "{month} 已归档，其用量在归档文件中，不能重新计价。请选择之后的月份。",
)
ARCHIVE_FILE_MISSING = ErrorCode(
    "archive_file_missing",
    409,
    "The archive file {file} is not there. Put it back from the backup.",
    "归档文件 {file} 不存在，请从备份中恢复。",
)
ARCHIVE_FILE_CHANGED = ErrorCode(
    "archive_file_changed",
    409,
    "The archive file {file} is not as it was written: its checksum differs. Put it back from the"
    " backup.",
    "归档文件 {file} 与写入时不同（校验值不符），请从备份中恢复。",
)
ARCHIVE_FILE_THERE = ErrorCode(
    "archive_file_there",
    409,
    "The file {file} is there already, with another content. Look where it comes from and move it"
    " away, then try again.",
    "文件 {file} 已存在且内容不同。请查明来源并移走，再重试。",
)
ARCHIVE_ROWS_CHANGED = ErrorCode(
    "archive_rows_changed",
    409,
    "Rows of the month changed while they were archived; nothing of this batch was. Try again.",
    "归档期间该月的行有变动，本批未归档。请重试。",
)
ARCHIVE_SUMS_DIFFER = ErrorCode(
    "archive_sums_differ",
    409,
    "The rows that stay would not come to what they were. Nothing of this batch was changed; run"
    " check-ledger.",
    "留下的行与原有合计不符，本批未作更改。请运行 check-ledger。",
)
ARCHIVE_CALLS_RUNNING = ErrorCode(
    "archive_calls_running",
    409,
    "{count} call(s) of the month still run. Wait for their end.",
    "该月还有 {count} 次调用正在进行，请等待其结束。",
)
ARCHIVE_BUSY = ErrorCode(
    "archive_busy",
    409,
    "Another archive command runs. Wait for its end.",
    "另一个归档命令正在运行，请等待其结束。",
)
ARCHIVE_NO_BATCH = ErrorCode(
    "archive_no_batch",
    404,
    "There is no archived batch {batch}.",
    "没有已归档的批次 {batch}。",
)
ARCHIVE_NOT_LAST = ErrorCode(
    "archive_not_last",
    409,
    "Other batches of the distributor were archived after it. Restore {batch} first.",
    "该分销商另有之后归档的批次，请先移回 {batch}。",
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
CONFIRM_CURRENCY = ErrorCode(
    "confirm_currency",
    409,
    "The line's other prices are in {others}, this one is in {currency}. Confirm it if that is"
    " meant (confirm_currency=1).",
    "该产线的其他价格以 {others} 计，此价格以 {currency} 计。如确需如此，请确认"
    "（confirm_currency=1）。",
)
CONFIRM_STEP = ErrorCode(
    "confirm_step",
    409,
    "The line has no step {step}; it has {steps}. Confirm it if that step is still to come"
    " (confirm_step=1).",
    "该产线没有步骤 {step}，现有步骤为 {steps}。如该步骤尚待添加，请确认（confirm_step=1）。",
)
PRICE_IN_FORCE = IN_USE.variant(
    "The price is in force: calls are booked at it, so it is not edited. Say from when the new one"
    " holds (change_from: a time, or now); this one ends then.",
    "该价格正在生效，已有调用按它计价，不能修改。请指明新价格从何时起生效（change_from：时间或"
    " now），此价格届时结束。",
)
PRICE_OVER = IN_USE.variant(
    "The price has ended and stays as it was, since calls were booked at it. Add another price.",
    "该价格已经结束，已有调用按它计价，须保持原样。请另建一个价格。",
)
PRICE_USED = IN_USE.variant(
    "Calls are booked at this price, so it stays as it is. Add another price.",
    "已有调用按此价格入账，须保持原样。请另建一个价格。",
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
UNKNOWN_CALL = NOT_FOUND.variant(
    "There is no call {call_no} in the ledger.", "账本中没有调用 {call_no}。"
)
CALLS_TOO_SLOW = TOO_SLOW.variant(
    "To find these calls takes too long. Choose a shorter period, or one distributor.",
    "查找这些调用耗时过长。请缩短时间段，或选定一个分销商。",
)
TOO_MANY_VOIDS = FieldCode(
    "too_many_calls", "At most {most} calls at once.", "一次最多 {most} 次调用。"
)
NOT_A_CALL = NOT_VOIDABLE.variant(
    "This is no call. Take it back by an adjustment of the opposite amount.",
    "这不是一次调用，请以相反金额的调整冲回。",
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
PRICE_MISSING_IN_CURRENCY = PRICE_MISSING.variant(
    "The line's prices are in {others}, the account is in {currency}. Ask for prices in"
    " {currency}, then try again.",
    "该产线的价格以 {others} 计，而账户以 {currency} 结算。请先设定 {currency} 的价格，再重试。",
)
PREVIEW_TOO_LARGE = TOO_MANY_ROWS.variant(
    "More than {most} lines would be priced again. Take one distributor, or fewer lines' prices.",
    "需要重新计价的用量超过 {most} 行。请指定一家分销商，或减少涉及的产线。",
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
UNKNOWN_LINE_STEP = ErrorCode(
    "unknown_step",
    400,
    "{count} line(s) name a step that version {version_no} does not have. Name its own steps, or"
    " none.",
    "有 {count} 行的步骤不属于版本 {version_no}。请填写该版本的步骤，或留空。",
    hint=Sentence(
        "A line names a step that the version does not have with which the call began. Take the"
        " codes from `GET /pipelines?code=`, or leave `step_key` out.",
        "用量行的步骤不在调用开始时的版本中。请使用 `GET /pipelines?code=` 给出的步骤代码，"
        "或不填 `step_key`。",
    ),
)

# What can be wrong with one field.

LINE_AMOUNT_TOO_LARGE = FieldCode(
    "amount_too_large",
    "The amount {amount} is more than one line can have.",
    "金额 {amount} 超出了一行所能记录的上限。",
)
CAPACITY_TAKEN = FieldCode("duplicate", "This line has its capacity already.", "该产线已有供应量。")
SAME_PRICE = FieldCode(
    "duplicate",
    "Price number {first} is for the same step, model and unit.",
    "第 {first} 个价格的步骤、模型和计量单位与此相同。",
)
BEGINS_IN_FUTURE = FieldCode(
    "in_future", "A booked call has begun already.", "补录的调用应当已经开始。"
)
ENDS_IN_FUTURE = FieldCode(
    "in_future", "A booked call has ended already.", "补录的调用应当已经结束。"
)
PERIOD_TO_COME = FieldCode("in_future", "Give a day that has begun.", "请填写已经开始的日期。")
PERIOD_TOO_LONG = FieldCode("too_long", "Ask for at most {most} days.", "一次最多查询 {most} 天。")
PERIOD_TOO_OLD = FieldCode(
    "out_of_range", "Give a day of {first} or later.", "请填写 {first} 或之后的日期。"
)
BAD_MONTH = FieldCode("bad_month", "Give a month such as 2026-11.", "请给出月份，例如 2026-11。")
BEFORE_NOW = FieldCode("in_the_past", "Give a time that is not over yet.", "请填写尚未过去的时间。")
FIXED_IN_FORCE = FieldCode(
    "in_use",
    "This stays as it is: calls are booked at this price.",
    "已有调用按此价格计价，此项不能再改。",
)
NOT_A_LIST = FieldCode("not_a_list", "Give a list of usage lines.", "请给出用量行的列表。")
NO_PRICES_CHOSEN = FieldCode("required", "Choose prices.", "请选择价格。")
PERCENT_OUT_OF_RANGE = FieldCode(
    "out_of_range",
    "Give more than -100 and at most 1000 percent.",
    "请填写大于 -100 且不超过 1000 的百分比。",
)
# Of prices that are changed by a percentage; {price} says which one.
CHOSEN_TWICE = FieldCode(
    "duplicate", "This is price number {first} again.", "与第 {first} 个价格重复。"
)
ROUNDED_TO_NOTHING = FieldCode(
    "out_of_range",
    "{price}: {old} would be rounded to 0, that is to nothing to pay. Give more digits behind the"
    " point, or leave this price out.",
    "{price}：{old} 会被舍入为 0（免费）。请增加小数位数，或不选此价格。",
)
ROUNDED_TOO_FAR = FieldCode(
    "out_of_range",
    "{price}: {old} would be {exact}, and rounding makes it {new}: off by more than half of the"
    " change. Give more digits behind the point, or leave this price out.",
    "{price}：{old} 调价后应为 {exact}，舍入为 {new}，偏差超过调价幅度的一半。"
    "请增加小数位数，或不选此价格。",
)
PRICE_TOO_LARGE = FieldCode(
    "out_of_range",
    "{price}: {new} is more than a price can be.",
    "{price}：{new} 超出价格上限。",
)
TOO_MANY_TO_COPY = FieldCode(
    "too_many",
    "This line has more than {most} prices from then on; so many cannot be copied at once.",
    "该产线自该时起的价格超过 {most} 个，无法一次复制。",
)
SAME_PIPELINE = FieldCode(
    "same_pipeline", "These are the prices of this line. Choose another one.", "请选择另一条产线。"
)
PRICES_OR_CHANGES = FieldCode(
    "required",
    "Give prices to be tried, or changes of prices of the list.",
    "请给出要试算的价格，或对现有价格的更改。",
)
PRICE_NOT_AN_OBJECT = FieldCode(
    "not_an_object", "Give an object for each price.", "每个价格须是一个对象。"
)
SAID_BY_CHANGE_FROM = FieldCode(
    "not_together",
    "change_from says from when the new price holds: leave this as it is.",
    "新价格何时生效由 change_from 指明，此项请保持不变。",
)
LINE_NOT_AN_OBJECT = FieldCode(
    "not_an_object", "Give an object for each line.", "每一行应为一个 JSON 对象。"
)
LINES_OR_UNIT = FieldCode(
    "not_together",
    "Give either lines or one unit, not both.",
    "要么填写多行，要么填写一个单位，不能同时填写。",
)
CHANGE_AFTER_END = FieldCode(
    "out_of_order",
    "The price ends before that. Add another price, or move the end first.",
    "该价格在此之前就结束了。请另建一个价格，或先推迟失效时间。",
)
NOT_OF_PRICE_TYPE = FieldCode(
    "not_together",
    "A price of this type has no such value: leave it out.",
    "这种计价方式没有此项，请留空。",
)
NO_SUCH_STEP = FieldCode(
    "unknown_step",
    "Version {version_no} has no step {step}.",
    "版本 {version_no} 没有步骤 {step}。",
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
PIPELINE_REQUIRED = FieldCode("required", "Say which line was called.", "请选择所调用的产线。")
UNIT_REQUIRED = FieldCode(
    "required", "Say which unit the quantity is in.", "请说明数量的计量单位。"
)
NEEDED_BY_PRICE_TYPE = FieldCode(
    "required", "A price of this type needs this field.", "这种计价方式必须填写此项。"
)
TOO_MANY_LINES = FieldCode("too_many", "At most {limit} lines a call.", "一次调用最多 {limit} 行。")
TOO_MANY_PRICES = FieldCode("too_many", "At most {most} prices.", "最多 {most} 个价格。")
BOOKED_FOR_GOOD = FieldCode(
    "write_once",
    "What was booked does not change. Void the call and book it again.",
    "已入账的内容不能修改。请作废该调用后重新补录。",
)
WRONG_CURRENCY = FieldCode(
    "wrong_currency",
    "The distributor is charged in {currency}; give the price in it.",
    "该分销商以 {currency} 结算，请以此币种定价。",
)
