"""What the command line says, in Chinese where the locale is."""

import os
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """A sentence in both languages; the names in braces are values."""

    en: str
    zh: str

    def __call__(self, **values: object) -> str:
        """Return it in the reader's language."""
        return (self.zh if is_chinese() else self.en).format(**values)


def is_chinese() -> bool:
    """Return whether the environment's locale is Chinese."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    return next((os.environ[name] for name in names if os.environ.get(name)), "").startswith("zh")


def complain(sentence: str) -> None:
    """Say a sentence where errors go."""
    print(sentence, file=sys.stderr)


ABOUT = Words(
    "The distributor API of Pipeline-App at the command line.", "Pipeline-App 分销商接口的命令行。"
)
EPILOGUE = Words(
    "The key comes from PIPELINE_KEY or from the file of the configuration, the address from --url,"
    " PIPELINE_URL or there: {path}, for the owner alone (chmod 600), with lines url=… and key=….\n"
    "Exit codes: 0 done; 1 refused; 2 wrong use; 3 no answer, or try again later; 4 no key, or not"
    " a valid one. `call` ends with the code of its command, or with 125 where the call could not"
    " be begun or ended.",
    "密钥取自 PIPELINE_KEY 或配置文件，地址取自 --url、PIPELINE_URL 或配置文件：{path}，"
    "仅限本人读写（chmod 600），内容为 url=… 与 key=… 两行。\n"
    "退出码：0 完成；1 被拒绝；2 用法错误；3 没有响应或请稍后重试；4 没有密钥或密钥无效。"
    "call 以其命令的退出码结束；调用无法开始或结束时为 125。",
)
OF_URL = Words("where the system answers", "系统地址")
OF_JSON = Words("JSON for programs instead of a table", "输出 JSON（供程序使用），而非表格")
OF_ME = Words("who the key belongs to, and what is left", "密钥属于谁，还剩多少")
OF_QUOTE = Words("what a call would cost now; books nothing", "此时调用的费用；不记账")
OF_CALL = Words(
    "run a command as a call: books its seconds, or cancels if it fails",
    "把一条命令作为一次调用来运行：按秒计费，失败则取消",
)
OF_USAGE = Words("what was used: lines, or sums with --by", "用量：明细，或以 --by 汇总")
OF_CALLS = Words("the calls, also those that run", "调用列表，包括进行中的")
OF_STATEMENT = Words("the statement of a month", "某月的账单")
OF_TAIL = Words("follow the events as they happen", "持续显示新事件")
OF_PIPELINE = Words("the pipeline's code", "产线编码")
OF_LINE = Words(
    "UNIT=QUANTITY, or with step and model STEP/MODEL/UNIT=QUANTITY; MODEL/UNIT=QUANTITY",
    "单位=数量；可带步骤与模型：步骤/模型/单位=数量，或 模型/单位=数量",
)
OF_UNIT = Words("the unit that is booked (second)", "计费单位（second）")
OF_REF = Words("your own number of the call", "您自己的编号")
OF_LEASE = Words("how long the slot is held if this computer dies", "本机失联后名额保留的秒数")
OF_COMMAND = Words(
    "-- COMMAND: what is run, after all options", "-- 命令：要运行的命令，写在所有选项之后"
)
OF_MONTH = Words("such as 2026-11; by default this one", "如 2026-11；默认为本月")
OF_FROM = Words("a date, or a time with its zone", "日期，或带时区的时间")
OF_BY = Words("sums by day, pipeline, model, step", "按 day、pipeline、model、step 汇总")
OF_FORMAT = Words("csv or xlsx: the file, to standard output", "csv 或 xlsx：把文件写到标准输出")
OF_NUMBER = Words("a statement's number", "账单编号")
OF_STATUS = Words("only those in this state", "只显示此状态的")
OF_LIMIT = Words("at most so many", "最多显示多少行")
OF_AFTER = Words("begin after this event number", "从此事件编号之后开始")
OF_ONCE = Words("what has happened so far, then end", "显示已有事件后结束")
OF_EVERY = Words("seconds between two looks (2)", "两次查询间隔的秒数（2）")

NO_KEY = Words(
    "There is no key: set PIPELINE_KEY, or write key=… into {path} (chmod 600).",
    "没有密钥：请设置 PIPELINE_KEY，或在 {path} 中写入 key=…（chmod 600）。",
)
NO_URL = Words(
    "There is no address: give --url, set PIPELINE_URL, or write url=… into {path}.",
    "没有地址：请给出 --url，设置 PIPELINE_URL，或在 {path} 中写入 url=…。",
)
OPEN_FILE = Words(
    "{path} can be read by others: chmod 600 {path}", "{path} 可被他人读取：chmod 600 {path}"
)
BAD_LINE = Words(
    "{text} is no UNIT=QUANTITY with a decimal number.", "{text} 不是 单位=数量（十进制数）。"
)
NO_ANSWER = Words("No answer from {url}: {problem}", "{url} 没有响应：{problem}")
NOT_UNDERSTOOD = Words("The answer is not understood: {problem}", "无法理解响应：{problem}")
NO_COMMAND = Words("Give the command after --.", "请在 -- 之后给出命令。")
NOT_RUN = Words("{command} cannot be run: {problem}", "无法运行 {command}：{problem}")
CALL_BOOKED = Words(
    "Call {call_no}: {quantity} {unit}, {amount} {currency}",
    "调用 {call_no}：{quantity} {unit}，{amount} {currency}",
)
CALL_CANCELLED = Words(
    "Call {call_no} is cancelled: the command ended with {code}.",
    "调用 {call_no} 已取消：命令退出码为 {code}。",
)
CALL_NOT_BOOKED = Words(
    "The command is done, but call {call_no} is not booked: {problem}",
    "命令已完成，但调用 {call_no} 未入账：{problem}",
)
NOTHING = Words("Nothing.", "无。")
TOTAL = Words("total", "合计")

# The heads of columns; where there is none, the API's own name stands.
COLUMNS = {
    "code": Words("code", "编码"),
    "name": Words("name", "名称"),
    "status": Words("status", "状态"),
    "currency": Words("currency", "币种"),
    "billing_mode": Words("billing", "结算方式"),
    "balance": Words("balance", "余额"),
    "time_zone": Words("time zone", "时区"),
    "api_key_prefix": Words("key", "密钥"),
    "api_key_expires_at": Words("key expires", "密钥到期"),
    "scope": Words("limit of", "限制"),
    "limit": Words("limit", "上限"),
    "used": Words("used", "已用"),
    "remaining": Words("left", "剩余"),
    "resets_at": Words("resets", "重置时间"),
    "pipeline": Words("pipeline", "产线"),
    "step_key": Words("step", "步骤"),
    "step": Words("step", "步骤"),
    "model": Words("model", "模型"),
    "unit": Words("unit", "单位"),
    "quantity": Words("quantity", "数量"),
    "amount": Words("amount", "金额"),
    "unit_price": Words("price", "单价"),
    "unit_size": Words("per", "每"),
    "calls": Words("calls", "次数"),
    "day": Words("day", "日期"),
    "started_at": Words("started", "开始"),
    "created_at": Words("time", "时间"),
    "call_no": Words("call", "调用编号"),
    "client_ref": Words("reference", "自有编号"),
    "event_no": Words("no.", "序号"),
    "type": Words("type", "类型"),
    "data": Words("data", "内容"),
    "entry_no": Words("no.", "序号"),
    "entry_type": Words("entry", "类别"),
    "member": Words("", ""),
    "value": Words("", ""),
}
