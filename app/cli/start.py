"""Starting the whole application: database, schema, roles and paths, workers, in this order."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

from app.access import password_key
from app.access.first_admin import first_administrator
from app.base.secrets import secret, secret_file
from app.base.settings import Settings, settings
from app.base.version import version
from app.cli import demo, load_paths, migrate
from app.cli.setup_sage import ensure_sage
from app.db.errors import translate_errors
from app.runtime import embedded_db, processes
from app.runtime.address import record_address, running_settings
from app.runtime.embedded_db import EmbeddedDatabase
from app.runtime.generation import take_generation
from app.runtime.lock import start_lock
from app.runtime.parent_client import NothingChanged, ParentClient, adopt_environment
from app.runtime.run_folder import var_folder
from app.runtime.terminal import CommandError, print_message
from app.runtime.workers import local_url, readiness_problem
from app.server.metrics import clear_metrics
from pipeline_dist.webhooks.sealing import KEY as WEBHOOK_KEY


def start(*, with_demo: bool, is_reload: bool) -> None:
    """
    Start all that does not run yet; with *is_reload*, put new workers of the checkout's code in the
    place of those that run. Raises one of the errors that main() tells.
    """
    var_dir = var_folder()
    _prepare_folders(var_dir)
    with start_lock(var_dir), translate_errors():
        parent = ParentClient(var_dir)
        state = parent.state()
        if state is not None:
            adopt_environment(state)
        elif is_reload:
            raise CommandError(
                "Nothing runs here that could be reloaded. Start it: bash start.sh",
                "没有正在运行的应用，无法重载。请启动：bash start.sh",
            )
        config = _start(parent, state, is_reload=is_reload)
        record_address(config)
        _report(config, parent)
        if with_demo:
            demo.load_with_own_administrator(config)


def _start(parent: ParentClient, state: dict[str, Any] | None, *, is_reload: bool) -> Settings:
    database = EmbeddedDatabase(parent.var_dir)
    started_database = embedded_db.is_wanted() and _start_database(database)
    try:
        config = settings()
        if state is None:
            _start_anew(parent, config)
        elif is_reload:
            _reload(parent, config)
        elif len(state["workers"]) != config.workers:
            parent.scale(config.workers)
        elif problem := readiness_problem(config):
            raise _not_here(problem)
        else:
            print_message("The workers run already.", "工作进程已在运行。")
            _hint_at_reload(state)
        parent.workers.await_ready(config)
    except BaseException:
        if started_database and not parent.workers.all_pids():
            database.stop()
        raise
    return config


def _prepare_folders(var_dir: Path) -> None:
    for folder in (var_dir / "run", var_dir / "logs"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / ".writable"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as exc:
            raise CommandError(
                f"{folder} cannot be written: {exc.strerror}. Make it writable, or name another "
                "run-time folder by PIPELINE_VAR.",
                f"{folder} 无法写入：{exc.strerror}。请改为可写，"
                "或用 PIPELINE_VAR 指定其他运行目录。",
            ) from None


def _start_database(database: EmbeddedDatabase) -> bool:
    is_new = database.start()
    if is_new:
        print_message("The embedded database is started.", "内嵌数据库已启动。")
    else:
        print_message("The embedded database runs already.", "内嵌数据库已在运行。")
    return is_new


def _start_anew(parent: ParentClient, config: Settings) -> None:
    """Start the parent process and its workers; workers without a parent, whose own was killed,
    serve until then."""
    if not parent.workers.all_pids():
        _check_port(config)
        clear_metrics(parent.var_dir)
    _prepare_data(config)
    root = take_generation(parent.var_dir, os.environ)
    try:
        parent.launch(root)
        parent.roll(root)
    except CommandError:
        parent.end()  # of no use, and it must not be taken for one that works
        # A start that is tried again and again would leave a copy each time.
        if not parent.workers.all_pids():
            shutil.rmtree(root, ignore_errors=True)
        raise


def _reload(parent: ParentClient, config: Settings) -> None:
    _prepare_data(config)
    root = take_generation(parent.var_dir, os.environ)
    try:
        state = parent.roll(root)
    except NothingChanged as exc:  # after any other, workers may be made of it
        shutil.rmtree(root, ignore_errors=True)
        raise _reload_failure(exc, readiness_problem(running_settings(config))) from None
    print_message(
        f"All workers are replaced; they are of version {version()}.",
        f"工作进程已全部替换，版本 {version()}。",
    )
    if state["version"] != version():
        print_message(
            f"The parent process goes on with {state['version']}; the next stop.sh and start.sh "
            "bring it to the new version.",
            f"父进程仍是版本 {state['version']}，下次执行 stop.sh 与 start.sh 时更新。",
        )


def _reload_failure(reason: NothingChanged, problem: str | None) -> CommandError:
    """Return what to tell where the old workers stay: they may be in front of tables that the new
    ones have changed, and let nothing in."""
    if problem is None:
        return CommandError(
            f"{reason}\nNothing was replaced: the workers that ran go on.",
            f"{reason}\n未替换任何进程：原有工作进程继续运行。",
        )
    return CommandError(
        f"{reason}\nNothing was replaced, and the workers that ran are not ready: {problem}. "
        "Mend the reason, then: bash start.sh --reload",
        f"{reason}\n未替换任何进程，且原有工作进程未就绪：{problem}。"
        "请排除原因后执行：bash start.sh --reload",
    )


def _prepare_data(config: Settings) -> None:
    """Bring tables, roles and paths to this code; workers of the one before may serve."""
    migrate.run_command([])
    if embedded_db.is_wanted() and ensure_sage():
        print_message("Sage RBAC tables and roles are made.", "已建立 Sage RBAC 表与角色。")
    password_key.finish_interrupted(config)
    # Made before anything needs it: further hosts get a copy before their first start.
    secret(config.var_dir, WEBHOOK_KEY)
    load_paths.run_command([])
    first_administrator(config)


def _hint_at_reload(state: dict[str, Any]) -> None:
    if (Path(state["root"]) / "app" / "VERSION").read_text("utf-8").strip() != version():
        print_message(
            f"They are of another version than this folder, {version()}. To have it without an "
            "interruption: bash start.sh --reload",
            f"其版本与本目录的 {version()} 不同。不中断服务地更新：bash start.sh --reload",
        )


def _check_port(config: Settings) -> None:
    problem = processes.listening_problem(config.host, config.port)
    if problem is None:
        return
    if problem.errno == errno.EADDRINUSE:
        raise CommandError(
            f"Port {config.port} on {config.host} is in use by another program. Stop it, or start "
            f"on another port: PIPELINE_PORT={config.port + 1} bash start.sh",
            f"{config.host} 的端口 {config.port} 已被其他程序占用。请停止它，"
            f"或换一个端口：PIPELINE_PORT={config.port + 1} bash start.sh",
        )
    raise CommandError(
        f"Cannot listen on {config.host}:{config.port}: {problem.strerror or problem}. Check "
        "website.host and website.port in conf/config.json, PIPELINE_HOST and PIPELINE_PORT.",
        f"无法监听 {config.host}:{config.port}：{problem.strerror or problem}。"
        "请检查 conf/config.json 的 website.host、website.port 及 PIPELINE_HOST、PIPELINE_PORT。",
    )


def _not_here(problem: str) -> CommandError:
    return CommandError(
        f"The workers of this folder run and are not ready: {problem}. If host or port were "
        "changed, run stop.sh first; else look into the log.",
        f"本目录的工作进程在运行，但未就绪：{problem}。若改过地址或端口，请先执行 stop.sh；"
        "否则请查看日志。",
    )


def _report(config: Settings, parent: ParentClient) -> None:
    url, count = local_url(config), len(parent.workers.running())
    logs = parent.var_dir / "logs"
    print_message(
        f"Running at {url} with {count} worker(s). Logs: {logs}. Stop: bash stop.sh",
        f"运行于 {url}，工作进程 {count} 个。日志：{logs}。停止：bash stop.sh",
    )
    if config.is_behind_proxy and not config.options.metrics_token:
        file = secret_file(config.var_dir, "metrics_token")
        print_message(
            f"/metrics needs a token (Authorization: Bearer …), which stands in {file}.",
            f"访问 /metrics 需要令牌（Authorization: Bearer …），令牌在 {file}。",
        )
