"""The catalogue of what this module refuses: code, status and sentences of each, once."""

from app.global_func import BAD_FILE, DUPLICATE, NOT_FOUND, ErrorCode, FieldCode, Sentence

# Refusals.

ALREADY_LIVE = ErrorCode(
    "already_live", 409, "Version {version_no} is live already.", "版本 {version_no} 已在线上。"
)
PIPELINE_ARCHIVED = ErrorCode(
    "archived",
    409,
    "The line {code} is archived. Bring it back before changing it.",
    "产线 {code} 已归档，请先恢复再修改。",
)
APPROVAL_MISSING = ErrorCode(
    "approval_missing",
    409,
    "The line needs approval since this was scheduled. Ask for approval.",
    "定时之后，该产线改为发布需批准。请申请批准。",
)
APPROVAL_REQUIRED = ErrorCode(
    "approval_required",
    409,
    "What goes live on the line {code} needs the approval of a second person. Ask for it"
    " (pipeline_publication_request).",
    "产线 {code} 的上线内容需另一人批准，请提交申请（pipeline_publication_request）。",
)
APPROVAL_KEEPS_IT = APPROVAL_REQUIRED.variant(
    "The line {code} needs the approval of a second person, so one alone does not delete it. Have"
    " the approval ended first (pipeline_approval_set).",
    "产线 {code} 的上线内容需另一人批准，一人不能删除。请先申请取消批准要求"
    "（pipeline_approval_set）。",
)
APPROVAL_UNCHANGED = ErrorCode(
    "approval_unchanged", 409, "The line has this setting already.", "产线已是此设置。"
)
APPROVER_INVOLVED = ErrorCode(
    "approver_involved",
    403,
    "Who asked for it, edited it or has changed the setting cannot approve it. Ask somebody else.",
    "申请人、修改过内容的人和改过此设置的人不能批准，请由其他人批准。",
)
APPROVER_UNKNOWN = ErrorCode("approver_unknown", 403, "Sign in to approve.", "请登录后再批准。")
ENVELOPE_UNREADABLE = BAD_FILE.variant("The file cannot be read: {told}", "文件无法读取：{told}")
BAD_STATUS_CHANGE = ErrorCode(
    "bad_status_change",
    409,
    "A line that is {before} cannot become {after}.",
    "状态为 {before} 的产线不能改为 {after}。",
)
DRAFT_NEVER_PUBLISHED = BAD_STATUS_CHANGE.variant(
    "A draft goes live by publishing it, not by setting its status.",
    "草稿要通过发布上线，不能直接改状态。",
)
DRAFT_HAS_CHANGES = ErrorCode(
    "draft_has_changes",
    409,
    "The draft has changes that no version has; version {version_no} would replace them. Save a"
    " version first, or say replace_draft=1.",
    "草稿有未存入任何版本的修改，载入版本 {version_no} 会将其覆盖。请先保存版本，或填"
    " replace_draft=1。",
)
PIPELINE_CODE_TAKEN = DUPLICATE.variant(
    "There is a line with this code already. Choose another.", "已有此代码的产线，请换一个。"
)
STEP_CODE_TAKEN = DUPLICATE.variant(
    "The line has a step with this code already. Choose another.",
    "产线已有此代码的步骤，请换一个。",
)
STEP_KEY_TAKEN = DUPLICATE.variant(
    "The line has a step {key} already. Choose another.", "产线已有步骤 {key}，请换一个代码。"
)
NEVER_LIVE = ErrorCode(
    "never_live",
    409,
    "Version {version_no} was never live. Publish it instead.",
    "版本 {version_no} 从未上线，请改用发布。",
)
NO_LIVE_VERSION = ErrorCode(
    "no_live_version", 404, "The line {code} is not live.", "产线 {code} 没有上线的版本。"
)
NOT_CLONED = ErrorCode(
    "not_cloned",
    409,
    "The line's {part} cannot be copied: {told}",
    "产线的 {part} 无法复制：{told}",
)
VERSION_NOT_FOUND = NOT_FOUND.variant(
    "The line has no version {version_no}.", "产线没有版本 {version_no}。"
)
NOT_IMPORTABLE = ErrorCode(
    "not_importable",
    400,
    "The line cannot be imported before this is corrected: {told}",
    "更正以下问题后才能导入：{told}",
)
NOT_PUBLISHABLE = ErrorCode(
    "not_publishable",
    400,
    "The line cannot be published before this is corrected: {told}",
    "更正以下问题后才能发布：{told}",
)
ORPHANED_PRICES = ErrorCode(
    "orphaned_prices",
    409,
    "{count} price(s) are set for steps that would be live under another code, or not at all:"
    " {names}. Carry them over with carry_prices=1: to the new code, or to their end.",
    "有 {count} 个价格所属的步骤上线后将改用其他代码或不复存在：{names}。可用 carry_prices=1"
    " 一并处理：转到新代码，或就此结束。",
)
PUBLICATION_ENDED = ErrorCode(
    "publication_ended",
    409,
    "This request is not waiting any more. Load the page again.",
    "该申请已不在等待中，请刷新页面。",
)
PUBLICATION_MISSED = ErrorCode(
    "publication_missed",
    409,
    "It was to go live more than an hour ago, and nothing could do it then. Ask for it again.",
    "预定上线时间已过一小时以上，当时无法执行。请重新申请。",
)
PUBLICATION_NOT_FOUND = NOT_FOUND.variant("There is no such request.", "没有此申请。")
PUBLICATION_OPEN = ErrorCode(
    "publication_open",
    409,
    "The line {code} has an open request already. Cancel it first.",
    "产线 {code} 已有未完结的申请，请先取消。",
)
STATE_MOVED = ErrorCode(
    "state_moved",
    409,
    "The line is not as it was shown any more: {changes}. Look at it again, then decide.",
    "产线已不是显示时的样子：{changes}。请重新查看后再决定。",
)
TOO_LARGE = ErrorCode(
    "too_large",
    413,
    "The file is larger than {limit} bytes. Leave out what is not needed.",
    "文件大于 {limit} 字节，请去掉不需要的内容。",
)
TOO_MANY_STEPS = ErrorCode(
    "too_many_steps", 409, "A line has at most {limit} steps.", "一条产线最多 {limit} 个步骤。"
)
VERSION_CORRUPTED = ErrorCode(
    "version_corrupted",
    500,
    "Version {version_no} does not match its checksum and cannot be used. Restore it from a"
    " backup.",
    "版本 {version_no} 与其校验和不符，不能使用。请从备份恢复。",
    hint=Sentence(
        "The line's live version is damaged. Tell the operator.",
        "产线的线上版本已损坏，请告知运营方。",
    ),
)
WAS_LIVE = ErrorCode(
    "was_live",
    409,
    "Version {version_no} is or was live and is kept for ever.",
    "版本 {version_no} 正在或曾经上线，永久保留。",
)

# What can be wrong with one field.

AMBIGUOUS_STEP_KEY = FieldCode(
    "ambiguous",
    "With this code, a reference in the step {key} would mean another step. Choose another code.",
    "改用此代码后，步骤 {key} 中的引用会指向另一个步骤，请换一个代码。",
)
UNKNOWN_DEFINITION = FieldCode(
    "bad_choice", "Say draft, live or a version number.", "请填 draft、live 或版本号。"
)
STATUS_OF_NEW_PIPELINE = FieldCode(
    "bad_choice", "A new line is a draft until it is published.", "新产线在发布之前是草稿。"
)
BAD_CONFIG = FieldCode(
    "bad_config", "The configuration must be an object, in braces.", "配置必须是对象（花括号）。"
)
BAD_ORDER = FieldCode(
    "bad_order",
    "Give a list of stages, each a list of step keys.",
    "请给出阶段的列表，每个阶段是步骤代码的列表。",
)
DOUBLED_STEP = FieldCode(
    "doubled_step",
    "Name every step once; {names} comes twice.",
    "每个步骤只列一次；{names} 重复了。",
)
EMPTY_STAGE = FieldCode(
    "empty_stage", "A stage needs at least one step.", "一个阶段至少要有一个步骤。"
)
MISSING_STEP = FieldCode(
    "missing_step", "Name every step once; {names} is missing.", "每个步骤都要列出；缺少 {names}。"
)
PUBLISH_AT_PAST = FieldCode(
    "out_of_range", "Give a time that is still to come.", "请填尚未到来的时间。"
)
PUBLISH_AT_TOO_LATE = FieldCode(
    "out_of_range", "Give a time within a year.", "请填一年以内的时间。"
)
REASON_REQUIRED = FieldCode(
    "required",
    "This version was live before; say why it comes back.",
    "该版本曾上线，请说明恢复的原因。",
)
UNKNOWN_STEP = FieldCode(
    "unknown_step", "There is no step {names} in this line.", "产线中没有步骤 {names}。"
)
