"""What can be wrong with one field, and with one cell of a file."""

from app.base.errors import FieldCode

AMBIGUOUS_DATE = FieldCode(
    "ambiguous_date",
    "{text} can be read in two ways. Write the year first, such as 2026-12-01.",
    "{text} 有两种读法。请把年份写在最前，例如 2026-12-01。",
)
BAD_ADDRESS = FieldCode(
    "bad_address",
    "{part} is no IP address or network such as 10.0.0.0/8.",
    "{part} 不是 IP 地址或网段（如 10.0.0.0/8）。",
)
BAD_BOOLEAN = FieldCode(
    "bad_boolean", "Give 1 or 0, true or false.", "请填 1 或 0，true 或 false。"
)
NUL_CHARACTER = FieldCode(
    "bad_characters", "The text contains a NUL character.", "文本中含有 NUL 字符。"
)
BAD_CHARACTERS = FieldCode(
    "bad_characters",
    "Line breaks and control characters are not allowed here.",
    "此处不能有换行和控制字符。",
)
NOT_UNICODE = FieldCode(
    "bad_characters", "The text is not valid Unicode.", "文本不是有效的 Unicode。"
)
BAD_CHOICE = FieldCode("bad_choice", "Choose one of: {choices}.", "请从以下值中选择：{choices}。")
BAD_DATE = FieldCode("bad_date", "Give a date such as {example}.", "请填日期，例如 {example}。")
BAD_DATETIME = FieldCode(
    "bad_datetime",
    "Give a date, or a time with its zone such as {example} or {local} (+ is %2B in a URL).",
    "请填日期，或带时区的时间，如 {example} 或 {local}（在 URL 中 + 写作 %2B）。",
)
NO_ZONE = FieldCode("no_zone", BAD_DATETIME.en, BAD_DATETIME.zh)
# Of what happened at one time, which a day alone does not say.
BAD_TIME = FieldCode(
    "bad_datetime",
    "Give a time with its zone such as {example} or {local}; a date alone does not say when.",
    "请填带时区的时间，如 {example} 或 {local}；只有日期不足以说明时刻。",
)
TIME_WITHOUT_ZONE = FieldCode("no_zone", BAD_TIME.en, BAD_TIME.zh)
CELL_WITHOUT_TIME = FieldCode(
    "bad_datetime",
    "Give a day such as 2026-12-01 or a time such as 2026-12-01 08:00, the year first.",
    "请填写日期（如 2026-12-01）或时间（如 2026-12-01 08:00），年份在前。",
)
CELL_NO_DATE = FieldCode(
    "bad_datetime",
    "The cell is shown as a date, and {value} is none.",
    "单元格的格式是日期，但 {value} 不是日期。",
)
NO_JSON_OBJECT = FieldCode(
    "bad_json", "Give a JSON object, in braces.", "请填 JSON 对象（花括号）。"
)
NO_JSON_LIST = FieldCode("bad_json", "Give a JSON list, in brackets.", "请填 JSON 列表（方括号）。")
JSON_TOO_DEEP = FieldCode("bad_json", "At most {depth} levels of nesting.", "嵌套最多 {depth} 层。")
NOT_ALLOWED_IN_JSON = FieldCode(
    "bad_json", "{name} is not allowed in JSON.", "JSON 中不能有 {name}。"
)
NUMBER_IN_JSON = FieldCode(
    "bad_json",
    "A number in it is too large, too small or too long.",
    "其中有数字过大、过小或过长。",
)
BAD_JSON_VALUE = FieldCode("bad_json", "This cannot be written as JSON.", "无法写成 JSON。")
BAD_PATTERN = FieldCode(
    "bad_pattern", "The value does not have the form {pattern}.", "格式应为 {pattern}。"
)
BLANK_ENDS = FieldCode(
    "blank_ends",
    "Leave out the blanks at the beginning and at the end.",
    "请去掉开头和结尾的空白。",
)
CLOCK_CHANGE = FieldCode(
    "clock_change",
    "At {text} the clocks of {zone} are changed. Write the time with its distance to UTC, such"
    " as {example}.",
    "{text} 处于 {zone} 调整时钟的时段。请写明与 UTC 的时差，例如 {example}。",
)
CUT_TEXT = FieldCode(
    "cut_text",
    "An Excel cell holds {most} characters, this text had more and was cut. Import the CSV file.",
    "Excel 单元格最多容纳 {most} 个字符，这段文字更长，已被截断。请导入 CSV 文件。",
)
DAMAGED_TEXT = FieldCode(
    "damaged_text",
    "The text holds the character �: it was damaged when the file was saved.",
    "文字中有字符 �：文件在保存时已损坏。",
)
EMPTY = FieldCode("empty", "Give a value, or leave this out.", "请填写值，或不要传此项。")
ERROR_CELL = FieldCode(
    "error_cell", "The cell shows {value}, not a value.", "单元格显示的是 {value}，不是值。"
)
FORMULA_WITHOUT_RESULT = FieldCode(
    "formula_without_result",
    "The formula has no result in the file. Open it in Excel and save it once more.",
    "文件中没有该公式的结果。请用 Excel 打开并重新保存。",
)
MERGED_COLUMNS = FieldCode(
    "merged_columns",
    "The cell is merged with the one at its left. Give each column its own.",
    "该单元格与左侧单元格合并了，请为每一列单独填写。",
)
MERGED_HEADING = FieldCode(
    "merged_heading",
    "The cell is merged with the heading above it.",
    "该单元格与上方的标题合并了。",
)
NO_HEADING = FieldCode(
    "no_heading",
    "Cell {number} of the row has a value ({text}), and no heading above it.",
    "该行第 {number} 个单元格有值（{text}），但上方没有标题。",
)
NOT_A_NUMBER = FieldCode("not_a_number", "Give a number.", "请填数字。")
NOT_AN_INTEGER = FieldCode("not_an_integer", "Give a whole number.", "请填整数。")
NO_SUCH_RECORD = FieldCode(
    "not_found", "There is no record with id {id} in {table}.", "{table} 中没有 id 为 {id} 的记录。"
)
NOT_SCALAR = FieldCode(
    "not_scalar", "Give one value, not a list or an object.", "请给一个值，不能是列表或对象。"
)
NOT_SETTABLE = FieldCode(
    "not_settable",
    "This field is kept by the server and cannot be set.",
    "此字段由服务器维护，不能设置。",
)
NOT_TEXT = FieldCode(
    "not_text", "Give a text, not a value of type {type}.", "请给文本，不能是 {type} 类型的值。"
)
OUT_OF_ORDER = FieldCode(
    "out_of_order", "The end must be after the start.", "结束时间必须晚于开始时间。"
)
OUT_OF_RANGE = FieldCode(
    "out_of_range", "Give a number from {low} to {high}.", "请填 {low} 到 {high} 之间的数。"
)
TOO_LOW = FieldCode("out_of_range", "Give a number of at least {low}.", "请填不小于 {low} 的数。")
TOO_HIGH = FieldCode("out_of_range", "Give a number of at most {high}.", "请填不大于 {high} 的数。")
OVER_PRECISION = FieldCode("out_of_range", "Give a number below {high}.", "请填小于 {high} 的数。")
NUMBER_OUT_OF_RANGE = FieldCode(
    "out_of_range", "The number is too large or too small.", "数字过大或过小。"
)
NUMBER_TOO_LARGE = FieldCode("out_of_range", "The number is too large.", "数字过大。")
PATH_OR_USER_REQUIRED = FieldCode(
    "required", "Give a path or a user's name.", "请填写路径或用户名。"
)
REQUIRED = FieldCode("required", "This field is required.", "此字段必填。")
TOO_LONG = FieldCode(
    "too_long",
    "At most {limit} characters, this has {count}.",
    "最多 {limit} 个字符，现有 {count} 个。",
)
MUCH_TOO_LONG = FieldCode(
    "too_long",
    "At most {limit} characters, this has more.",
    "最多 {limit} 个字符，现有更多。",
)
TOO_MANY_CELLS = FieldCode(
    "too_many_cells",
    "The row has {count} cells, the first row has {width}. In a CSV file a value with a"
    " separator in it, such as 1,200.50, must be in quotes.",
    "该行有 {count} 个单元格，而标题行有 {width} 个。在 CSV 文件中，含分隔符的值（例如 1,"
    "200.50）须加引号。",
)
TOO_MANY_DECIMALS = FieldCode(
    "too_many_decimals",
    "At most {allowed} decimals, this has {count}.",
    "最多 {allowed} 位小数，现有 {count} 位。",
)
UNKNOWN_CURRENCY = FieldCode(
    "unknown_currency",
    "{currency} is no currency of ISO 4217.",
    "{currency} 不是 ISO 4217 的币种。",
)
PAST_CURRENCY = FieldCode(
    "unknown_currency",
    "{currency} is a currency of the past; choose one that is in force.",
    "{currency} 是已停用的币种；请选择现行币种。",
)
UNKNOWN_FIELD = FieldCode("unknown_field", "There is no field of this name here.", "没有这个字段。")
WRITE_ONCE = FieldCode(
    "write_once",
    "This is set when the record is made and cannot change.",
    "此字段在新建时确定，不能修改。",
)
VALUE_TAKEN = FieldCode(
    "duplicate", "This is taken already; choose another.", "已被占用，请换一个。"
)
