"""The settings of worker processes as such, and of signing in."""

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


@dataclass(frozen=True)
class SignInOptions:
    """The part of `Options` that is about who signs in, and how."""

    session_hours: int = option(12, "Absolute life of a login session")
    session_idle_minutes: int = option(120, "Idle life of a login session")
    second_factor_roles: tuple[str, ...] = option(
        (), "Roles that sign in with a second factor, e.g. owner.superuser"
    )
    sage_url: str = option("", "Address of Sage, where people look after the users it has")
