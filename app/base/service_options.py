"""The settings of worker processes as such: how many connections they take, when one is hung."""

from dataclasses import dataclass

from app.base.options import option


@dataclass(frozen=True)
class ServiceOptions:
    """The part of `Options` that is about worker processes."""

    max_connections: int = option(
        8_000,
        "Connections of a worker; more get 503, also where the descriptor limit is lower",
        10,
        1_000_000,
    )
    hang_seconds: int = option(
        15, "Seconds without a sign of life after which a worker is replaced", 2, 3_600
    )
