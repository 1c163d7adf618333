"""What a database server says of itself: its kind, and whether it can be worked with."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from app.base.catalogue.requests import NODE_NOT_READY
from app.base.errors import ErrorCode

# SHOW is answered by a node outside its cluster too; SELECT is not.
ABOUT_KIND = (
    "show global variables where variable_name in ('tx_isolation', 'wsrep_on', 'wsrep_provider',"
    " 'max_statement_time', 'idle_transaction_timeout')"
)
ABOUT_WRITING = "show global variables like 'read_only'"
ABOUT_NODE = "show global status like 'wsrep\\_%'"
_SYNCED = "4"


class Health(IntEnum):
    """How far a server can be worked with."""

    AWAY = 0
    # It answers, but is behind the others, is giving its data to one, or takes no changes.
    HALF = 1
    WELL = 2


class State(NamedTuple):
    """The health of a server, and what callers are told while it is away."""

    health: Health
    refusal: ErrorCode | None = None


@dataclass(frozen=True)
class ServerKind:
    """What differs between the servers that we work with; *isolation* is the variable's name:
    MySQL 8 knows only transaction_isolation, MariaDB before 11.1 only tx_isolation."""

    isolation: str
    is_galera: bool
    limits_statements: bool
    limits_idle_transactions: bool

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> "ServerKind":
        """Return the kind by the answer to ABOUT_KIND."""
        provider = variables.get("wsrep_provider", "none")
        return cls(
            isolation="tx_isolation" if "tx_isolation" in variables else "transaction_isolation",
            is_galera=variables.get("wsrep_on") == "ON" and provider not in ("", "none"),
            limits_statements="max_statement_time" in variables,
            limits_idle_transactions="idle_transaction_timeout" in variables,
        )


def state_of(status: Mapping[str, str], read_only: str) -> State:
    """Return the state by the answers to ABOUT_NODE (empty where it is no node of a cluster) and
    ABOUT_WRITING."""
    if status and (
        status.get("wsrep_ready") != "ON" or status.get("wsrep_cluster_status") != "Primary"
    ):
        return State(Health.AWAY, NODE_NOT_READY)
    is_behind = bool(status) and status.get("wsrep_local_state") != _SYNCED
    return State(Health.HALF if is_behind or read_only not in ("", "OFF", "0") else Health.WELL)


async def is_cluster_node(connection: Any) -> bool:
    """Return whether the server of *connection* is a node of a Galera cluster, where a lock holds
    on one node, and another node's commit may end a transaction that has done nothing wrong;
    raises the driver's errors."""
    async with connection.cursor() as cursor:
        await cursor.execute(ABOUT_KIND)
        variables = {str(name): str(value) for name, value in await cursor.fetchall()}
    return ServerKind.of(variables).is_galera
