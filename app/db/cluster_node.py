"""Whether a server is a node of a Galera cluster, where a lock holds on one node, and another
node's commit may end a transaction that has done nothing wrong."""

from typing import Any


async def is_cluster_node(connection: Any) -> bool:
    """Return whether the server of *connection* is one; raises the driver's errors."""
    async with connection.cursor() as cursor:
        await cursor.execute("show variables like 'wsrep_on'")
        row = await cursor.fetchone()
    return row is not None and row[1] == "ON"
