"""What a replay refuses."""

from app.global_func import ErrorCode

REPLAY_FAILED = ErrorCode(
    "replay_failed", 400, "{path} cannot be read: {problem}", "无法读取 {path}：{problem}"
)
REPLAY_BAD_LINE = REPLAY_FAILED.variant(
    "{path}, line {line}: {problem}", "{path} 第 {line} 行：{problem}"
)
REPLAY_NEGATIVE_TOKENS = REPLAY_FAILED.variant(
    "{path}, line {line}: tokens must not be negative.", "{path} 第 {line} 行：token 数不能为负。"
)
REPLAY_WITHOUT_CALLS = REPLAY_FAILED.variant(
    "{path} has no calls in it.", "{path} 中没有调用记录。"
)
REPLAY_WITHOUT_PRICES = REPLAY_FAILED.variant(
    "{path} has no prices for the model {model}.", "{path} 中没有模型 {model} 的价格。"
)
REPLAY_SEVERAL_PRICES = REPLAY_FAILED.variant(
    "Providers ask different prices for {model}. Name one of: {named}",
    "不同供应商对 {model} 的报价不同，请指明其一：{named}",
)
REPLAY_BAD_PRICE = REPLAY_FAILED.variant(
    "{path}, line {line}: {text} is no price of at most {most} decimals.",
    "{path} 第 {line} 行：{text} 不是至多 {most} 位小数的价格。",
)
REPLAY_WITHOUT_COLUMN = REPLAY_FAILED.variant(
    "{path} has no column {names}.", "{path} 缺少列 {names}。"
)
REPLAY_TOO_MANY_CELLS = REPLAY_FAILED.variant(
    "{path}, line {line}: there are more cells than the first row names.",
    "{path} 第 {line} 行：单元格多于标题行。",
)
REPLAY_OTHER_PIPELINE = REPLAY_FAILED.variant(
    "The line {line} is not as a replay makes it: its step is {step} with the model {model}."
    " Correct it there, then run the replay again.",
    "产线 {line} 与重放所建的不同：其步骤为 {step}，模型为 {model}。请先改正，再运行重放。",
)
REPLAY_BAD_ANSWER = REPLAY_FAILED.variant("{url} answers {answer}.", "{url} 返回 {answer}。")
REPLAY_WITHOUT_ANSWER = REPLAY_FAILED.variant(
    "The application does not answer at {url} ({problem}). Start it: bash start.sh",
    "{url} 没有响应（{problem}）。请先启动：bash start.sh",
)
