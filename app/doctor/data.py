"""What the application itself asks of its database: rights, clock, schema, the ledger."""

from typing import Any

from app.base.secrets import secret, secret_file
from app.base.settings import settings
from app.db import migrate
from app.db.host_clock import MAX_OFFSET_SECONDS, clock_offset
from app.db.pool import raw_connection
from app.db.rights import has_global_privileges, has_privilege, trigger_remedies
from app.db.transactions import reading
from app.doctor.findings import Finding, error, fine, warning
from app.people.second_factor import KEY as FACTOR_KEY, unreadable_factors
from pipeline_dist.webhooks.resealing import unreadable_webhooks
from pipeline_dist.webhooks.sealing import KEY
from pipeline_ops.ledger.amounts import amount_faults
from pipeline_ops.ledger.repricing import price_check
from pipeline_ops.ledger.row_faults import row_faults
from pipeline_ops.ledger.slices import Slice

SAMPLE_ROWS = 2_000
_PRIVILEGES = (
    "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "INDEX", "DROP",
    "CREATE TEMPORARY TABLES",
)  # fmt: skip
_SAMPLE_START = "select id from pipeline_usage_log order by id desc limit 1 offset ${rows}$"


async def privileges() -> list[Finding]:
    """Look for rights that are missing, or that nobody needs."""
    findings = []
    async with raw_connection() as connection:
        async with connection.cursor() as cursor:
            missing = [name for name in _PRIVILEGES if not await has_privilege(cursor, name)]
            is_powerful = await has_global_privileges(cursor)
            await cursor.execute("select database(), current_user()")
            database, user = await cursor.fetchone()
        remedies = await trigger_remedies(connection)
    account = "@".join(f"'{part}'" for part in str(user).rsplit("@", 1))
    if missing:
        remedies.insert(0, f"GRANT {', '.join(missing)} ON `{database}`.* TO {account};")
    if remedies:
        statements = " ".join(remedies)
        findings.append(
            error(
                "privileges",
                (f"{account} lacks rights", f"{account} 缺少权限"),
                (f"as the database's administrator: {statements}",
                 f"以数据库管理员执行：{statements}"),
            )
        )  # fmt: skip
    if is_powerful:
        findings.append(
            warning(
                "privileges",
                (f"{account} has rights on the whole server", f"{account} 拥有整个服务器的权限"),
                (
                    "give it an account with rights on the application's two databases only",
                    "请改用只对应用的两个数据库有权限的账号",
                ),
            )
        )
    return findings or [fine("privileges", f"{account} has all it needs", f"{account} 权限齐全")]


async def clock() -> list[Finding]:
    """Hold this host's clock against the database's."""
    async with reading() as sor:
        offset = await clock_offset(sor)
    message = (
        f"{offset.seconds:+.3f} s against the database",
        f"与数据库相差 {offset.seconds:+.3f} 秒",
    )
    if not offset.is_too_far:
        return [fine("clock", *message)]
    return [
        error(
            "clock",
            message,
            (
                f"set both by a time service; beyond {MAX_OFFSET_SECONDS:.0f} s this host takes no "
                "calls",
                f"请用时间同步服务校准两者；相差超过 {MAX_OFFSET_SECONDS:.0f} 秒时本机不接受调用",
            ),
        )
    ]


async def schema() -> list[Finding]:
    """Compare the tables with the models."""
    todo = await migrate.plan()
    changes = [*todo.before, *map(str, todo.steps), *todo.after]
    findings = [
        warning(
            "schema",
            (problem, problem),
            ("left as it is; see docs/migrations.md", "保持原样，见 docs/migrations.md"),
        )
        for problem in todo.problems
    ]
    if changes:
        first = changes[0]
        findings.append(
            error(
                "schema",
                (f"{len(changes)} change(s) to do: {first} …",
                 f"有 {len(changes)} 项变更待执行：{first} …"),
                ("manage.py migrate", "manage.py migrate"),
            )
        )  # fmt: skip
    return findings or [fine("schema", "as the models say", "与模型一致")]


async def ledger() -> list[Finding]:
    """Check prices, amounts and states of the newest rows of the ledger."""
    async with reading(snapshot=True) as sor:
        start = await sor.firsts(_SAMPLE_START, {"rows": SAMPLE_ROWS})
        part = Slice(str(start[0]) if start else "", None, None)
        prices = await price_check(sor)
        faults: list[Any] = [
            *await prices.faults(sor, part),
            *await amount_faults(sor, part),
            *await row_faults(sor, part),
        ]
    if not faults:
        return [
            fine(
                "ledger",
                f"the newest {SAMPLE_ROWS:,} rows are right",
                f"最新 {SAMPLE_ROWS:,} 行正确",
            )
        ]
    return [
        error(
            "ledger",
            (f"{len(faults)} difference(s) in the newest rows", f"最新各行有 {len(faults)} 处差异"),
            (
                "manage.py check-ledger shows all of them; read docs/security.md before repairing",
                "用 manage.py check-ledger 列出全部；改正前请先阅读 docs/security.zh-CN.md",
            ),
        )
    ]


async def webhooks() -> list[Finding]:
    """Look whether the key of this host opens the secrets of webhooks."""
    config = settings()
    keys = secret(config.var_dir, KEY, make=False).split()
    async with reading() as sor:
        ids = await unreadable_webhooks(sor, keys)
    if not ids:
        return [fine("webhooks", "their secrets can be read", "密钥均可读取")]
    file = secret_file(config.var_dir, KEY)
    return [
        error(
            "webhooks",
            (f"the secrets of {len(ids)} cannot be read: nothing is sent by them",
             f"{len(ids)} 个 Webhook 的密钥无法读取，不会发送"),
            (f"add to {file} the lines of that file on another host, or in the backup that the "
             "database is of, behind its own; else their distributors have to rotate them "
             "(POST /webhooks/rotate)",
             f"请将其他主机上、或数据库所属备份中该文件的各行追加到 {file} 末尾；"
             "否则须由分销商更换（POST /webhooks/rotate）"),
        )
    ]  # fmt: skip


async def second_factors() -> list[Finding]:
    """Look whether the key of this host opens the secrets of second factors."""
    config = settings()
    keys = secret(config.var_dir, FACTOR_KEY, make=False).split()
    async with reading() as sor:
        ids = await unreadable_factors(sor, keys)
    if not ids:
        return [fine("second_factors", "their secrets can be read", "密钥均可读取")]
    file = secret_file(config.var_dir, FACTOR_KEY)
    return [
        error(
            "second_factors",
            (f"the secrets of {len(ids)} user(s) cannot be read: they sign in by recovery codes "
             "only",
             f"{len(ids)} 个用户的密钥无法读取，只能用恢复代码登录"),
            (f"add to {file} the lines of that file on another host, or in the backup that the "
             "database is of, behind its own; else reset them (manage.py reset-second-factor)",
             f"请将其他主机上、或数据库所属备份中该文件的各行追加到 {file} 末尾；"
             "否则请逐个清除（manage.py reset-second-factor）"),
        )
    ]  # fmt: skip
