"""
The server: ahserver's ConfiguredServer with our resource, guard, pool and processors in it.

ahserver's own entry point runs the modules' load functions before `initEnv()`, which then
overwrites some 220 names (D7), listens with a second copy unnoticed (OPS-1) and keeps no time
limits (SLOW-1); the order here is: logging, settings, pools, ahserver, then the modules.
"""

import asyncio
import gc
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
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
from app.base.logs import log_info
from app.base.metrics import add_measure
from app.base.secrets import WatchedSecret
from app.base.settings import Settings
from app.base.version import version
from app.db.pool import pools
from app.db.pool_metrics import measure_pools
from app.endpoints import account, role_matrix, users
from app.endpoints.login import sign_in, sign_out, who_am_i
from app.endpoints.rights import explain_rights
from app.endpoints.welcome import welcome
from app.records.filters import SafeDBFilter
from app.runtime.generation import other_web_roots
from app.runtime.listeners import BACKLOG, listening_socket
from app.server.departure import Departure
from app.server.guard import GuardedAuth
from app.server.health import METRICS_TOKEN
from app.server.metrics import REQUEST_METRICS, Metrics, metrics_folder
from app.server.parent_link import PARENT, ParentLink
from app.server.process_metrics import measure_process
from app.server.request_log import REQUEST_LOG, RequestLog
from app.server.resource import PipelineResource
from app.server.runner import PlainServer
from app.server.schema_gate import SCHEMA_GATE, SchemaGate
from app.server.shedding import Shedding, connection_limit
from app.server.templates import PageEngine
from app.server.watchdog import watch_loop
from app.web.callers import ALLOWED_HOSTS, CALLERS, Callers, host_name
from app.web.endpoint import Endpoint
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
        env.explain_rights, env.welcome = explain_rights, welcome
        for own in (account, users, role_matrix):
            env.update({n: f for n, f in vars(own).items() if isinstance(f, Endpoint)})
        self._background = load_functions(env)

    def _fill(self, app: web.Application) -> None:
        config = self.settings
        modules = {name: config.root_dir / name / "wwwroot" for name in self._modules}
        app[SETTINGS] = config
        app[RBAC] = SageRbac(config.options.remembered_seconds)
        app[SESSIONS] = Sessions(config)
        app[CALLERS] = Callers(config.options.trusted_proxies)
        app[ALLOWED_HOSTS] = allowed_hosts(config)
        app[WEB_PATHS] = WebPaths(
            config.web_root, config.indexes, modules, partial(other_web_roots, config.var_dir)
        )
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

    def run(
        self, port: int | None = None, *, listener: int | None = None, parent: int | None = None
    ) -> None:
        """
        Serve until told to end, then let running requests finish (30 s at most).

        *listener* and *parent* are descriptors of a listening socket and of the line to the parent
        process; without them this worker has a socket of its own, and nobody looks after it.
        """
        gc.collect()  # here, where nobody waits for it
        asyncio.run(self._serve(port or self.settings.port, listener, parent))

    async def _serve(self, port: int, listener: int | None, parent: int | None) -> None:
        link = self.app[PARENT] = ParentLink(parent)
        departure = Departure(link)
        link.open()
        self.configPath(None)
        self.app.cleanup_ctx.append(self._lifetime)
        await self.build_app()
        await self._start_app()
        server = self._server()
        runner = web.ServerRunner(server, shutdown_timeout=DRAIN_SECONDS)
        await runner.setup()
        await link.wait_for_turn()
        if not link.must_leave.is_set():
            site = await self._listen(runner, port, listener)
            link.tell_listening()
            # What is there now lives as long as the process: the collector need not look again.
            gc.freeze()
            gc.enable()
            await departure.begin()
            await departure.let_connections_go(server, site)
        await runner.cleanup()
        await self.app.shutdown()
        await self.app.cleanup()

    def _server(self) -> PlainServer:
        options = self.settings.options
        return PlainServer(
            self.app,
            self._resource.handle,
            body_limit_bytes=options.body_limit_bytes,
            direct_answers=options.direct_answers,
            shedding=Shedding(connection_limit(options)),
            access_log=None,
            keepalive_timeout=75,
        )

    async def _listen(
        self, runner: web.ServerRunner, port: int, listener: int | None
    ) -> web.BaseSite:
        if listener is None:
            plug = listening_socket(self.settings.host, port)
        else:
            plug = socket.socket(fileno=listener)
            plug.setblocking(False)
        site = web.SockSite(runner, plug, backlog=BACKLOG)
        await site.start()
        log_info(
            log, "listening", f"worker {os.getpid()} listens on {self.settings.host}:{port}",
            version=version(),
        )  # fmt: skip
        return site

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
            app[PARENT].beat,  # lives, also while the tables are not current
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


def _tell_end(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("background task ended", exc_info=task.exception(), extra={"action": "ended"})
