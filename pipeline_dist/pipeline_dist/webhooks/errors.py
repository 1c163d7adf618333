"""What the management of webhooks refuses."""

from app.global_func import ErrorCode, FieldCode, Sentence

WEBHOOK_NOT_FOUND = ErrorCode(
    "webhook_not_found",
    404,
    "There is no webhook, or no delivery, of this id for this account.",
    "本账户没有这个编号的 Webhook 或投递记录。",
    hint=Sentence(
        "There is no such webhook or delivery of this distributor.",
        "该分销商没有这个 Webhook 或投递记录。",
    ),
)
NOT_IN_SANDBOX = ErrorCode(
    "not_in_sandbox",
    403,
    "The sandbox has no webhooks: nothing of it is sent. Read its events with GET /events.",
    "沙箱没有 Webhook，不会发送任何内容。请用 GET /events 读取其事件。",
    hint=Sentence("Keys of the sandbox have no use of this.", "沙箱密钥不能使用此功能。"),
)
TOO_MANY_WEBHOOKS = ErrorCode(
    "too_many_webhooks",
    409,
    "There are {most} webhooks already. Delete one first.",
    "已有 {most} 个 Webhook，请先删除一个。",
    hint=Sentence(
        "The distributor has as many webhooks as it may have.", "该分销商的 Webhook 已达上限。"
    ),
)
BAD_WEBHOOK_URL = FieldCode(
    "bad_webhook_url",
    "Give an https address of at most 500 characters, without user, password or fragment.",
    "请给出至多 500 个字符的 https 地址，不含用户名、密码或片段。",
)
ODD_WEBHOOK_HOST = FieldCode(
    "bad_webhook_url",
    "Give the host by its name, or as an ordinary IP address, such as 203.0.113.7: not as one"
    " number, nor by hexadecimal or fewer than four.",
    "主机请写域名或普通 IP 地址（如 203.0.113.7）：不能写成单个数字、十六进制或不足四段。",
)
PRIVATE_WEBHOOK_URL = FieldCode(
    "private_webhook_url",
    "Give a public address; this one is private.",
    "请给出公网地址；这是内网地址。",
)
BAD_REPLAY = FieldCode(
    "bad_replay",
    "Give either delivery_id, or webhook_id and from_event_no.",
    "请给出 delivery_id，或者 webhook_id 与 from_event_no。",
)
