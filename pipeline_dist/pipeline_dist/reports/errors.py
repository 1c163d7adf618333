"""What reports refuse."""

from app.global_func import BAD_SORT, ErrorCode, FieldCode, Sentence

STATEMENT_COLUMN_UNKNOWN = BAD_SORT.variant(
    "There is no column {column} to sort by.", "没有可供排序的列 {column}。"
)
STATEMENT_NOT_FOUND = ErrorCode(
    "statement_not_found",
    404,
    "There is no statement of this number for this account.",
    "本账户没有这个编号的账单。",
    hint=Sentence("There is no such statement of this distributor.", "该分销商没有这张账单。"),
)
BAD_GROUP = FieldCode(
    "bad_choice",
    "Group by one or two of day, month, hour, pipeline, model, step, client_ref and tag:NAME,"
    " parted by a comma.",
    "请按 day、month、hour、pipeline、model、step、client_ref、tag:名称"
    " 中的一项或两项（逗号分隔）汇总。",
)
TOO_MANY_GROUPS = FieldCode(
    "too_many",
    "There are more than {most} groups. Ask for a shorter time by from and to, or by fewer things.",
    "分组超过 {most} 个。请用 from 与 to 缩短时间，或减少汇总项。",
)
BAD_TAG_FILTER = FieldCode(
    "bad_pattern",
    "Give a tag as name:value, such as team:video.",
    "请以 名称:值 的形式给出标签，如 team:video。",
)
