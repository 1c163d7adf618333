"""Numbers of the whole installation, which every worker knows alike and which are not summed."""

from app.base.version import version
from app.server.parent_link import ParentLink

# Why a process was started again; told from the first on, so that the first one is a rise.
REASONS = ("died", "hung", "database")


def installation_text(link: ParentLink) -> str:
    """Return in Prometheus' text format what the parent told on *link*, and the version."""
    from prometheus_client import CollectorRegistry, Counter, Info, generate_latest

    registry = CollectorRegistry()
    restarts = Counter(
        "pipeline_restarts",
        "Processes that the parent process started again: workers that died or hung, the database",
        ["reason"],
        registry=registry,
    )
    for reason in REASONS:
        restarts.labels(reason).inc(link.restarts.get(reason, 0))
    Info("pipeline_build", "Version of the code", registry=registry).info({"version": version()})
    text = generate_latest(registry).decode()
    # When this registry was made is no fact of the installation.
    return "".join(part for part in text.splitlines(keepends=True) if "_created" not in part)
