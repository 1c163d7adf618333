"""The one place that knows all modules, in the order in which they build on each other."""

from typing import Any

from app.base.command import Command
from app.endpoints.import_rows import BODY_LIMIT
from app.endpoints.role_matrix import DEEDS, OWN_DEEDS
from app.endpoints.search import SEARCH_SOURCES
from app.records.table_service import TABLE_SERVICES
from app.web.body import BODY_LIMITS
from app.web.module import Module, connect
from app.web.request import PROGRAM_APIS
from pipeline_core import init as core
from pipeline_dist import init as dist
from pipeline_ops import init as ops

# What the host itself contributes and accepts; its functions are offered by app/global_func.py.
HOST = Module(
    name="app",
    endpoints={},
    contributions=(BODY_LIMIT, *OWN_DEEDS),
    accepts=(TABLE_SERVICES, BODY_LIMITS, PROGRAM_APIS, SEARCH_SOURCES, DEEDS),
)


def load_modules(env: Any) -> tuple[Module, ...]:
    """
    Offer the modules' functions in *env*, and bring together what they contribute to each other:
    all of it, or nothing.

    Raises NameTaken for a name that two of them have.
    """
    names = dict(env)
    modules = (
        HOST,
        core.load_pipeline_core(names),
        ops.load_pipeline_ops(names),
        dist.load_pipeline_dist(names),
    )
    connect(modules)
    for module in modules:
        module.offer(env)
    return modules


def connect_modules() -> None:
    """
    Bring together what the modules contribute to each other, for their commands.

    No settings are read: a command that only shows its help, or calls a service elsewhere, needs
    no database here.
    """
    connect((HOST, *_modules()))


def module_commands() -> list[tuple[str, Command]]:
    """Return the modules' commands, each with its module's name."""
    return [(module.name, command) for module in _modules() for command in module.commands]


def _modules() -> tuple[Module, ...]:
    return core.MODULE, ops.MODULE, dist.MODULE
