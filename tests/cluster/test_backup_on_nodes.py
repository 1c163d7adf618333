"""A backup from a node of the cluster while all nodes take calls, and into the cluster again."""

import shutil
from pathlib import Path

import pytest

from app.backup import clients
from app.runtime.processes import wait_until
from tests.support.administration import administrate
from tests.support.cluster_trade import Trade
from tests.support.galera import Node
from tests.support.shop import Shop

pytestmark = pytest.mark.timeout(900)  # a busy machine takes its time to restore


def keys(node: Node, database: str) -> set[str]:
    """The keys of all calls in that database of the node."""
    text = "select idempotency_key from pipeline_usage_log where line_no = 0"
    return {row["idempotency_key"] for row in node.installation.query(text, database=database)}


def test_a_backup_is_made_of_a_stand_by_and_restored_into_the_cluster(
    nodes: list[Node], shop: Shop, tmp_path: Path
) -> None:
    if shutil.which("mariadb-dump") is None:
        pytest.skip(f"needs Debian's package {clients.PACKAGE}")
    file = nodes[0].installation.var_dir / "config.json"
    text = file.read_text("utf-8")
    installation, backup = nodes[0].installation, tmp_path / "of-a-stand-by.backup"
    administrate(
        installation,
        "create database restored character set utf8mb4",
        "grant all on restored.* to 'pipeline'@'127.0.0.1', 'pipeline'@'localhost'",
    )
    trade = Trade(nodes, shop)
    try:
        # The node first in the list is another than the host's own.
        nodes[0].name_hosts([nodes[2], nodes[1]])
        with trade.going_on():
            trade.wait_for_more()
            calls = {key for one in trade.witnesses for key in list(one.beginnings)}
            assert wait_until(lambda: calls <= keys(nodes[2], "pipeline"), 30)
            installation.manage("backup", str(backup))
            trade.wait_for_more()
        nodes[0].name_hosts([nodes[1], nodes[2]], database="restored")
        # An application of its own: that of this folder runs.
        env = {"PIPELINE_VAR": str(tmp_path / "var")}

        process = installation.command(
            "app/manage.py", "restore", str(backup), "--without-files", env=env
        )
    finally:
        file.write_text(text, "utf-8")
        installation.extra_env.pop("PIPELINE_DB_PASSWORD", None)

    assert "Restored." in process.stdout
    assert calls <= keys(nodes[1], "restored")
    administrate(installation, "drop database restored")
