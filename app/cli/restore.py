"""`manage.py restore`: a backup into an empty database, and the check that it is right."""

import argparse
import asyncio
import subprocess
import sys
from pathlib import Path

from app.access.sage_setup import database_cursor
from app.backup import clients
from app.backup.container import check_whole
from app.backup.content import Content, load_database, other_files, read_content, write_files
from app.backup.folders import target_of
from app.backup.progress import Progress
from app.backup.sealing import read_key
from app.backup.state import address, is_same_place, objects
from app.base.settings import ROOT, DatabaseSettings, settings
from app.db.pool import pools
from app.doctor.data import second_factors, webhooks
from app.doctor.findings import Finding, Level
from app.runtime import embedded_db
from app.runtime.embedded_db import EmbeddedDatabase
from app.runtime.lock import start_lock
from app.runtime.parent_client import ParentClient
from app.runtime.run_folder import var_folder
from app.runtime.terminal import CommandError, print_error, print_message
from app.runtime.workers import Workers
from pipeline_ops.archive.batches import archive_folder

_MAX_NAMES = 5


def run_command(argv: list[str]) -> int:
    """Restore a whole backup, or nothing; 0 when the ledger agrees with its counters after it."""
    parser = argparse.ArgumentParser(
        prog="manage.py restore",
        description="Put a backup into the empty database that the configuration names, then show "
        "migrate --plan, migrate, and check the ledger. 将备份恢复到配置所指的空数据库，"
        "然后列出 migrate --plan、执行 migrate 并核对账本。",
    )
    parser.add_argument("file", type=Path, help="what manage.py backup has written; 备份文件")
    parser.add_argument("--key-file", type=Path,
                        help="the key file it was made with; 备份时使用的密钥文件")  # fmt: skip
    parser.add_argument("--verify", action="store_true",
                        help="only check that it is whole, and what is in it; "
                        "只检查备份是否完整及其内容")  # fmt: skip
    parser.add_argument("--without-sage", action="store_true",
                        help="leave Sage's database as it is; 不恢复 Sage 数据库")  # fmt: skip
    parser.add_argument("--without-files", action="store_true",
                        help="only databases; 不恢复密钥、配置与归档文件")  # fmt: skip
    options = parser.parse_args(argv)
    key = read_key(options.key_file) if options.key_file else None
    # All of it is read once before anything is written.
    check_whole(options.file)
    content = read_content(options.file, key)
    _describe(options.file, content)
    if options.verify:
        return 0
    clients.require_programs(("mariadb", "mysql"))
    var_dir = var_folder()
    (var_dir / "run").mkdir(parents=True, exist_ok=True)
    with start_lock(var_dir):
        _restore(options, key, content, var_dir)
        return _check_result()


def _restore(
    options: argparse.Namespace, key: bytes | None, content: Content, var_dir: Path
) -> None:
    # A parent whose workers all died at the moment starts them again in the middle.
    if Workers(var_dir).all_pids() or ParentClient(var_dir).state() is not None:
        raise CommandError(
            "The application of this folder runs. Stop it first: bash stop.sh",
            "本目录的应用正在运行，请先停止：bash stop.sh",
        )
    if embedded_db.is_wanted():
        EmbeddedDatabase(var_dir).start()
    places = _places(content, without_sage=options.without_sage)
    targets = {} if options.without_files else _targets(content)
    for place in places.values():
        _require_empty(place)
    if others := other_files(content, targets):
        names = ", ".join(map(str, others[:_MAX_NAMES]))
        raise CommandError(
            f"Other files stand where those of the backup belong: {names}. Nothing was changed; "
            "move them away, or restore the databases alone by --without-files.",
            f"备份中的文件所在位置已有其他文件：{names}。未作改动；请移走它们，"
            "或用 --without-files 只恢复数据库。",
        )
    # Files first: they are few, and without the keys nobody can sign in.
    write_files(options.file, key, targets)
    _load(options.file, key, places, content)


def _places(content: Content, *, without_sage: bool) -> dict[str, DatabaseSettings]:
    """Return which databases of the backup are restored to where."""
    config = settings()
    places = {"pipeline": config.pipeline_database}
    if "sage" in content.databases and not without_sage:
        if is_same_place(config.pipeline_database, config.sage_database):
            raise CommandError(
                "In the backup Sage has a database of its own, here it is the application's. "
                "Nothing was changed; name another one by SAGE_RBAC_DB, or use --without-sage.",
                "备份中 Sage 有独立数据库，此处却与应用共用。未作改动；"
                "请用 SAGE_RBAC_DB 指定其他数据库，或加 --without-sage。",
            )
        places["sage"] = config.sage_database
    return places


def _targets(content: Content) -> dict[str, Path]:
    config, archive = settings(), archive_folder()
    return {name: target_of(name, config, archive) for name in content.digests}


def _require_empty(place: DatabaseSettings) -> None:
    with database_cursor(place) as cursor:
        names = objects(cursor)
    if names:
        first = ", ".join(names[:_MAX_NAMES])
        raise CommandError(
            f"The database {address(place)} is not empty ({len(names)}: {first} …). Nothing was "
            "changed: a backup is restored into an empty database only. Name another one in the "
            "configuration, or another run-time folder by PIPELINE_VAR; for Sage's there is "
            "--without-sage.",
            f"数据库 {address(place)} 不为空（{len(names)} 项：{first} …）。未作改动："
            "备份只能恢复到空数据库。请在配置中指定其他数据库，或用 PIPELINE_VAR 指定其他运行目录；"
            "Sage 的数据库可用 --without-sage 跳过。",
        )


def _load(
    file: Path, key: bytes | None, places: dict[str, DatabaseSettings], content: Content
) -> None:
    progress = Progress()

    def tell(name: str, size: int) -> None:
        progress.subject = places[name].name
        progress.tell(size)

    for name, place in places.items():
        print_message(f"Database {address(place)} …", f"数据库 {address(place)} …")
        load_database(file, key, name, place, tell)
        with database_cursor(place) as cursor:
            count = len(objects(cursor))
        print_message(
            f"{place.name}: {count} of {content.databases[name]['tables']} tables.",
            f"{place.name}：{count} / {content.databases[name]['tables']} 个表。",
        )


def _describe(file: Path, content: Content) -> None:
    names = ", ".join(
        f"{name} ({facts['tables']}, MariaDB {facts['server']})"
        for name, facts in content.databases.items()
    )
    made_at, count = content.manifest["created_at"], len(content.digests)
    print_message(
        f"{file} is whole: made at {made_at}; databases with their tables: {names}; {count} files.",
        f"{file} 完整：生成于 {made_at}；数据库及表数：{names}；文件 {count} 个。",
    )
    if "sage" not in content.databases:
        sage = content.manifest["sage"]["name"]
        print_message(
            f"Sage's database ({sage}) is not in it: restore it where Sage is.",
            f"未包含 Sage 数据库（{sage}），请在 Sage 处恢复。",
        )


def _check_result() -> int:
    """Show what `migrate` would do, do it, and check the ledger; 1 where one of them fails."""
    for argv in (["migrate", "--plan"], ["migrate"], ["check-ledger"]):
        print(f"manage.py {' '.join(argv)}", flush=True)
        command = [sys.executable, str(ROOT / "app" / "manage.py"), *argv]
        if subprocess.run(command, check=False).returncode:
            print_error(
                f"The backup is restored, but {' '.join(argv)} complains, see above. Do not let "
                "calls in before it is right.",
                f"备份已恢复，但 {' '.join(argv)} 报告问题，见上。问题解决前请勿放行调用。",
            )
            return 1
    # The same secrets have to stand here as there.
    for finding in asyncio.run(_findings_of_keys()):
        if finding.level != Level.OK:
            text = f"{finding.check}: {finding.message}; {finding.advice}"
            print_error(text, text)
            return 1
    print_message("Restored. Start: bash start.sh", "恢复完成。启动：bash start.sh")
    return 0


async def _findings_of_keys() -> list[Finding]:
    try:
        return [*await webhooks(), *await second_factors()]
    finally:
        await pools().close()
