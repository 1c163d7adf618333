"""How the pools of this process are used, as `/metrics` tells it."""

import asyncio

from app.base.metrics import Gauge
from app.db.pool import TWO_TRIP_SIZE, pools

_in_use = Gauge("pipeline_pool_connections_in_use", "Database connections lent out", ["pool"])
_size = Gauge("pipeline_pool_connections_max", "Database connections that may be lent", ["pool"])
_waiting = Gauge("pipeline_pool_waiting", "Requests that wait for a connection", ["pool"])


def measure_pools() -> None:
    """Look at the pools that there are by now."""
    own = pools()
    for name, pool in own._pools.items():
        _measure(name, pool._slots, pool.size)
    if own._two_trips is not None:
        _measure("admission", own._two_trips._slots, TWO_TRIP_SIZE)


def _measure(name: str, slots: asyncio.Semaphore, size: int) -> None:
    _in_use.child(name).set(size - slots._value)
    _size.child(name).set(size)
    waiters = slots._waiters or ()  # asyncio tells it nowhere else
    _waiting.child(name).set(sum(not waiter.done() for waiter in waiters))
