"""`manage.py rotate-secret`: another session secret, password key, database password, or key of the
secrets of webhooks or second factors."""

import argparse
import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from app.access import password_key
from app.access.first_admin import demo_file, read_demo_file
from app.access.sage_setup import database_cursor, is_made_here, sage_cursor
from app.base.private_files import write_private
from app.base.secrets import secret, secret_file, write_secret
from app.base.settings import ROOT, Settings, settings
from app.db.pool import pools
from app.db.sqlor import SafeSqlor
from app.db.transactions import reading
from app.people.second_factor import KEY as FACTOR_KEY, reseal_factors, unreadable_factors
from app.runtime import embedded_db
from app.runtime.embedded_accounts import admin_account, app_account
from app.runtime.embedded_db import Connection, EmbeddedDatabase
from app.runtime.lock import start_lock
from app.runtime.parent_client import ParentClient
from app.runtime.terminal import CommandError, print_message
from app.runtime.workers import Workers
from pipeline_dist.webhooks.resealing import reseal_secrets, unreadable_webhooks
from pipeline_dist.webhooks.sealing import KEY as WEBHOOK_KEY

# So many keys stay in the file: older ones open what was sealed with them, in a backup say.
_MAX_KEYS = 5
_SETTLE_SECONDS = 2.0
# What a worker reads a file of keys with, and seals by them.
_SEALING_CODE = (
    "pipeline_dist/pipeline_dist/webhooks/sealing.py",
    "app/base/sealing.py",
    "app/base/secrets.py",
)


def run_command(argv: list[str]) -> int:
    """Put a new secret in the place of the old one; what has to follow is done or told."""
    parser = argparse.ArgumentParser(
        prog="manage.py rotate-secret",
        description="Put a new secret in the place of one that may have leaked; docs/security.md "
        "says which. 更换可能已泄露的密钥；该换哪个见 docs/security.zh-CN.md。",
    )
    parser.add_argument(
        "secret",
        choices=tuple(_ROTATIONS),
        help="session_secret: ends all sessions; password_key: encodes the stored passwords anew; "
        "database: the embedded database's passwords; metrics_token: what /metrics asks for; "
        "webhook_key: seals the secrets of webhooks anew; second_factor_key: those of second "
        "factors. "
        "分别为：会话密钥（结束全部会话）、密码密钥（重新编码已存密码）、内嵌数据库密码、"
        "/metrics 的令牌、Webhook 密钥（重新密封各 Webhook 的密钥）、二次验证密钥",
    )
    rotate = _ROTATIONS[parser.parse_args(argv).secret]
    config = settings()
    (config.var_dir / "run").mkdir(parents=True, exist_ok=True)
    with start_lock(config.var_dir):
        rotate(config)
    return 0


def _session_secret(config: Settings) -> None:
    # The new one first: what is sealed with the old one ends with it, also where no row is left.
    write_secret(config.var_dir, "session_secret", secrets.token_hex(32))
    count = _end_all_sessions(config)
    print_message(
        f"There is a new session secret; {count} session(s) are ended. The workers of this "
        "folder notice within 5 s. Other hosts of the same database need the same file: copy "
        f"{config.var_dir / 'secrets' / 'session_secret'}.",
        f"会话密钥已更换，结束了 {count} 个会话。本目录的工作进程 5 秒内生效。"
        f"使用同一数据库的其他主机需要相同的文件，请复制 "
        f"{config.var_dir / 'secrets' / 'session_secret'}。",
    )


def _password_key(config: Settings) -> None:
    if not _sage_is_ours(config):
        raise CommandError(
            f"The passwords in {config.sage_database.name} are Sage's, and other applications "
            "read them with the same key: it cannot be changed from here. Change it in Sage, then "
            "put it into conf/config.json or var/secrets/password_key and restart.",
            f"{config.sage_database.name} 中的密码属于 Sage，其他应用也用同一密钥读取，"
            "不能在此更换。请在 Sage 中更换，再写入 conf/config.json 或 "
            "var/secrets/password_key 并重启。",
        )
    if config.given_password_key:
        raise CommandError(
            "password_key stands in conf/config.json. Move it from there into "
            f"{config.var_dir / 'secrets' / 'password_key'} and restart, then try again.",
            "password_key 写在 conf/config.json 中。请移到 "
            f"{config.var_dir / 'secrets' / 'password_key'} 并重启，再试一次。",
        )
    count = password_key.rotate(config)
    _end_all_sessions(config)
    print_message(
        f"{count} password(s) are encoded with a new key, and all sessions are ended. The "
        "passwords themselves are the same: if the old key has leaked together with the users "
        "table, give every user a new one (manage.py create-admin --reset).",
        f"{count} 个密码已用新密钥重新编码，全部会话已结束。密码本身未变："
        "若旧密钥与用户表一同泄露，请为每个用户重设密码（manage.py create-admin --reset）。",
    )


def _database(config: Settings) -> None:
    if not embedded_db.is_wanted():
        raise CommandError(
            "conf/config.json names a database of yours. Change the password there (ALTER USER … "
            "IDENTIFIED BY …), then PIPELINE_DB_PASSWORD or conf/config.json, then stop.sh and "
            "start.sh.",
            "conf/config.json 指定了您自己的数据库。请在该数据库中修改密码（ALTER USER … "
            "IDENTIFIED BY …），再改 PIPELINE_DB_PASSWORD 或 conf/config.json，"
            "然后执行 stop.sh 与 start.sh。",
        )
    database = EmbeddedDatabase(config.var_dir)
    app, admin = database.connection(), database.admin_connection()
    if app is None or admin is None:
        raise CommandError(
            "The embedded database was never started here; run start.sh.",
            "此处从未启动过内嵌数据库，请先执行 start.sh。",
        )
    new_app, new_admin = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    if database.pid() is None:
        database.store_passwords(new_app, new_admin)
        count = 0
    else:
        # Both are let in until every worker has the new one: none of them loses its database.
        _execute(admin, app_account(app.password, new_app))
        _execute(admin, admin_account(admin.password, new_admin))
        database.store_passwords(new_app, new_admin)
        count = _renew_workers(config)
        renewed = database.admin_connection()
        assert renewed is not None
        _execute(renewed, app_account(new_app) + admin_account(new_admin))
    _update_demo_file(config, new_app)
    print_message(
        f"The embedded database has new passwords; {count} worker(s) were replaced, one after "
        "another.",
        f"内嵌数据库的密码已更换，已逐个替换 {count} 个工作进程。",
    )


def _renew_workers(config: Settings) -> int:
    """Have each running worker replaced; return how many. Raises CommandError where they have no
    parent that could do it: the old passwords are valid still, then."""
    parent = ParentClient(config.var_dir)
    if not parent.workers.all_pids():
        return 0
    if parent.state() is None:
        raise CommandError(
            "The parent process of the workers is gone. Run start.sh, then try again.",
            "工作进程的父进程已不在。请先执行 start.sh，再试一次。",
        )
    return parent.renew()


def _metrics_token(config: Settings) -> None:
    if config.options.metrics_token:
        raise CommandError(
            "metrics_token stands in conf/config.json. Change it there, then stop.sh and start.sh.",
            "metrics_token 写在 conf/config.json 中。请在那里修改，然后执行 stop.sh 与 start.sh。",
        )
    write_secret(config.var_dir, "metrics_token", secrets.token_hex(32))
    file = secret_file(config.var_dir, "metrics_token")
    print_message(
        f"There is a new token for /metrics in {file}. The workers of this folder notice within "
        "5 s.",
        f"/metrics 的新令牌在 {file}。本目录的工作进程 5 秒内生效。",
    )


def _webhook_key(config: Settings) -> None:
    _refuse_beside_other_code(config)
    count, unreadable = asyncio.run(_renew_key(config, WEBHOOK_KEY, _WEBHOOKS))
    file = secret_file(config.var_dir, WEBHOOK_KEY)
    print_message(
        f"There is a new webhook key; the secrets of {count} webhook(s) are sealed with it. Other "
        f"hosts of the same database need the same file, and send nothing before: copy {file}. "
        "The secrets themselves are the same: if the old key has leaked together with the "
        "database, have every distributor rotate them (POST /webhooks/rotate).",
        f"Webhook 密钥已更换，{count} 个 Webhook 的密钥已用它重新密封。使用同一数据库的其他主机"
        f"需要相同的文件，在此之前不会发送，请复制 {file}。各 Webhook 的密钥本身未变："
        "若旧密钥与数据库一同泄露，请让各分销商更换（POST /webhooks/rotate）。",
    )
    if unreadable:
        raise CommandError(
            f"The secrets of {len(unreadable)} webhook(s) are sealed with a key that stands in no "
            "line of the file: nothing is sent by them before their distributors rotate them "
            f"(POST /webhooks/rotate), or its key is added to {file}: {', '.join(unreadable)}.",
            f"{len(unreadable)} 个 Webhook 的密钥由文件中没有的密钥密封：在分销商更换之前"
            f"（POST /webhooks/rotate），或将原密钥加入 {file} 之前，不会发送："
            f"{', '.join(unreadable)}。",
        )


def _second_factor_key(config: Settings) -> None:
    _refuse_beside_other_code(config)
    count, unreadable = asyncio.run(_renew_key(config, FACTOR_KEY, _FACTORS))
    file = secret_file(config.var_dir, FACTOR_KEY)
    print_message(
        f"There is a new key of second factors; the secrets of {count} user(s) are sealed with it. "
        f"Other hosts of the same database need the same file, and check no codes before: copy "
        f"{file}. The secrets themselves are the same: if the old key has leaked together with the "
        "database, have everybody set the second factor up anew (page Users, or manage.py "
        "reset-second-factor).",
        f"二次验证密钥已更换，{count} 个用户的密钥已用它重新密封。使用同一数据库的其他主机"
        f"需要相同的文件，在此之前无法校验验证码，请复制 {file}。各用户的密钥本身未变："
        "若旧密钥与数据库一同泄露，请让所有用户重新设置二次验证（“用户”页面，或 manage.py "
        "reset-second-factor）。",
    )
    if unreadable:
        raise CommandError(
            f"The secrets of {len(unreadable)} user(s) are sealed with a key that stands in no "
            "line of the file: they sign in by recovery codes only, until their second factor is "
            f"reset, or its key is added to {file}: {', '.join(unreadable)}.",
            f"{len(unreadable)} 个用户的密钥由文件中没有的密钥密封：在清除其二次验证，"
            f"或将原密钥加入 {file} 之前，只能用恢复代码登录：{', '.join(unreadable)}。",
        )


def _refuse_beside_other_code(config: Settings) -> None:
    """Raise CommandError while workers of this folder run that seal otherwise: one of a version
    before may not read a file of several keys, and send nothing. Other hosts' are not seen."""
    own = _contents(ROOT)
    others = [root for root in Workers(config.var_dir).roots() if _contents(root) != own]
    if others:
        raise CommandError(
            "Workers of another version run, which may not read the new file of keys: nothing was "
            "changed. Reload them (bash start.sh --reload), on every host of this database, and "
            "try again.",
            "仍有其他版本的工作进程在运行，可能无法读取新的密钥文件：未作任何更改。请在使用此数据库的"
            "每台主机上重载（bash start.sh --reload）后再试。",
        )


def _contents(root: Path) -> list[bytes | None]:
    files = [root / name for name in _SEALING_CODE]
    return [file.read_bytes() if file.is_file() else None for file in files]


class _SealedKind(NamedTuple):
    """What is sealed with one key: how to seal it anew, and to tell what no key opens."""

    reseal: Callable[[Sequence[str]], Awaitable[int]]
    unreadable: Callable[[SafeSqlor, Sequence[str]], Awaitable[list[str]]]


_WEBHOOKS = _SealedKind(reseal_secrets, unreadable_webhooks)
_FACTORS = _SealedKind(reseal_factors, unreadable_factors)


async def _renew_key(config: Settings, name: str, kind: _SealedKind) -> tuple[int, list[str]]:
    """Seal secrets with a new key of the file *name*; how many, and those that cannot be."""
    try:
        async with reading() as sor:
            await sor.firsts("select 1", {})  # without a database nothing is begun
        # The new one first, beside those of before: so all that is sealed can be opened at any
        # moment, and a rotation that was cut off is ended by another one.
        keys = [secrets.token_hex(32), *secret(config.var_dir, name, make=False).split()]
        write_secret(config.var_dir, name, "\n".join(keys))
        count = await kind.reseal(keys)
        # Whoever read the file before may have sealed with the key of before since.
        await asyncio.sleep(_SETTLE_SECONDS)
        count += await kind.reseal(keys)
        async with reading() as sor:
            unreadable = await kind.unreadable(sor, keys)
        if not unreadable:  # no key goes before all is sealed with the new one
            write_secret(config.var_dir, name, "\n".join(keys[:_MAX_KEYS]))
        return count, unreadable
    finally:
        await pools().close()


_ROTATIONS: dict[str, Callable[[Settings], None]] = {
    "session_secret": _session_secret,
    "password_key": _password_key,
    "database": _database,
    "metrics_token": _metrics_token,
    "webhook_key": _webhook_key,
    "second_factor_key": _second_factor_key,
}


def _sage_is_ours(config: Settings) -> bool:
    """Return whether the Sage database is the one that we set up, on our own server."""
    place, sage = config.pipeline_database, config.sage_database
    same = (place.host, place.port, place.unix_socket) == (sage.host, sage.port, sage.unix_socket)
    if not embedded_db.is_wanted() or not same:
        return False
    with sage_cursor() as cursor:
        return is_made_here(cursor)


def _end_all_sessions(config: Settings) -> int:
    with database_cursor(config.pipeline_database) as cursor:
        cursor.execute("SHOW TABLES LIKE 'app\\_session'")
        return int(cursor.execute("DELETE FROM app_session")) if cursor.fetchone() else 0


def _execute(place: Connection, statements: list[str]) -> None:
    with place.open(autocommit=True) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _update_demo_file(config: Settings, password: str) -> None:
    """Correct what the demo wrote down for scripts: it names the password too."""
    content, file = read_demo_file(config), Path(demo_file(config))
    if isinstance(content.get("database"), dict):
        content["database"]["password"] = password
        write_private(file, json.dumps(content, ensure_ascii=False, indent=2) + "\n")
