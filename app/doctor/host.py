"""The host: port, disks, descriptor limit, secrets' modes, the outside certificate."""

import os
import re
import resource
import shutil
import socket
import ssl
import stat
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from app.base.clock import now
from app.base.config_file import read_config
from app.base.settings import Settings
from app.doctor.findings import Finding, Findings, error, fine, warning
from app.runtime.address import running_settings
from app.runtime.parent_client import ParentClient
from app.runtime.terminal import CommandError
from app.runtime.workers import Workers, local_url, readiness_problem

LOW_BYTES, TIGHT_BYTES = 2 * 10**9, 200 * 10**6
MIN_DESCRIPTORS = 4096
CERTIFICATE_DAYS = 21
_CONNECT_SECONDS = 3
_OPEN_FILES = re.compile(r"^Max open files\s+(\d+)", re.MULTILINE)


def port(config: Settings) -> Findings:
    """Look where the workers listen, and whether they are ready."""
    pids = Workers(config.var_dir).running()
    if not pids:
        yield warning(
            "port",
            (f"no worker of {config.var_dir} runs", f"{config.var_dir} 没有工作进程在运行"),
            ("bash start.sh", "bash start.sh"),
        )
        return
    running = running_settings(config)
    url, count = local_url(running), len(pids)
    if problem := readiness_problem(running):
        yield error(
            "port",
            (f"{url}/readyz: {problem}", f"{url}/readyz：{problem}"),
            (
                "do what it says; else see var/logs/worker-1.log",
                "按其提示处理；否则查看 var/logs/worker-1.log",
            ),
        )
    else:
        yield fine(
            "port", f"{count} worker(s), ready at {url}", f"{count} 个工作进程，就绪于 {url}"
        )
    if running.port != config.port:
        yield warning(
            "port",
            (
                f"they listen on {running.port}, the configuration of this command says "
                f"{config.port}",
                f"实际监听 {running.port}，而本命令的配置为 {config.port}",
            ),
            (
                "harmless: commands use the port that runs. For the next start set PIPELINE_PORT "
                "or website.port",
                "无妨：命令使用实际端口。下次启动前请设置 PIPELINE_PORT 或 website.port",
            ),
        )


def parent(config: Settings) -> Findings:
    """Look whether the workers have a parent process that looks after them."""
    if not Workers(config.var_dir).running():
        yield fine("parent", "nothing runs that it could look after", "没有需要看管的进程")
        return
    try:
        state = ParentClient(config.var_dir).state()
    except CommandError as exc:
        yield error("parent", (str(exc), str(exc)), ("bash stop.sh && bash start.sh",) * 2)
        return
    if state is None:
        yield warning(
            "parent",
            (
                "the workers have no parent process: one that dies is not started again",
                "工作进程没有父进程：退出后不会被重新启动",
            ),
            ("bash start.sh replaces them one by one",
             "bash start.sh，将逐个替换"),
        )  # fmt: skip
        return
    count = sum(state["restarts"].values())
    yield fine(
        "parent",
        f"it looks after the workers; {count} restart(s) so far",
        f"父进程正在看管工作进程；累计重启 {count} 次",
    )


def disk(config: Settings, archive: Path) -> Findings:
    """Look whether run-time folder and archive can be written and have room."""
    for folder in dict.fromkeys((config.var_dir, archive)):
        place = folder
        while not place.exists() and place != place.parent:
            place = place.parent
        is_read_only = os.statvfs(place).f_flag & os.ST_RDONLY
        if is_read_only or not os.access(place, os.W_OK):
            yield error(
                "disk",
                (f"{folder} cannot be written", f"{folder} 无法写入"),
                (
                    "mount its disk for writing, or give it to the user that runs the application",
                    "以可写方式挂载磁盘，或将其归属运行应用的用户",
                ),
            )
            continue
        yield _room(folder, shutil.disk_usage(place).free)


def _room(folder: Path, free: int) -> Finding:
    text = f"{free / 10**9:,.1f} GB"
    message = (f"{folder}: {text} free", f"{folder}：剩余 {text}")
    advice = ("make room, or move the folder to another disk", "请腾出空间，或将目录移到其他磁盘")
    if free < TIGHT_BYTES:
        return error("disk", message, advice)
    return warning("disk", message, advice) if free < LOW_BYTES else fine("disk", *message)


def descriptors(config: Settings) -> Findings:
    """Look how many files and connections a worker may have open."""
    limits = [_limit_of(pid) for pid in Workers(config.var_dir).running().values()]
    least = min(limits or [resource.getrlimit(resource.RLIMIT_NOFILE)[1]])
    text = "∞" if least >= 2**31 or least < 0 else f"{least:,}"
    message = (f"{text} open files a process", f"每个进程可打开 {text} 个文件")
    if 0 <= least < MIN_DESCRIPTORS:
        yield warning(
            "descriptors",
            message,
            (
                "each connection takes one: ulimit -n 65536 before start.sh, or LimitNOFILE=65536 "
                "in the unit",
                "每个连接占用一个：在 start.sh 前执行 ulimit -n 65536，或在单元文件中设置 "
                "LimitNOFILE=65536",
            ),
        )
    else:
        yield fine("descriptors", *message)


def _limit_of(pid: int) -> int:
    try:
        match = _OPEN_FILES.search(Path(f"/proc/{pid}/limits").read_text("ascii"))
    except OSError:
        match = None
    return int(match[1]) if match else 2**31


def secrets(config: Settings, files: list[Path]) -> Findings:
    """Look whether others may read what is secret; of the configuration's *files*, those with a
    key."""
    folder = config.var_dir / "secrets"
    paths = [
        config.var_dir,
        folder,
        *folder.glob("*"),
        *(config.var_dir / "database").glob("*.json"),
    ]
    paths += [file for file in files if read_config([file]).get("password_key")]
    open_paths = [path for path in paths if path.exists() and _is_open(path)]
    for path in open_paths:
        mode = "700" if path.is_dir() else "600"
        yield error(
            "secrets",
            (f"others may use {path}", f"其他用户可以使用 {path}"),
            (f"chmod {mode} {path}", f"chmod {mode} {path}"),
        )
    if not open_paths:
        yield fine("secrets", "only their owner may read them", "仅所有者可读")


def _is_open(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def certificate(config: Settings) -> Findings:
    """Look how long the certificate of `public_url` holds."""
    address = urlsplit(config.public_url)
    if address.scheme != "https" or not address.hostname:
        yield fine("certificate", "public_url is not https", "public_url 不是 https")
        return
    place = (address.hostname, address.port or 443)
    try:
        with (
            socket.create_connection(place, _CONNECT_SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=place[0]) as tls,
        ):
            text = str((tls.getpeercert() or {})["notAfter"])
    except (OSError, KeyError) as exc:
        reason = getattr(exc, "verify_message", None) or exc
        yield error(
            "certificate",
            (f"{config.public_url}: {reason}", f"{config.public_url}：{reason}"),
            (
                "see that the proxy runs, that this host reaches it, and renew its certificate",
                "请确认代理在运行且本机可达，并更新其证书",
            ),
        )
        return
    end = datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)
    yield certificate_days("certificate", config.public_url, end, CERTIFICATE_DAYS)


def certificate_days(check: str, name: str, end: datetime, least: int) -> Finding:
    """Return what there is to say of a certificate of *name* that ends at *end*: an error then, a
    warning when fewer than *least* days are left."""
    days = (end - now()).days
    message = (f"{name}: the certificate holds {days} days", f"{name}：证书剩余 {days} 天")
    advice = ("renew it", "请更新证书")
    if days < 0:
        return error(check, message, advice)
    return warning(check, message, advice) if days < least else fine(check, *message)
