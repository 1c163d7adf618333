"""`manage.py doctor`: is this installation well, and what to do where it is not."""

import argparse
import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator

import aiomysql

from app.base.config_file import config_files
from app.base.errors import AppError
from app.base.i18n import translate
from app.base.settings import ROOT, ConfigError, Settings, load_settings
from app.db.pool import pools
from app.doctor import certificates, data, host, server
from app.doctor.findings import Finding, Findings, Level, error, fine, warning
from app.runtime import embedded_db
from app.runtime.terminal import CommandError, in_language, is_chinese
from pipeline_ops.archive.batches import archive_folder

_LABELS = {
    Level.OK: ("ok", "正常"),
    Level.WARNING: ("warning", "注意"),
    Level.ERROR: ("ERROR", "错误"),
}
_START = ("bash start.sh", "bash start.sh")
_LOOK = ("see the message and docs/operations.md", "见上述信息与 docs/operations.zh-CN.md")


def run_command(argv: list[str]) -> int:
    """Print what was seen of each subject and what to do; 1 where something is an error."""
    parser = argparse.ArgumentParser(
        prog="manage.py doctor",
        description="Look at configuration, database, host, secrets and ledger, and say what to do."
        " Changes nothing. 检查配置、数据库、主机、密钥与账本，并说明如何处理；不作任何改动。",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object; 输出一个 JSON 对象")
    options = parser.parse_args(argv)
    findings = []
    for finding in _findings():
        findings.append(finding)
        if not options.json:
            _print(finding)
    is_well = all(finding.level is not Level.ERROR for finding in findings)
    if options.json:
        rows = [finding.as_dict() for finding in findings]
        print(json.dumps({"ok": is_well, "findings": rows}, ensure_ascii=False))
    return 0 if is_well else 1


def _findings() -> Findings:
    files = config_files(os.environ, ROOT)
    names = " + ".join(map(str, files))
    try:
        config = load_settings(os.environ)
    except ConfigError as exc:
        yield error(
            "configuration",
            (str(exc), str(exc)),
            (
                "correct it there; README.md lists all names",
                "请更正；README.zh-CN.md 有全部名称",
            ),
        )
        return
    yield fine("configuration", f"{names}: all names are known", f"{names}：名称全部有效")
    yield from host.port(config)
    yield from host.parent(config)
    yield from host.disk(config, archive_folder())
    yield from host.descriptors(config)
    yield from host.secrets(config, files)
    yield from host.certificate(config)
    yield from certificates.database_certificates(config)
    yield from _backup_program()
    yield from _of_database(config)


def _of_database(config: Settings) -> Findings:
    try:
        yield from server.server(config)
    except CommandError as exc:
        yield error("database", (str(exc), str(exc)), _START if embedded_db.is_wanted() else _LOOK)
        return
    try:
        yield from server.sage(config)
    except CommandError as exc:
        yield error("sage", (str(exc), str(exc)), _LOOK)
    yield from asyncio.run(_asked_of_database())


async def _asked_of_database() -> list[Finding]:
    checks: dict[str, Callable[[], Awaitable[list[Finding]]]] = {
        "privileges": data.privileges,
        "clock": data.clock,
        "schema": data.schema,
        "ledger": data.ledger,
        "webhooks": data.webhooks,
        "second_factors": data.second_factors,
    }
    findings: list[Finding] = []
    try:
        for name, check in checks.items():
            try:
                findings += await check()
            except AppError as exc:
                text = translate(exc.text, "zh" if is_chinese() else "en")
                findings.append(error(name, (text, text), _LOOK))
            except aiomysql.MySQLError as exc:
                text = str(exc.args[-1] if exc.args else exc)
                findings.append(error(name, (text, text), _LOOK))
    finally:
        await pools().close()
    return findings


def _backup_program() -> Iterator[Finding]:
    if shutil.which("mariadb-dump") or shutil.which("mysqldump"):
        yield fine("backup", "mariadb-dump is installed", "已安装 mariadb-dump")
    else:
        yield warning(
            "backup",
            ("mariadb-dump is not installed: manage.py backup cannot work",
             "未安装 mariadb-dump：无法执行 manage.py backup"),
            ("install the package mariadb-client", "请安装软件包 mariadb-client"),
        )  # fmt: skip


def _print(finding: Finding) -> None:
    label = in_language(*_LABELS[finding.level])
    print(f"{label:<8}{finding.check}: {finding.message}", flush=True)
    if finding.advice:
        print(f"{'':<8}→ {finding.advice}", flush=True)
