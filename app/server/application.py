"""
The server: ahserver's ConfiguredServer with our resource, guard, pool and processors in it.

ahserver's own entry point runs the modules' load functions before `initEnv()`, which then
overwrites some 220 names (D7), listens with a second copy unnoticed (OPS-1) and keeps no time
limits (SLOW-1); the order here is: logging, settings, pools, ahserver, then the modules.
"""

import asyncio
import fcntl
import gc
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ahserver.configuredServer import ConfiguredServer
from ahserver.serverenv import ServerEnv
from aiohttp import web
from appPublic.dictObject import DictObject
from appPublic.jsonConfig import JsonConfig

from app.access.paths import WebPaths
from app.access.rbac import SageRbac
from app.access.request_context import RBAC, SETTINGS, WEB_PATHS
from app.access.sessions import SESSIONS, Sessions
from app.base import clock
from app.base.logs import log_info, reopen_logs
from app.base.metrics import add_measure
from app.base.secrets import WatchedSecret
from app.base.settings import Settings
from app.db.pool import pools
from app.db.pool_metrics import measure_pools
from app.endpoints.login import sign_in, sign_out, who_am_i
from app.endpoints.rights import explain_rights
from app.records.filters import SafeDBFilter
from app.server.guard import GuardedAuth
from app.server.health import METRICS_TOKEN
from app.server.metrics import REQUEST_METRICS, Metrics, metrics_folder
from app.server.process_metrics import measure_process
from app.server.request_log import REQUEST_LOG, RequestLog
from app.server.resource import PipelineResource
from app.server.runner import PlainServer
from app.server.schema_gate import SCHEMA_GATE, SchemaGate
from app.server.templates import PageEngine
from app.server.watchdog import watch_loop
from app.web.callers import ALLOWED_HOSTS, CALLERS, Callers, host_name
from app.web.module import Background
from app.web.responses import insist_on_https

log = logging.getLogger("pipeline.server")

DRAIN_SECONDS = 30


class PipelineServer(ConfiguredServer):
    """One worker process."""

    def __init__(
        self,
        config: Settings,
        modules: Sequence[str],
        load_functions: Callable[[ServerEnv], list[Background]],
    ) -> None:
        """
        Prepare the worker; *modules* have pages of their own.

        *load_functions* puts the functions that scripts call into the environment, once ahserver
        has filled it, and returns what shall run beside the requests.
        """
        self.settings = config
        self._modules = modules
        clock.set_zone(config.quota_time_zone)
        JsonConfig.instance = _ahserver_config(config)
        pools()
        if config.is_https:
            insist_on_https(config.options.hsts_seconds)
        application = web.Application(client_max_size=config.options.body_limit_bytes)
        super().__init__(auth_klass=GuardedAuth, workdir=str(config.root_dir), app=application)
        self._fill(application)
        env = ServerEnv()
        env.tmpl_engine = PageEngine(application[WEB_PATHS])
        env.DBFilter = SafeDBFilter
        env.sign_in, env.sign_out, env.who_am_i = sign_in, sign_out, who_am_i
        env.explain_rights = explain_rights
        self._background = load_functions(env)

    def _fill(self, app: web.Application) -> None:
        config = self.settings
        modules = {name: config.root_dir / name / "wwwroot" for name in self._modules}
        app[SETTINGS] = config
        app[RBAC] = SageRbac(config.options.remembered_seconds)
        app[SESSIONS] = Sessions(config)
        app[CALLERS] = Callers(config.options.trusted_proxies)
        app[ALLOWED_HOSTS] = allowed_hosts(config)
        app[WEB_PATHS] = WebPaths(config.web_root, config.indexes, modules)
        app[METRICS_TOKEN] = WatchedSecret(
            config.var_dir, "metrics_token", config.options.metrics_token
        )
        add_measure(measure_pools)
        add_measure(measure_process)
        app[REQUEST_METRICS] = Metrics(metrics_folder(config.var_dir))
        app[REQUEST_LOG] = RequestLog(config.options)
        app[SCHEMA_GATE] = SchemaGate()

    def configPath(self, config: Any) -> None:
        """Serve the web root; called by ahserver's way of starting and ours."""
        processors = [list(pair) for pair in self.settings.processors]
        self._resource = PipelineResource(
            str(self.settings.web_root), list(self.settings.indexes), processors
        )
        self.app.router.register_resource(self._resource)

    def run(self, port: int | None = None) -> None:
        """Serve until SIGTERM or SIGINT, then let running requests finish (30 s at most)."""
        gc.collect()  # here, where nobody waits for it
        with _one_installation(self.settings.var_dir):
            asyncio.run(self._serve(port or self.settings.port))

    async def _serve(self, port: int) -> None:
        self.configPath(None)
        self.app.cleanup_ctx.append(self._lifetime)
        await self.build_app()
        await self._start_app()
        server = PlainServer(
            self.app,
            self._resource.handle,
            body_limit_bytes=self.settings.options.body_limit_bytes,
            direct_answers=self.settings.options.direct_answers,
            access_log=None,
            keepalive_timeout=75,
        )
        runner = web.ServerRunner(server, shutdown_timeout=DRAIN_SECONDS)
        await runner.setup()
        listener = _listen(self.settings.host, port)
        site = web.SockSite(runner, listener, backlog=1024)
        await site.start()
        log_info(log, "listening", f"worker {os.getpid()} listens on {self.settings.host}:{port}")
        # What is there now lives as long as the process: the collector need not look at it again.
        gc.freeze()
        gc.enable()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        for number in (signal.SIGUSR1, signal.SIGHUP):  # what moves log files sends one of them
            asyncio.get_running_loop().add_signal_handler(number, reopen_logs)
        await stop.wait()
        log_info(log, "stopping", "finishing what runs")
        await runner.cleanup()
        await self.app.shutdown()
        await self.app.cleanup()

    async def _start_app(self) -> None:
        # What aiohttp's AppRunner does, whose server would be another.
        self.app.on_startup.freeze()
        await self.app.startup()
        self.app.freeze()

    async def _lifetime(self, app: web.Application) -> AsyncIterator[None]:
        stop = asyncio.Event()
        gate = app[SCHEMA_GATE]
        work_beside: list[Background] = [
            watch_loop,
            gate.watch,
            app[REQUEST_METRICS].write_regularly,
            *(partial(gate.run, work) for work in self._background),
        ]
        tasks = [asyncio.ensure_future(work(stop)) for work in work_beside]
        for task in tasks:
            task.add_done_callback(_tell_end)
        yield
        stop.set()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=5)
            for task in late:
                task.cancel()
        await pools().close()
        app[REQUEST_METRICS].remove()
        app[REQUEST_LOG].close()


def allowed_hosts(config: Settings) -> frozenset[str]:
    """Host names this server answers to: its own, the public one, the configured ones."""
    names = {"localhost", "127.0.0.1", "[::1]", config.host, *config.options.allowed_hosts}
    if config.public_origin:
        names.add(config.public_origin.host)
    return frozenset(host_name(name) for name in names)


def _ahserver_config(config: Settings) -> DictObject:
    """Return what ahserver's own code reads; its reader evaluates Python in values, so it is not
    used."""
    return DictObject(
        website={
            "paths": [[str(config.web_root), ""]],
            "indexes": list(config.indexes),
            "processors": [list(pair) for pair in config.processors],
            "host": config.host,
            "port": config.port,
            "coding": "utf-8",
            "client_max_size": config.options.body_limit_bytes,
        },
        databases={},
        langMapping={},
        password_key=config.password_key,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    listener.setblocking(False)
    return listener


class _one_installation:
    """Workers share this lock; start.sh takes it alone, so a forgotten copy is noticed."""

    def __init__(self, var_dir: Path) -> None:
        folder = var_dir / "run"
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / "worker.lock").open("a")

    def __enter__(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def __exit__(self, *exc: object) -> None:
        self._file.close()


def _tell_end(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("background task ended", exc_info=task.exception(), extra={"action": "ended"})
