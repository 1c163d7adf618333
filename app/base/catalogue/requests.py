"""What a request can meet before anybody looks at what it asks for, or because of the database."""

from app.base.errors import AS_SAID, ErrorCode, Sentence

BAD_BODY = ErrorCode(
    "bad_body",
    400,
    "The body must be a JSON object.",
    "请求体必须是 JSON 对象。",
    hint=Sentence(
        "The body is no JSON object, or not what its Content-Encoding says.",
        "请求体不是 JSON 对象，或与其 Content-Encoding 不符。",
    ),
)
TOO_MANY_NAMES = BAD_BODY.variant(
    "The body names more than {most} fields.", "请求体的字段超过 {most} 个。"
)
BODY_NOT_OF_ITS_CODING = BAD_BODY.variant(
    "The body is not what its Content-Encoding says: {coding}.",
    "请求体与其 Content-Encoding 不符：{coding}。",
)
BAD_CREDENTIALS = ErrorCode(
    "bad_credentials", 401, "User name or password is wrong.", "用户名或密码不正确。"
)
BAD_FORM = ErrorCode(
    "bad_form",
    400,
    "The body cannot be read as its content type says.",
    "请求体与其内容类型不符，无法读取。",
    hint=AS_SAID,
)
FORM_VALUE_NOT_TEXT = BAD_FORM.variant("{name} is not text.", "{name} 不是文本。")
FORM_NOT_IN_CHARSET = BAD_FORM.variant(
    "{name} is not text in {charset}: line {line}, column {column}.",
    "{name} 不是 {charset} 文本：第 {line} 行第 {column} 列。",
)
BAD_HTTP = ErrorCode(
    "bad_http",
    400,
    "This is no HTTP request.",
    "这不是 HTTP 请求。",
    hint=Sentence(
        "The request is not well-formed HTTP, or its head is too long.",
        "请求不是规范的 HTTP，或请求头过长。",
    ),
)
BAD_JSON = ErrorCode(
    "bad_json",
    400,
    "This is not valid JSON: line {line}, column {column}.",
    "这不是有效的 JSON：第 {line} 行第 {column} 列。",
    hint=Sentence(
        "The body is no JSON, or names a member twice; the detail tells the place.",
        "请求体不是 JSON，或同一成员出现两次；说明中给出位置。",
    ),
)
JSON_NOT_UTF_8 = BAD_JSON.variant(
    "This is not UTF-8: line {line}, column {column}.", "这不是 UTF-8：第 {line} 行第 {column} 列。"
)
JSON_WITH_MARK = BAD_JSON.variant(
    "The text begins with a byte order mark, which JSON has not: line {line}, column {column}.",
    "文本以字节顺序标记（BOM）开头，JSON 中不允许：第 {line} 行第 {column} 列。",
)
JSON_WORD_NOT_ALLOWED = BAD_JSON.variant(
    "{name} is not allowed in JSON: line {line}, column {column}.",
    "JSON 中不允许 {name}：第 {line} 行第 {column} 列。",
)
JSON_HALF_CHARACTER = BAD_JSON.variant(
    "A \\u escape names half of a character only: line {line}, column {column}.",
    "有一个 \\u 转义只是半个字符：第 {line} 行第 {column} 列。",
)
JSON_NUMBER_TOO_LONG = BAD_JSON.variant(
    "A number has more than {most} characters: line {line}, column {column}.",
    "有一个数超过 {most} 个字符：第 {line} 行第 {column} 列。",
)
JSON_NUMBER_OUT_OF_RANGE = BAD_JSON.variant(
    "The number {number} is too large or too small: line {line}, column {column}.",
    "数 {number} 过大或过小：第 {line} 行第 {column} 列。",
)
JSON_NAME_TWICE = BAD_JSON.variant(
    "The name {name} stands twice in one object: line {line}, column {column}.",
    "名称 {name} 在同一个对象中出现了两次：第 {line} 行第 {column} 列。",
)
JSON_TOO_MANY_LEVELS = BAD_JSON.variant(
    "There are more than {depth} levels of nesting: line {line}, column {column}.",
    "嵌套超过 {depth} 层：第 {line} 行第 {column} 列。",
)
BAD_QUERY = ErrorCode(
    "bad_query",
    400,
    "The address is not UTF-8 behind its question mark.",
    "网址问号之后的部分不是 UTF-8。",
    hint=AS_SAID,
)
BODY_INCOMPLETE = ErrorCode(
    "body_incomplete",
    400,
    "The connection ended before the whole body had arrived.",
    "请求体尚未完整到达，连接已断开。",
    hint=AS_SAID,
)
BODY_TOO_LARGE = ErrorCode(
    "body_too_large",
    413,
    "The body is larger than {limit} bytes. Send less at a time.",
    "请求体超过 {limit} 字节，请分次发送。",
    hint=Sentence("The body is too large. Send less at a time.", "请求体过大，请分次发送。"),
)
BODY_TOO_MANY_VALUES = BODY_TOO_LARGE.variant(
    "The body has more than {limit} values. Send less at a time.",
    "请求体中的值超过 {limit} 个，请分次发送。",
)
BODY_TOO_MANY_PARTS = BODY_TOO_LARGE.variant(
    "The form has more than {limit} fields. Send less at a time.",
    "表单字段超过 {limit} 个，请分次发送。",
)
BODY_TOO_SLOW = ErrorCode(
    "body_too_slow",
    408,
    "The body did not arrive within {seconds} s.",
    "请求体未在 {seconds} 秒内到达。",
    hint=Sentence("The body did not arrive in time.", "请求体未能及时到达。"),
)
BUSY = ErrorCode(
    "busy",
    503,
    "All database connections are in use. Try again in a moment.",
    "数据库连接已用满，请稍后再试。",
    hint=Sentence(
        "All connections are in use. Try again after Retry-After seconds.",
        "连接已用尽，请在 Retry-After 秒后重试。",
    ),
)
TOO_MANY_CONNECTIONS = BUSY.variant(
    "Too many connections are open. Try again in a moment.", "连接过多，请稍后再试。"
)
CROWDED = BUSY.variant(
    "Too many requests at the same time. Try again in a moment.",
    "同时处理的请求太多，请稍后再试。",
)
CROSS_SITE = ErrorCode(
    "cross_site",
    403,
    "The request comes from another site. Open this site and try again there.",
    "请求来自其他网站。请打开本站后再试。",
    hint=Sentence("A browser sent the request for another site.", "请求由浏览器代另一站点发出。"),
)
OTHER_USER = ErrorCode(
    "other_user",
    409,
    "In another window of this browser {who} has signed in. This page was opened by somebody else; "
    "nothing of it is sent in the name of {who}. Load it anew to go on.",
    "此浏览器的另一个窗口已由 {who} 登录。本页由他人打开，"
    "不会以 {who} 的名义提交。请重新加载后继续。",
)
DATABASE_BUSY = ErrorCode(
    "database_busy",
    503,
    "Too many changes at the same time. Try again in a moment.",
    "同时修改过多，请稍后再试。",
    hint=Sentence(
        "Too many changes at once. Try again after Retry-After seconds.",
        "同时修改过多，请在 Retry-After 秒后重试。",
    ),
)
STATEMENT_ENDED = DATABASE_BUSY.variant(
    "The database ended a statement of this request: another node's change came first, or an"
    " administrator ended it. Nothing was changed; try again in a moment.",
    "数据库中止了此请求的一条语句：其他节点的修改在先，或管理员中止了它。未做任何修改，请稍后再试。",
)
DATABASE_UNAVAILABLE = ErrorCode(
    "database_unavailable",
    503,
    "The database does not answer. Nothing was changed; try again in a moment.",
    "数据库没有响应，未做任何修改，请稍后再试。",
    hint=Sentence(
        "The database does not answer. Nothing was changed; try again.",
        "数据库没有响应，未作任何更改，请重试。",
    ),
)
DATABASE_FULL = DATABASE_UNAVAILABLE.variant(
    "The database cannot store anything now; perhaps its disk is full. Nothing was changed."
    " Tell the operator.",
    "数据库目前无法保存，可能磁盘已满。没有任何更改。请通知运维人员。",
)
DATABASE_READ_ONLY = DATABASE_UNAVAILABLE.variant(
    "The database takes no changes now: it is a stand-by, or was closed to changes. Nothing was"
    " changed; try again in a moment. Operator: see read_only there, and name a server that takes"
    " changes in databases.*.hosts.",
    "数据库目前只读：它是备用服务器，或已被设为禁止修改。未做任何修改，请稍后再试。运维人员："
    "请查看该服务器的 read_only，并在 databases.*.hosts 中指定可写的服务器。",
)
DATABASE_REFUSES = DATABASE_UNAVAILABLE.variant(
    "The database refuses this application: user, password or database name are wrong, or the"
    " user may not come from this host. Nothing was changed. Operator: correct `user`, `password`"
    " and `db` in databases.*.kwargs of conf/config.json, or PIPELINE_DB_PASSWORD.",
    "数据库拒绝了本应用：用户、密码或库名有误，或该用户不得从本机连接。未做任何修改。运维人员："
    "请更正 conf/config.json 中 databases.*.kwargs 的 `user`、`password`、`db`，或 "
    "PIPELINE_DB_PASSWORD。",
)
DATABASE_NOT_SAFE = DATABASE_UNAVAILABLE.variant(
    "The connection to the database cannot be encrypted as databases.*.kwargs.ssl of"
    " conf/config.json asks for, so none is made: the server has no TLS, or a certificate is not"
    " accepted. Operator: the log says which; correct the server's certificate, or `ca`, `cert`"
    " and `key`.",
    "无法按 conf/config.json 中 databases.*.kwargs.ssl 的要求加密数据库连接，因此未建立连接："
    "服务器没有 TLS，或证书不被接受。运维人员：原因见日志；请更正服务器证书，或 `ca`、`cert`、"
    "`key`。",
)
NODE_NOT_READY = DATABASE_UNAVAILABLE.variant(
    "The database node does not belong to the primary part of its cluster, or is still joining"
    " it, and takes no statements. Nothing was changed; try again in a moment. Operator: see"
    " wsrep_cluster_status and wsrep_ready there, and the network between the nodes.",
    "数据库节点不在集群的主分区中，或仍在加入集群，暂不接受语句。未做任何修改，请稍后再试。"
    "运维人员：请查看该节点的 wsrep_cluster_status、wsrep_ready 以及节点之间的网络。",
)
OUTCOME_UNKNOWN = DATABASE_UNAVAILABLE.variant(
    "The connection broke while saving: the change may be there or not. Look first; a call to"
    " the distributor API may simply be sent again with the same Idempotency-Key.",
    "保存时连接中断，修改可能已生效也可能没有。请先查看；分销商接口的调用可以用同一 "
    "Idempotency-Key 直接重发。",
)
FORBIDDEN = ErrorCode(
    "forbidden",
    403,
    "Your roles do not include this. Ask an administrator for the right.",
    "您的角色没有此权限，请向管理员申请。",
)
METRICS_FORBIDDEN = FORBIDDEN.variant(
    "Metrics need a token here, as Authorization: Bearer. It is pipeline.metrics_token, or"
    " else stands in the file secrets/metrics_token of the run-time folder.",
    "此处访问指标需要令牌（Authorization: Bearer）。令牌是 pipeline.metrics_token，未设时在运"
    "行目录的文件 secrets/metrics_token 中。",
)
HOST_CLOCK = ErrorCode(
    "host_clock",
    503,
    "This host's clock is {seconds} s ahead of the database's (behind, if negative); more than"
    " {limit} s would book calls into the wrong time. Set both by a time service (chrony,"
    " systemd-timesyncd); nothing has to be restarted.",
    "本机时钟比数据库快 {seconds} 秒（负数为慢）；超过 {limit} 秒会把调用记到错误的时间。"
    "请用时间同步服务（chrony、systemd-timesyncd）校准两者，无需重启。",
)
INTERNAL_ERROR = ErrorCode(
    "internal_error",
    500,
    "Something went wrong here. Tell the operator the request id.",
    "服务器内部出错，请将请求号告知运维人员。",
    hint=Sentence(
        "A fault on our side. Report the request_id; repeat with the same key.",
        "我方故障，请告知 request_id；可用同一键重试。",
    ),
)
INVALID_FIELDS = ErrorCode(
    "invalid_fields",
    400,
    "{count} field(s) need correction: {names}.",
    "有 {count} 个字段需要改正：{names}。",
    hint=Sentence(
        "Fields are missing, unknown or out of range; `errors` names each.",
        "字段缺失、未知或超出范围；`errors` 逐一列出。",
    ),
)
LOCKED_OUT = ErrorCode(
    "locked_out",
    429,
    "Too many failed logins. Try again in {seconds} seconds.",
    "登录失败次数过多，请在 {seconds} 秒后重试。",
)
METHOD_NOT_ALLOWED = ErrorCode(
    "method_not_allowed",
    405,
    "{method} is not allowed here; use {allowed}.",
    "此处不能用 {method}，请用 {allowed}。",
    hint=Sentence(
        "The address does not answer to this method; see Allow.",
        "该地址不接受此方法，见 Allow。",
    ),
)
NO_FILES_HERE = ErrorCode(
    "no_files_here",
    400,
    "No file can be sent here ({name}).",
    "此处不能上传文件（{name}）。",
    hint=Sentence("The address takes no files.", "该地址不接收文件。"),
)
NOT_FOUND = ErrorCode(
    "not_found",
    404,
    "There is nothing at this address.",
    "此地址不存在。",
    hint=AS_SAID,
)
NOT_SIGNED_IN = ErrorCode(
    "not_signed_in",
    401,
    "Sign in to use this.",
    "请先登录。",
    hint=Sentence(
        "The address is none of this API. Check its spelling.",
        "该地址不属于本接口，请检查拼写。",
    ),
)
REFUSED = ErrorCode(
    "refused",
    400,
    "The request cannot be answered ({reason}).",
    "无法处理该请求（{reason}）。",
    hint=Sentence(
        "The request cannot be answered as it is; the detail says why.",
        "无法按此请求答复，原因见 detail。",
    ),
)
SCHEMA_NOT_CURRENT = ErrorCode(
    "schema_not_current",
    503,
    "The tables of the database are not yet those of this version. Nothing was changed; try again"
    " in a moment. Operator: run app/manage.py migrate; nothing has to be restarted.",
    "数据库的表尚不是本版本所需的结构。未做任何修改，请稍后再试。运维人员：请执行"
    " app/manage.py migrate，无需重启。",
    hint=Sentence(
        "The service is being upgraded. Nothing was changed; try again after Retry-After seconds.",
        "服务正在升级，未作任何更改，请在 Retry-After 秒后重试。",
    ),
)
SCHEMA_OF_LATER_CODE = SCHEMA_NOT_CURRENT.variant(
    "A later version has changed the tables of the database in a way that this one cannot work"
    " with. Nothing was changed; try again in a moment. Operator: start the later version in the"
    " place of this one.",
    "更新的版本已更改数据库的表，本版本无法继续使用。未做任何修改，请稍后再试。运维人员：请启动"
    "更新的版本以替换本版本。",
)
TOO_SLOW = ErrorCode(
    "too_slow",
    503,
    "Adding this up takes longer than {seconds} s and was ended. Ask for less: a shorter time, or"
    " one pipeline.",
    "汇总超过 {seconds} 秒，已中止。请缩小范围：更短的时间，或单条产线。",
    hint=Sentence(
        "What was asked for takes too long to find. Ask for a shorter time.",
        "所查内容耗时过长，请缩短时间范围。",
    ),
)
STATEMENT_TOO_SLOW = TOO_SLOW.variant(
    "The database ended a statement that took longer than statement_timeout allows. Nothing was"
    " changed. Ask for less at a time.",
    "某条语句超过 statement_timeout 的时限，已被数据库中止，未做任何修改。请减少每次的数量。",
)
UNKNOWN_EXPECTATION = ErrorCode(
    "unknown_expectation",
    417,
    "Only 100-continue can be expected here.",
    "Expect 请求头只能是 100-continue。",
    hint=Sentence("Only 100-continue can be expected.", "Expect 只能是 100-continue。"),
)
UNKNOWN_HOST = ErrorCode(
    "unknown_host",
    400,
    "This server does not answer to the host name in the request. Its operator can add it to"
    " pipeline.allowed_hosts in conf/config.json.",
    "服务器不接受请求中的主机名。运维人员可将其加入 conf/config.json 的 pipeline.allowed_hosts。",
    hint=Sentence(
        "The server does not answer to the host name used.", "服务器不接受所用的主机名。"
    ),
)
UNSUPPORTED_ENCODING = ErrorCode(
    "unsupported_encoding",
    415,
    "Send the body packed once as gzip or deflate, or as it is; not with Content-Encoding:"
    " {coding}.",
    "请求体只能用 gzip 或 deflate 压缩一次，或不压缩；不能用 Content-Encoding: {coding}。",
    hint=Sentence(
        "The body may be packed as gzip or deflate, once.",
        "请求体可用 gzip 或 deflate 压缩一次。",
    ),
)
UNSUPPORTED_MEDIA_TYPE = ErrorCode(
    "unsupported_media_type",
    415,
    "Send the body as application/json, not as {kind}.",
    "请以 application/json 发送请求体，而不是 {kind}。",
    hint=Sentence(
        "The body must be sent as application/json.", "请求体须以 application/json 发送。"
    ),
)
NO_FORM_OR_JSON = UNSUPPORTED_MEDIA_TYPE.variant(
    "Send the body as application/json or as a form, not as {kind}.",
    "请求体请用 application/json 或表单，不能是 {kind}。",
)
NO_FILE_OR_JSON = UNSUPPORTED_MEDIA_TYPE.variant(
    "Send the rows as application/json, or a file as text/csv or application/octet-stream, not"
    " as {kind}.",
    "请以 application/json 发送各行，或以 text/csv、application/octet-stream 发送文件，而不是 "
    "{kind}。",
)
NO_MEDIA_TYPE = UNSUPPORTED_MEDIA_TYPE.variant(
    "The header Content-Type is missing. Send application/json.",
    "缺少 Content-Type 头。请发送 application/json。",
)
NO_MEDIA_TYPE_OF_FORM = UNSUPPORTED_MEDIA_TYPE.variant(
    "The header Content-Type is missing. Send application/json, or the type of a form.",
    "缺少 Content-Type 头。请发送 application/json 或表单的类型。",
)
