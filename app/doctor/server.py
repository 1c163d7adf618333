"""The database server: version, durability, binary log, connections, cluster, Sage's tables."""

import re
from collections.abc import Mapping

from app.access import sage_setup
from app.access.sage_setup import Cursor, database_cursor, sage_cursor
from app.backup.state import is_same_server
from app.base.settings import Settings
from app.db.pool import TWO_TRIP_SIZE
from app.doctor.findings import Findings, error, fine, warning
from app.runtime import embedded_db

# The oldest ones that have all that is used.
OLDEST = {"MariaDB": (10, 6), "MySQL": (8, 0, 23)}
_SPARE_CONNECTIONS = 10
_MIN_PACKET = 16 * 2**20


def server(config: Settings) -> Findings:
    """Look at the server that has the application's database."""
    with database_cursor(config.pipeline_database) as cursor:
        variables = _pairs(cursor, "show global variables")
        status = _pairs(cursor, "show status like 'wsrep\\_%'")
    yield from _version(variables)
    yield from _durability(variables)
    yield from _binary_log(variables)
    yield from _connections(variables, config)
    zone, own_zone = variables.get("time_zone", "?"), variables.get("system_time_zone", "?")
    text = own_zone if zone == "SYSTEM" else zone
    yield fine(
        "settings",
        f"time zone {text}; the application's sessions use UTC",
        f"时区 {text}；应用的会话使用 UTC",
    )
    yield from _cluster(variables, status)


def _pairs(cursor: Cursor, sql: str) -> dict[str, str]:
    cursor.execute(sql)
    return {str(row["Variable_name"]).lower(): str(row["Value"]) for row in cursor.fetchall()}


def _version(variables: Mapping[str, str]) -> Findings:
    text = variables.get("version", "")
    kind = "MariaDB" if "MariaDB" in text else "MySQL"
    numbers = tuple(int(number) for number in re.findall(r"\d+", text)[:3])
    if numbers < OLDEST[kind]:
        oldest = ".".join(map(str, OLDEST[kind]))
        yield error(
            "database",
            (f"{kind} {text} is too old", f"{kind} {text} 版本过旧"),
            (f"use {kind} {oldest} or newer", f"请使用 {kind} {oldest} 或更新版本"),
        )
    else:
        yield fine("database", f"{kind} {text}", f"{kind} {text}")


def _durability(variables: Mapping[str, str]) -> Findings:
    settings = ["innodb_flush_log_at_trx_commit"]
    if variables.get("log_bin") == "ON":
        settings.append("sync_binlog")
    weak = [name for name in settings if variables.get(name) != "1"]
    for name in weak:
        value = variables.get(name)
        yield warning(
            "settings",
            (
                f"{name} = {value}: a power cut may lose the calls of the last moments",
                f"{name} = {value}：断电可能丢失最近的调用",
            ),
            (f"SET GLOBAL {name} = 1, and in its configuration",
             f"SET GLOBAL {name} = 1，并写入其配置"),
        )  # fmt: skip
    if not weak:
        yield fine("settings", "each commit is on the disk", "每次提交都落盘")


def _binary_log(variables: Mapping[str, str]) -> Findings:
    form = variables.get("binlog_format", "ROW")
    replicates = variables.get("log_bin") == "ON" or variables.get("wsrep_on") == "ON"
    if replicates and form == "STATEMENT":
        yield error(
            "settings",
            (
                "binlog_format = STATEMENT does not go with READ COMMITTED: every change fails",
                "binlog_format = STATEMENT 与 READ COMMITTED 不兼容：所有写入都会失败",
            ),
            ("SET GLOBAL binlog_format = 'ROW', and in its configuration",
             "SET GLOBAL binlog_format = 'ROW'，并写入其配置"),
        )  # fmt: skip
    else:
        yield fine("settings", f"binlog_format {form}", f"binlog_format {form}")
    packet = int(variables.get("max_allowed_packet", _MIN_PACKET))
    if packet < _MIN_PACKET:
        yield warning(
            "settings",
            (f"max_allowed_packet = {packet} is small", f"max_allowed_packet = {packet} 偏小"),
            (f"set it to {_MIN_PACKET} or more", f"请设为 {_MIN_PACKET} 或更大"),
        )


def _connections(variables: Mapping[str, str], config: Settings) -> Findings:
    databases = 1 + is_same_server(config.pipeline_database, config.sage_database)
    needs = config.workers * (databases * config.options.pool_size + TWO_TRIP_SIZE)
    limit = int(variables.get("max_connections", 0))
    own = int(variables.get("max_user_connections", 0))
    limit = min(limit, own) if own else limit
    message = (
        f"max_connections {limit}; {config.workers} worker(s) may open {needs}",
        f"max_connections {limit}；{config.workers} 个工作进程最多打开 {needs} 个",
    )
    if needs + _SPARE_CONNECTIONS > limit:
        yield warning(
            "settings",
            message,
            (
                f"raise it to {needs + _SPARE_CONNECTIONS} or more (times the number of hosts), or "
                "lower pipeline.pool_size or website.workers",
                f"请提高到 {needs + _SPARE_CONNECTIONS} 以上（乘以主机数），"
                "或降低 pipeline.pool_size、website.workers",
            ),
        )
    else:
        yield fine("settings", *message)


def _cluster(variables: Mapping[str, str], status: Mapping[str, str]) -> Findings:
    if variables.get("wsrep_on") != "ON":
        return
    size, state = status.get("wsrep_cluster_size"), status.get("wsrep_cluster_status")
    comment = status.get("wsrep_local_state_comment")
    message = (
        f"Galera: {size} node(s), {state}, this one {comment}",
        f"Galera：{size} 个节点，{state}，本节点 {comment}",
    )
    if state != "Primary" or status.get("wsrep_ready") != "ON":
        yield error(
            "cluster",
            message,
            (
                "this node is cut off from the others: mend the network, or name another node",
                "本节点与其他节点断开：请修复网络，或改用其他节点",
            ),
        )
    else:
        yield fine("cluster", *message)
    if variables.get("innodb_autoinc_lock_mode") != "2":
        yield error(
            "cluster",
            ("innodb_autoinc_lock_mode is not 2", "innodb_autoinc_lock_mode 不是 2"),
            ("set it to 2 on every node and restart it", "请在每个节点设为 2 并重启"),
        )


def sage(config: Settings) -> Findings:
    """Look for Sage's tables, an administrator, the paths, and the key of the passwords."""
    name = config.sage_database.name
    with sage_cursor() as cursor:
        missing = sage_setup.missing_tables(cursor)
        if missing:
            tables = ", ".join(missing)
            yield error(
                "sage",
                (f"{name} lacks {tables}", f"{name} 缺少 {tables}"),
                (
                    "name Sage's database by SAGE_RBAC_DB, or manage.py setup-sage",
                    "请用 SAGE_RBAC_DB 指定 Sage 的数据库，或执行 manage.py setup-sage",
                ),
            )
            return
        administrators = len(sage_setup.administrators(cursor))
        cursor.execute("select count(*) as n from permission where path like '/pipeline\\_%'")
        paths = int(cursor.fetchone()["n"])
    yield from _use_of_sage(config, administrators, paths)


def _use_of_sage(config: Settings, administrators: int, paths: int) -> Findings:
    """Say whether anybody can sign in and find a page."""
    if not administrators:
        yield warning(
            "sage",
            ("nobody has the role owner.superuser", "没有用户拥有角色 owner.superuser"),
            ("manage.py create-admin", "manage.py create-admin"),
        )
    if not paths:
        yield error(
            "sage",
            ("no path of this application is registered", "尚未登记本应用的路径"),
            ("manage.py load-paths", "manage.py load-paths"),
        )
    key = config.var_dir / "secrets" / "password_key"
    if not (config.given_password_key or key.exists() or embedded_db.is_wanted()):
        yield error(
            "sage",
            (f"there is no {key}: nobody can sign in", f"缺少 {key}：无人能登录"),
            ("put Sage's password_key there", "请将 Sage 的 password_key 写入该文件"),
        )
    name = config.sage_database.name
    yield fine(
        "sage",
        f"{name}: {administrators} administrator(s), {paths} paths",
        f"{name}：管理员 {administrators} 个，路径 {paths} 条",
    )
