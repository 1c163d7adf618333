"""Refusals about records: lists and filters, files out and in, changes."""

from app.base.catalogue.requests import NOT_FOUND, TOO_SLOW
from app.base.errors import ErrorCode

BAD_CODE = ErrorCode(
    "bad_code",
    400,
    "No drop-down offers {text} of {table}. See the codes of the models.",
    "没有下拉框提供 {table} 的 {text}。",
)
BAD_COLUMNS = ErrorCode(
    "bad_columns",
    400,
    "{table} has no column {names}. Use the names or titles of its columns.",
    "{table} 没有 {names} 列，请使用列名或列标题。",
)
COLUMN_TWICE = BAD_COLUMNS.variant("The column {name} is there twice.", "{name} 列出现了两次。")
NO_COLUMNS = BAD_COLUMNS.variant("The first row must name the columns.", "第一行必须是列标题。")
BAD_EXPORT = ErrorCode("bad_export", 400, "Export as {known}.", "可导出为：{known}。")
EXPORT_COLUMN_UNKNOWN = BAD_EXPORT.variant(
    "{table} has no column {name}.", "{table} 没有 {name} 列。"
)
EXPORT_COLUMN_TWICE = BAD_EXPORT.variant("Name each column once.", "每一列只能写一次。")
BAD_FILE = ErrorCode(
    "bad_file",
    400,
    "This is neither a CSV text nor an Excel file (.xlsx).",
    "这既不是 CSV 文本，也不是 Excel 文件（.xlsx）。",
)
FILE_WITHOUT_ROWS = BAD_FILE.variant(
    "The file has no rows below the one that names the columns.", "文件在标题行下面没有数据行。"
)
FILE_OLD_EXCEL = BAD_FILE.variant(
    "The file is an old Excel file (.xls) or protected with a password. Save it as an Excel"
    " workbook (.xlsx) without a password.",
    "文件是旧版 Excel 文件（.xls）或有密码保护，请另存为不带密码的 Excel 工作簿（.xlsx）。",
)
FILE_CELL_TOO_LONG = BAD_FILE.variant(
    "Row {row}: a cell has more than {most} characters. Perhaps a quote is opened and not closed.",
    "第 {row} 行：有单元格超过 {most} 个字符，可能是引号没有成对。",
)
FILE_OPEN_QUOTE = BAD_FILE.variant(
    "Row {row}: a quote is opened and not closed.", "第 {row} 行：引号没有闭合。"
)
FILE_BAD_QUOTE = BAD_FILE.variant(
    "Row {row}: after a closing quote there must be a separator. A quote within a text is"
    " written twice.",
    "第 {row} 行：右引号之后必须是分隔符；文字中的引号要写两次。",
)
FILE_BAD_CHARACTER = BAD_FILE.variant(
    "Row {row} holds a character that is not in {encoding}. Save the file as CSV UTF-8 and try"
    " again.",
    "第 {row} 行有不属于 {encoding} 编码的字符。请将文件另存为 CSV UTF-8 后重试。",
)
FILE_DAMAGED = BAD_FILE.variant(
    "The Excel file cannot be read. It may be damaged.", "无法读取该 Excel 文件，文件可能已损坏。"
)
FILE_WITH_PASSWORD = BAD_FILE.variant(
    "The file is protected with a password. Save it without one.",
    "文件有密码保护，请去掉密码后另存。",
)
FILE_STRICT_EXCEL = BAD_FILE.variant(
    "The file is a Strict Open XML workbook. Save it as an Excel workbook (.xlsx).",
    "文件是“严格 Open XML”工作簿，请另存为 Excel 工作簿（.xlsx）。",
)
FILE_WITHOUT_SHEET = BAD_FILE.variant(
    "The file has no sheet that can be seen.", "文件中没有可见的工作表。"
)
BAD_FILTER = ErrorCode(
    "bad_filter", 400, "data_filter cannot be read: {reason}", "无法读取 data_filter：{reason}"
)
FILTER_TOO_LONG = BAD_FILTER.variant(
    "data_filter has more than {most} characters.", "data_filter 超过 {most} 个字符。"
)
FILTER_PART_NO_OBJECT = BAD_FILTER.variant(
    "A part of data_filter is not an object.", "data_filter 的某一部分不是对象。"
)
FILTER_TOO_DEEP = BAD_FILTER.variant(
    "data_filter is nested deeper than {depth} levels.", "data_filter 嵌套超过 {depth} 层。"
)
FILTER_WITHOUT_LIST = BAD_FILTER.variant("{op} takes a list of conditions.", "{op} 需要条件列表。")
FILTER_TOO_MANY_CONDITIONS = BAD_FILTER.variant(
    "data_filter has more than {count} conditions.", "data_filter 的条件超过 {count} 个。"
)
FILTER_BAD_FIELD = BAD_FILTER.variant(
    "Cannot filter by {field}. Give a column name.", "不能按 {field} 筛选，请给列名。"
)
FILTER_BAD_OPERATOR = BAD_FILTER.variant(
    "{op} is no operator. Use one of: {known}.", "{op} 不是运算符，可用：{known}。"
)
FILTER_UNKNOWN_MEMBER = BAD_FILTER.variant("A condition has no {name}.", "条件中不能有 {name}。")
FILTER_WITHOUT_CONST = BAD_FILTER.variant(
    "The condition on {field} has no const.", "{field} 的条件缺少 const。"
)
FILTER_BAD_COUNT = BAD_FILTER.variant(
    "{op} takes 1 to {count} values.", "{op} 需要 1 到 {count} 个值。"
)
FILTER_NOT_PLAIN_VALUES = BAD_FILTER.variant("{op} takes plain values.", "{op} 只接受普通值。")
FILTER_NOT_ONE_VALUE = BAD_FILTER.variant("{op} takes one plain value.", "{op} 只接受一个普通值。")
FILTER_NAME_TWICE = BAD_FILTER.variant("Give {name} once.", "{name} 只能给一次。")
FILTER_NOT_TEXT = BAD_FILTER.variant(
    "{op} works on texts only, not on {field}.", "{op} 只能用于文本，不能用于 {field}。"
)
FILTER_WITHOUT_VALUE = BAD_FILTER.variant(
    "The filter on {field} has no value.", "{field} 的筛选没有值。"
)
FILTER_VALUE_MISFIT = BAD_FILTER.variant(
    "The filter on {field} does not fit: {why}", "{field} 的筛选值不合适：{why}"
)
FILTER_COLUMN_UNKNOWN = BAD_FILTER.variant(
    "{table} has no column {name} to filter by.", "{table} 没有可筛选的列 {name}。"
)
BAD_PAGING = ErrorCode(
    "bad_paging",
    400,
    "{name} must be a whole number, at least {low}.",
    "{name} 必须是不小于 {low} 的整数。",
)
PAGE_TOO_FAR = BAD_PAGING.variant(
    "The list is too long for page numbers beyond {most} rows. Go on from a row with the next of"
    " the answer before, or filter the list.",
    "列表很长，超过 {most} 行就没有页码。请用上一次答复的 next 从某行往后翻，或先筛选。",
)
CURSOR_UNREADABLE = BAD_PAGING.variant(
    "This is no next or previous of an answer. Begin with the first page.",
    "这不是某次答复的 next 或 previous，请从第一页开始。",
)
CURSOR_OF_OTHER_ORDER = BAD_PAGING.variant(
    "This next or previous belongs to another order. Begin with the first page.",
    "该 next 或 previous 属于另一种排序，请从第一页开始。",
)
BAD_ROWS = ErrorCode(
    "bad_rows", 400, "Import 1 to {most} rows at a time.", "一次可导入 1 到 {most} 行。"
)
BAD_ROW = BAD_ROWS.variant("Each row must be a list of cells.", "每一行必须是单元格列表。")
BAD_SEARCH = ErrorCode(
    "bad_search",
    400,
    "Give one text of at most {most} characters.",
    "请给出一段不超过 {most} 个字符的文字。",
)
NOTHING_TO_SEARCH = BAD_SEARCH.variant(
    "The list is too long to be searched. Filter it first: below {most} rows all texts are"
    " searched.",
    "列表太长，不能直接搜索。请先筛选：少于 {most} 行时会搜索全部文字。",
)
BAD_SORT = ErrorCode(
    "bad_sort",
    400,
    "Cannot sort by {sort}. Give a column name, optionally with desc.",
    "不能按 {sort} 排序，请给列名，可加 desc。",
)
TOO_MANY_SORT_COLUMNS = BAD_SORT.variant(
    "Sort by at most {count} columns.", "最多按 {count} 列排序。"
)
SORT_COLUMN_UNKNOWN = BAD_SORT.variant("{table} has no column {name}.", "{table} 没有 {name} 列。")
SORT_WITHOUT_INDEX = BAD_SORT.variant(
    "The list is too long to be sorted by {sort}. Sort by one of {known}, or filter it: below"
    " {most} rows it can be sorted by every column.",
    "列表太长，不能按 {sort} 排序。可按 {known} 排序，或先筛选：少于 {most} 行时可按任意列排序。",
)
LIST_TOO_SLOW = TOO_SLOW.variant(
    "Finding these rows takes longer than {seconds} s and was ended. Filter the list by a shorter"
    " time, or by a column that it can be sorted by.",
    "查找这些行超过 {seconds} 秒，已中止。请用更短的时间范围，或用可排序的列来筛选。",
)
BAD_VALUE = ErrorCode(
    "bad_value",
    400,
    "The database refused a value: too long or out of range.",
    "数据库拒绝了一个值：过长或超出范围。",
)
BAD_ZONE = ErrorCode("bad_zone", 400, "There is no time zone {name}.", "没有时区 {name}。")
DUPLICATE = ErrorCode(
    "duplicate",
    409,
    "Such a record exists already ({index}). Choose another value.",
    "已存在相同记录（{index}），请换一个值。",
)
NOT_UNIQUE = DUPLICATE.variant(
    "There is such a record already: {fields} must be unique.",
    "已有这样的记录：{fields} 不得重复。",
)
EDIT_CONFLICT = ErrorCode(
    "edit_conflict",
    409,
    "The record was changed by {who} at {when}. Look at the current version and try again.",
    "该记录已由 {who} 于 {when} 修改，请查看最新内容后再试。",
)
FILE_TOO_LARGE = ErrorCode(
    "file_too_large", 400, "{why} Split it and import the parts.", "{why}请拆成几个文件分别导入。"
)
IN_USE = ErrorCode(
    "in_use",
    409,
    "It cannot be deleted while others refer to it: {names}.",
    "仍被引用，不能删除：{names}。",
)
KEY_MISSING = ErrorCode(
    "key_missing", 400, "Name the record by its {name}.", "请用 {name} 指明记录。"
)
NO_TABLE = ErrorCode("no_table", 400, "There is no table {name}.", "没有表 {name}。")
USER_NOT_FOUND = NOT_FOUND.variant("There is no user {name} in Sage.", "Sage 中没有用户 {name}。")
USER_NOT_FOUND_BUT_ALIKE = NOT_FOUND.variant(
    "There is no user {name}; did you mean {near}?", "没有用户 {name}，是否指 {near}？"
)
ROW_NOT_FOUND = NOT_FOUND.variant("There is no such record in {table}.", "{table} 中没有这条记录。")
TABLE_NOT_IMPORTABLE = NOT_FOUND.variant(
    "No rows can be imported into {table}.", "{table} 不支持导入。"
)
RECORD_NOT_FOUND = NOT_FOUND.variant(
    "There is no record {id} in {table}.", "{table} 中没有记录 {id}。"
)
NOT_PUT_BACK = ErrorCode(
    "not_put_back",
    409,
    "{field} is not changed by a form, so it cannot be put back here.",
    "{field} 不由表单修改，不能在此恢复。",
)
ROW_NOT_PUT_BACK = NOT_PUT_BACK.variant(
    "“{label}” cannot be put back: not all of it is in the audit trail.",
    "“{label}” 不能恢复：操作审计中没有它的全部内容。",
)
NOTHING_TO_CHANGE = ErrorCode(
    "nothing_to_change", 400, "Name at least one field to change.", "请至少给出一个要修改的字段。"
)
NOTHING_TO_PUT_BACK = ErrorCode(
    "nothing_to_put_back",
    400,
    "This entry did not change the field {field}.",
    "此条记录没有修改字段 {field}。",
)
DELETED_NOTHING = NOTHING_TO_PUT_BACK.variant(
    "This entry deleted nothing. Name the field that is to be put back.",
    "此条记录没有删除记录，请指明要恢复的字段。",
)
CHANGED_SINCE = NOT_PUT_BACK.variant(
    "“{label}” cannot be put back by this entry: something was done to it later. Use its last one.",
    "“{label}” 不能按此条记录恢复：之后还有对它的操作，请用最后一条。",
)
TIME_IS_OVER = NOT_PUT_BACK.variant(
    "It cannot be put back: its time is over.", "不能恢复：其有效期已过。"
)
IS_THERE_AGAIN = NOTHING_TO_PUT_BACK.variant(
    "“{label}” is there again already.", "“{label}” 已经恢复。"
)
PATH_SPELLING = ErrorCode(
    "path_spelling",
    409,
    "Sage has the path {found}, which its unique key does not tell from {path}. Correct it in"
    " Sage, then run load_path.py again.",
    "Sage 中已有路径 {found}，其唯一键无法与 {path} 区分。请在 Sage 中改正，再运行 load_path.py。",
)
TOO_MANY_ROWS = ErrorCode(
    "too_many_rows",
    400,
    "The list has more than {most} rows. Filter it first.",
    "列表超过 {most} 行，请先筛选。",
)
TOO_MANY_VIEWS = ErrorCode(
    "too_many_views",
    409,
    "There are {count} views of this list already. Delete one of them first.",
    "此列表已有 {count} 个视图，请先删除其中一个。",
)
UNKNOWN_COLUMN = ErrorCode(
    "unknown_field", 400, "{table} has no field {name}.", "{table} 没有字段 {name}。"
)
WRONG_TYPE = ErrorCode(
    "wrong_type",
    400,
    "{name} cannot take a value of type {type}.",
    "{name} 不能接受 {type} 类型的值。",
)
