"""
What the ecosystem imports and a worker hardly ever uses: imported at its first use.

ahserver and appPublic import an SSH server, three HTTP clients, a Redis and a PostgreSQL driver,
ZeroMQ and an Excel library when they start, which costs a worker more processor time and memory
than all of its own code. Nothing of them is patched: while the ecosystem is imported, such a
package is represented by a `LateModule`, whose names import the real one when something is done
with them. Afterwards the representatives are out of `sys.modules`, so that whoever imports one of
these packages gets the real one; what was bound in between goes on to stand for it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

# Modules of which the ecosystem only binds names while it is imported. Where it derives a class of
# one of theirs, the module that does so is late: the base class is needed at once.
LATE_MODULES = (
    "aiohttp_cors",
    "aiohttp_socks",
    "appPublic.sshx",
    "openpyxl",
    "redis",
    "redis.asyncio",
    "requests",
    "rsa",
    "sqlor.aiopostgresqlor",
    "zmq",
    "zmq.asyncio",
    "zmq.utils.monitor",
)
# All of the ecosystem that a worker imports, and with it what that imports.
_ECOSYSTEM = (
    "ahserver.configuredServer",
    "sqlor.dbpools",
    "sqlor.mysqlor",
    "xls2ddl.json2ddl",
)


class LateName:
    """A name of a module that is imported when something is done with it."""

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call, or make an instance of, what the name means."""
        return self._real()(*args, **kwargs)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        """Let a class be derived from the real one."""
        return (self._real(),)

    def __instancecheck__(self, instance: object) -> bool:
        """Tell whether something is an instance of the real class."""
        return isinstance(instance, self._real())

    def _real(self) -> Any:
        _forget(self._module.partition(".")[0])
        return getattr(import_module(self._module), self._name)


class LateModule(ModuleType):
    """Represents a module of which names are only bound."""

    def __getattr__(self, name: str) -> Any:
        """Return a name of the module, without importing it; those of the import system are not
        there."""
        if name.startswith("__"):
            raise AttributeError(name)
        return LateName(self.__name__, name)


def import_ecosystem() -> None:
    """Import ahserver and what belongs to it; first of all, in a process that uses it."""
    with represented(LATE_MODULES):
        for name in _ECOSYSTEM:
            import_module(name)


@contextmanager
def represented(names: tuple[str, ...]) -> Iterator[None]:
    """Represent those of the modules *names* that are not there yet, for a while."""
    sys.modules.update({name: LateModule(name) for name in names if name not in sys.modules})
    try:
        yield
    finally:
        _forget("")


def _forget(package: str) -> None:
    """Take what represents *package* and its modules out of `sys.modules`; all that represents for
    ''."""
    for name, module in list(sys.modules.items()):
        if isinstance(module, LateModule) and package in ("", name.partition(".")[0]):
            del sys.modules[name]
