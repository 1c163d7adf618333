"""The catalogue of what this module refuses: code, status and sentences of each, once."""

from app.global_func import (
    BUSY,
    INTERNAL_ERROR,
    ErrorCode,
    FieldCode,
    Sentence,
)

# Refusals.

ALREADY_FINISHED = ErrorCode(
    "already_finished",
    409,
    "The call has ended already ({outcome}); what it used cannot be told again.",
    "调用已经结束（{outcome}），不能再次上报用量。",
    hint=Sentence(
        "The call was finished before, with another request.", "调用此前已以另一请求体结束。"
    ),
)
LEASE_OVER = ALREADY_FINISHED.variant(
    "The call's lease ended at {when}: it has expired, and cannot go on. Tell its end by finish; it"
    " is taken late too.",
    "调用的租期已于 {when} 到期，不能再延长。请用 finish 上报其结束，逾期也会受理。",
)
QUEUE_FULL = BUSY.variant(
    "Too many calls wait for the database. Try again in a moment.",
    "等待数据库的调用太多，请稍后再试。",
)
CALL_NOT_FOUND = ErrorCode(
    "call_not_found",
    404,
    "There is no call of this number for this account.",
    "本账户没有这个编号的调用。",
    hint=Sentence("There is no such call of this distributor.", "该分销商没有这次调用。"),
)
REFERENCE_REUSED = ErrorCode(
    "reference_reused",
    409,
    "The reference {reference} was booked before, with {amount}. Give another one.",
    "凭证号 {reference} 此前已入账，金额为 {amount}。请另给凭证号。",
)
NOT_PREPAID = ErrorCode(
    "not_prepaid",
    409,
    "The distributor pays afterwards and has no balance. Make it prepaid first (billing_mode), or"
    " book a credit as an adjustment.",
    "该分销商为后付，没有余额。请先改为预付（billing_mode），或以调整入账。",
)
BALANCE_LEFT = ErrorCode(
    "balance_left",
    409,
    "The balance is {balance} {currency}, and would be lost. Bring it to 0 first: by a top-up of"
    " {rest}, for what is paid back or still to be paid.",
    "余额为 {balance} {currency}，改为后付会使其丢失。请先结清：按退还或补缴的金额充值 {rest}。",
)
CURRENCY_IN_USE = ErrorCode(
    "currency_in_use",
    409,
    "There are calls booked in {currency}: the currency cannot change any more. Make another"
    " distributor for another currency.",
    "已有以 {currency} 记账的调用，币种不能再改。如需其他币种，请另建分销商。",
)
CURRENCY_OF_OWN_PRICES = CURRENCY_IN_USE.variant(
    "Prices of its own are in another currency: {names}. End them, then change the currency,"
    " then set them in the new one.",
    "以下产线的专属价格为其他币种：{names}。请先结束这些价格，再更改币种，然后按新币种设定。",
)
CONFIRM_DISCOUNT = ErrorCode(
    "confirm_discount",
    409,
    "This discount charges {share} of the price: did you mean {usual}? Confirm it if {share} is"
    " meant (confirm_discount=1).",
    "按此折扣只收取价格的 {share}：是否想填 {usual}？如确为 {share}，请确认"
    "（confirm_discount=1）。",
)
DISTRIBUTOR_SUSPENDED = ErrorCode(
    "distributor_suspended",
    403,
    "This distributor is suspended or closed. Ask the operator to activate it.",
    "该分销商已暂停或关闭，请联系运营方启用。",
    hint=Sentence(
        "The distributor is suspended or closed. Ask the operator.",
        "分销商已暂停或关闭，请联系运营方。",
    ),
)
GRACE_RUNNING = ErrorCode(
    "grace_running",
    409,
    "The key before the present one is valid until {when}: a new key would end it now. Choose"
    " to end it (end_previous=1), or wait until then.",
    "上一次轮换留下的密钥有效至 {when}，再生成新密钥会使它立即失效。请选择结束它（end_previous"
    "=1），或等到那时。",
    hint=Sentence(
        "The secret of the rotation before is still valid; end it with end_previous.",
        "上一次轮换留下的密钥仍然有效；可用 end_previous 结束它。",
    ),
)
IDEMPOTENCY_KEY_REQUIRED = ErrorCode(
    "idempotency_key_required",
    400,
    "Send the header Idempotency-Key with a value of your own for each call, so that a"
    " repeated request is not booked twice.",
    "请在请求头 Idempotency-Key 中为每次调用给出自定的唯一值，以免重发的请求重复记账。",
    hint=Sentence("The header Idempotency-Key is missing.", "缺少请求头 Idempotency-Key。"),
)
IDEMPOTENCY_KEY_REUSED = ErrorCode(
    "idempotency_key_reused",
    422,
    "This Idempotency-Key was used for another request. Use a new key for a new call.",
    "该 Idempotency-Key 已用于另一请求，新调用请使用新的键。",
    hint=Sentence("The key was used before with another request.", "该键此前已用于另一请求体。"),
)
ITEM_FAILED = INTERNAL_ERROR.variant(
    "Something went wrong on our side. Repeat the item with the same key.",
    "我方发生故障，请用同一幂等键重发该项。",
)
INVALID_KEY = ErrorCode(
    "invalid_key",
    401,
    "The API key is missing or not valid. Send it as Authorization: Bearer ppk_…",
    "缺少 API 密钥或密钥无效。请以 Authorization: Bearer ppk_… 发送。",
    hint=Sentence(
        "No API key, or one that is malformed, unknown, revoked or expired.",
        "没有 API 密钥，或密钥格式有误、未知、已撤销或已到期。",
    ),
)
KEY_INVALID_NOW = INVALID_KEY.variant(
    "The API key is missing or not valid.", "缺少 API 密钥，或密钥无效。"
)
IP_NOT_ALLOWED = ErrorCode(
    "ip_not_allowed",
    403,
    "Calls from {ip} are not allowed. Ask the operator to add the address.",
    "不允许来自 {ip} 的调用，请联系运营方添加该地址。",
    hint=Sentence(
        "The calling address is not in the distributor's list.",
        "来源地址不在分销商的允许列表中。",
    ),
)
ADDRESS_UNKNOWN = IP_NOT_ALLOWED.variant(
    "Calls are allowed from certain addresses only, and the address of this one could not be"
    " told. Ask the operator: a proxy on the way hides it.",
    "只允许从指定地址调用，而本次调用的来源地址无法判定。请联系运营方：途中的代理隐藏了地址。",
)
NOT_ENABLED = ErrorCode(
    "not_enabled",
    403,
    "The line is switched off for this account.",
    "该产线对本账户已停用。",
    hint=Sentence(
        "The distributor's access to the line is switched off or not valid now.",
        "该分销商对产线的使用已停用，或不在有效期内。",
    ),
)
NOT_ENABLED_NOW = NOT_ENABLED.variant(
    "The line is not open for this account at this time.", "该产线目前不在本账户的有效期内。"
)
PIPELINE_NOT_FOUND = ErrorCode(
    "pipeline_not_found",
    404,
    "There is no line of this code for this account. GET /pipelines names those there are.",
    "本账户没有这个代码的产线；GET /pipelines 列出可调用的产线。",
    hint=Sentence(
        "There is no such line, or it is not this distributor's.",
        "没有这条产线，或它未对该分销商开通。",
    ),
)
PIPELINE_OFFLINE = ErrorCode(
    "pipeline_offline",
    409,
    "The line is not on sale now. Try again later.",
    "该产线目前未上架，请稍后再试。",
    hint=Sentence("The line is not published now.", "产线目前未发布。"),
)
SCOPE_MISSING = ErrorCode(
    "scope_missing",
    403,
    "This key may not be used for that: it needs the scope {needed}. Use another key, or ask"
    " whoever looks after your keys.",
    "该密钥无权进行此操作：需要权限范围 {needed}。请改用其他密钥，或联系密钥管理人。",
    hint=Sentence(
        "The key does not have the scope that this call needs.", "密钥缺少该调用所需的权限范围。"
    ),
)
TOO_MANY_KEYS = ErrorCode(
    "too_many_keys",
    409,
    "There are {most} keys already. Revoke one that is not needed any more, then make another.",
    "已有 {most} 个密钥。请先撤销不再需要的密钥，再生成新的。",
    hint=Sentence("There are as many keys as there may be.", "密钥数量已达上限。"),
)
KEY_NAME_TAKEN = ErrorCode(
    "key_name_taken",
    409,
    "There is a key named {name} already. Give another name, or rotate that key.",
    "已有名为 {name} 的密钥。请换一个名称，或轮换该密钥。",
    hint=Sentence("Another key has this name.", "已有同名密钥。"),
)
KEY_NOT_FOUND = ErrorCode(
    "key_not_found",
    404,
    "There is no key of this id for this account, or it is revoked.",
    "本账户没有这个编号的密钥，或该密钥已撤销。",
    hint=Sentence("There is no such key of this distributor.", "该分销商没有这个密钥。"),
)
BEYOND_OWN_KEY = ErrorCode(
    "beyond_own_key",
    403,
    "Your key cannot give or renew what it may not do itself: {what}.",
    "您的密钥不能授予或更新自身没有的权限：{what}。",
    hint=Sentence(
        "A key cannot give or renew what it may not do itself.",
        "密钥不能授予或更新自身没有的权限。",
    ),
)
LAST_ADMIN_KEY = ErrorCode(
    "last_admin_key",
    409,
    "This is the last key with the scope admin: without it nobody could look after the keys. Make"
    " another one first, or ask the operator.",
    "这是最后一个带 admin 权限范围的密钥，撤销后将无法自助管理密钥。请先另建一个，或联系运营方。",
    hint=Sentence(
        "The last key with the scope admin cannot be revoked by itself.",
        "最后一个带 admin 权限范围的密钥不能自助撤销。",
    ),
)
SPEND_LIMIT_REACHED = ErrorCode(
    "spend_limit_reached",
    402,
    "The spending limit of {limit} {currency} is reached. The operator can raise it.",
    "已达到消费上限 {limit} {currency}，运营方可以调高。",
    hint=Sentence(
        "The spending limit is reached, or the balance spent. Ask the operator.",
        "已达到消费上限，或余额不足，请联系运营方。",
    ),
)
BALANCE_SPENT = SPEND_LIMIT_REACHED.variant(
    "The balance of {limit} {currency} is too little for this call. The operator can top it up.",
    "余额 {limit} {currency} 不足以进行本次调用，请联系运营方充值。",
)

# What can be wrong with one field.

BAD_CURSOR = FieldCode(
    "bad_cursor",
    "Send `next` as the answer before gave it, or ask anew without it.",
    "请原样传回上一次答复中的 `next`，或去掉它重新查询。",
)
BAD_IDEMPOTENCY_KEY = FieldCode(
    "bad_idempotency_key",
    "Give one value of 1 to {most} printable characters, without blanks around it.",
    "请给出一个 1 到 {most} 个可打印字符的值，首尾不得有空白。",
)
NOT_OWN_PIPELINES = FieldCode(
    "unknown_pipeline",
    "The account does not have these lines: {codes}.",
    "本账户没有这些产线：{codes}。",
)
TOO_MANY_PIPELINES = FieldCode(
    "too_many", "At most {most} lines; leave it empty for all.", "最多 {most} 条产线；留空为全部。"
)
NAME_RESERVED = FieldCode(
    "name_reserved",
    "This name is that of the key which the operator makes. Give another one.",
    "该名称保留给运营方生成的密钥，请换一个名称。",
)
NO_AMOUNT = FieldCode("no_amount", "Give an amount other than 0.", "请给出不为 0 的金额。")
CURRENCY_DECIMALS = FieldCode(
    "too_many_decimals", "{currency} has {most} decimals.", "{currency} 有 {most} 位小数。"
)
CALLS_IN_CURRENCY = FieldCode(
    "currency_in_use", "Calls are booked in this currency.", "已有以该币种记账的调用。"
)
PRICES_IN_OTHER_CURRENCY = FieldCode(
    "currency_in_use", "Prices of its own are in another currency.", "有专属价格为其他币种。"
)
END_PREVIOUS = FieldCode(
    "grace_running",
    "Choose this to end the key before now.",
    "要立即结束上一次轮换留下的密钥，请选择此项。",
)
IN_THE_PAST = FieldCode(
    "in_the_past", "Choose a time that is still to come.", "请选择一个将来的时间。"
)
CALL_NOT_AN_OBJECT = FieldCode(
    "not_an_object", "Give an object for each call.", "每次调用须是一个对象。"
)
NOT_AS_BEFORE = FieldCode(
    "not_as_before",
    "The cursor belongs to another {name}. Leave {name} out, or ask anew without next.",
    "该游标对应另一个 {name}。请去掉 {name}，或去掉 next 重新查询。",
)
NOT_LINKED = FieldCode(
    "not_linked",
    "This distributor does not have the line. Give it the line first.",
    "该分销商没有这条产线，请先为其开通。",
)
MEANS_NOTHING_BESIDE = FieldCode(
    "not_together",
    "It means nothing beside {main}. Leave it out.",
    "与 {main} 同时使用时没有意义，请去掉。",
)
CANCELLED_HAS_NO_LINES = FieldCode(
    "not_together",
    "A cancelled call has no lines: nothing was used.",
    "已取消的调用没有用量，不得带明细。",
)
BEGUN_HAS_NO_ERROR = FieldCode(
    "not_together", "A call that begins has no error yet.", "刚开始的调用还没有错误信息。"
)
ONLY_OVER_WAS_BEFORE = FieldCode(
    "not_together",
    "A call that begins does so now, with the live version: leave {name} out.",
    "刚开始的调用以现在为准、使用线上版本，请去掉 {name}。",
)
STARTS_IN_FUTURE = FieldCode(
    "in_future",
    "A call that is over has begun already; it is {moment} now.",
    "已结束的调用应当已经开始；现在是 {moment}。",
)
TOO_LONG_AGO = FieldCode(
    "too_long_ago",
    "A call is taken up to {days} days after it began. Ask the operator to book an older one.",
    "调用开始后最多 {days} 天内可以登记，更早的请联系运营方。",
)
BEFORE_THE_LINK = FieldCode(
    "before_access",
    "You may call this line since {since}; a call cannot have begun earlier.",
    "本账户自 {since} 起可调用此产线，调用不可能更早开始。",
)
VERSION_NEVER_LIVE = FieldCode(
    "unknown_version",
    "The version {version_no} of this line is not there, or has never been live.",
    "此产线没有版本 {version_no}，或该版本从未上线。",
)
TAGS_NOT_AN_OBJECT = FieldCode(
    "not_an_object", "Give the tags as an object of texts.", "标签请写成由文字组成的对象。"
)
TAG_NOT_TEXT = FieldCode("not_text", "Give the value of a tag as a text.", "标签的值请写成文字。")
TOO_MANY_TAGS = FieldCode("too_many", "At most {most} tags.", "最多 {most} 个标签。")
TAG_SEPARATOR = FieldCode(
    "bad_characters",
    "The name of a tag has no colon and no comma, which part it from others in a query.",
    "标签名中不能有冒号和逗号，它们在查询中用作分隔。",
)
ONLY_BEGUN_IS_ESTIMATED = FieldCode(
    "not_together",
    "A call that is over has its amount: leave the estimate out.",
    "已结束的调用已有金额，请去掉预估。",
)
DISCOUNT_OUT_OF_RANGE = FieldCode(
    "out_of_range",
    "What is paid of the price: give more than 0% and at most 100%. In a request 85% is 0.85.",
    "按价格的百分比收取：须大于 0%，最大为 100%。请求中 85%（8.5 折）写作 0.85。",
)
QUOTA_CALLS_REQUIRED = FieldCode(
    "required", "Say how many calls the quota of a period allows.", "请填写每个周期允许的调用次数。"
)
QUOTA_PERIOD_REQUIRED = FieldCode(
    "required",
    "Choose day or month, or leave the number of calls empty.",
    "请选择日或月，或将调用次数留空。",
)
DISCOUNT_REQUIRED = FieldCode(
    "required",
    "Say how much of the price is paid, such as 85%.",
    "请填写折扣率，如 85%（8.5 折）。",
)
CALLS_REQUIRED = FieldCode(
    "required", "Give a list of at least one call.", "请给出至少含一次调用的列表。"
)
STATUS_REQUIRED = FieldCode(
    "required",
    "Lines are booked with the status the call ended in.",
    "上报明细时须同时给出调用的结束状态。",
)
LINES_REQUIRED = FieldCode(
    "required",
    "Give the lines of a finished call; they may be none.",
    "请给出已结束调用的明细，可以为空列表。",
)
TOO_MANY_CALLS = FieldCode("too_many", "At most {most} calls.", "最多 {most} 次调用。")
