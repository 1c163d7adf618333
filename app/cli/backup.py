"""`manage.py backup`: databases, secrets, configuration and archive in one file."""

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.access.sage_setup import TABLES as SAGE_TABLES
from app.backup import clients
from app.backup.container import BackupWriter
from app.backup.content import FORMAT, MANIFEST
from app.backup.folders import own_files
from app.backup.progress import Progress, megabytes
from app.backup.sealing import read_key
from app.backup.state import address, facts, is_own_sage, is_same_place
from app.base.settings import DatabaseSettings, Settings, settings
from app.db.schema_state import fingerprint
from app.runtime.terminal import CommandError, print_message
from pipeline_ops.archive.batches import archive_folder


def run_command(argv: list[str]) -> int:
    """Write a backup while calls are let in, and say what is not in it."""
    parser = argparse.ArgumentParser(
        prog="manage.py backup",
        description="Write all that a restore needs into one file, while calls are let in. "
        "在不停服的情况下，将恢复所需的全部内容写入一个文件。",
    )
    parser.add_argument("file", nargs="?", type=Path,
                        help="a new file, or a folder (var/backups); 新文件或目录")  # fmt: skip
    parser.add_argument("--key-file", type=Path,
                        help="encrypt with what this file holds; 用该文件的内容加密")  # fmt: skip
    parser.add_argument("--with-sage", action="store_true",
                        help="also a Sage database that lies elsewhere; "
                        "同时备份位于别处的 Sage 数据库")  # fmt: skip
    parser.add_argument("--without-archive", action="store_true",
                        help="not the files of archived months; 不含已归档月份的文件")  # fmt: skip
    options = parser.parse_args(argv)
    config = settings()
    key = read_key(options.key_file) if options.key_file else None
    clients.require_programs(("mariadb-dump", "mysqldump"))
    with_sage = options.with_sage or is_own_sage(config)
    places = {"pipeline": config.pipeline_database}
    if with_sage and not is_same_place(config.pipeline_database, config.sage_database):
        places["sage"] = config.sage_database
    path = _target(options.file, config)
    draft = path.with_name(f".{path.name}.draft")
    archive = None if options.without_archive else archive_folder()
    try:
        size = _write(draft, key, places, config, archive)
        draft.rename(path)
    except OSError as exc:
        raise _cannot_write(path, exc) from exc
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    _report(path, size, config, places, is_sealed=key is not None, archive=archive)
    return 0


def _target(file: Path | None, config: Settings) -> Path:
    """Return the name of the new file; its folder is there then. Raises CommandError."""
    path = (file or config.var_dir / "backups").absolute()
    if file is None or path.is_dir():
        path /= f"pipeline-{datetime.now(UTC):%Y%m%d-%H%M%S}.backup"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_there = path.exists()
    except OSError as exc:
        raise _cannot_write(path, exc) from exc
    if is_there:
        raise CommandError(
            f"{path} is there already. Name another file.", f"{path} 已存在，请换一个文件名。"
        )
    return path


def _write(
    draft: Path,
    key: bytes | None,
    places: dict[str, DatabaseSettings],
    config: Settings,
    archive: Path | None,
) -> int:
    """Write the backup to *draft*, onto the disk; return its size in bytes."""
    manifest = _manifest(places, config, archive)
    progress = Progress()
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        writer = BackupWriter(out, key)
        writer.add(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2).encode())
        for name, place in places.items():
            print_message(f"Database {address(place)} …", f"数据库 {address(place)} …")
            writer.add_compressed(f"{name}.sql.gz", _counted_dump(place, progress))
        print_message("Secrets, configuration, archive …", "密钥、配置、归档 …")
        for name, path in own_files(config, archive):
            progress.subject = name
            writer.add_file(name, path)
            progress.tell(writer.size)
        writer.close()
        out.flush()
        os.fsync(out.fileno())
        return out.tell()


def _manifest(
    places: dict[str, DatabaseSettings], config: Settings, archive: Path | None
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "schema": fingerprint(),
        "databases": {name: facts(place) for name, place in places.items()},
        "sage": {"name": config.sage_database.name, "tables": list(SAGE_TABLES)},
        "has_archive": archive is not None,
    }


def _counted_dump(place: DatabaseSettings, progress: Progress) -> Iterator[bytes]:
    size = 0

    def name_table(table: str) -> None:
        progress.subject = f"{place.name}.{table}"

    for row in clients.dump(place, name_table):
        size += len(row)
        progress.tell(size)
        yield row


def _cannot_write(path: Path, exc: OSError) -> CommandError:
    reason = exc.strerror or str(exc)
    return CommandError(
        f"The backup {path} cannot be written: {reason}. Nothing of it was left; make room or "
        "name a folder on another disk: manage.py backup FOLDER",
        f"无法写入备份 {path}：{reason}。未留下任何文件；请腾出空间，"
        "或指定另一磁盘上的目录：manage.py backup 目录",
    )


def _report(
    path: Path,
    size: int,
    config: Settings,
    places: dict[str, DatabaseSettings],
    *,
    is_sealed: bool,
    archive: Path | None,
) -> None:
    print_message(f"{path}: {megabytes(size)}.", f"{path}：{megabytes(size)}。")
    sage = config.sage_database
    if "sage" not in places and not is_same_place(config.pipeline_database, sage):
        tables = ", ".join(SAGE_TABLES)
        print_message(
            f"Not in it: Sage's tables ({tables}) in the database {address(sage)}. Back them up "
            "where Sage is, or take them along by --with-sage.",
            f"未包含：数据库 {address(sage)} 中的 Sage 表（{tables}）。"
            "请在 Sage 处备份，或加 --with-sage 一并备份。",
        )
    if archive is None:
        print_message(
            f"Not in it: the archived months in {archive_folder()}. Copy that folder too; "
            "without it a restore is not whole.",
            f"未包含：{archive_folder()} 中的已归档月份。请另行复制该目录，否则恢复不完整。",
        )
    if not is_sealed:
        print_message(
            "It holds keys and personal data in clear: keep it as a secret, or encrypt it by "
            "--key-file.",
            "其中含明文密钥与个人数据：请妥善保管，或用 --key-file 加密。",
        )
