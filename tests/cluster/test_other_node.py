"""What one node of a cluster has written is seen on another at once, and a node that is left alone
says so."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.runtime.processes import wait_until
from tests.support.galera import Node, client_of, cluster, provider
from tests.support.shop import Shop

LIBRARY = provider()
CALLS = 200
pytestmark = pytest.mark.skipif(LIBRARY is None, reason="needs Debian's package galera-4")


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[Node]]:
    assert LIBRARY is not None
    # Not pytest's folder: the path of a socket has to be short.
    folder = Path(tempfile.mkdtemp(prefix="pipeline-cluster-"))
    try:
        with cluster(folder, LIBRARY) as members:
            for node in members[:2]:
                node.installation.start(workers=1)
            yield members
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_call_that_was_begun_on_one_node_is_finished_on_another(nodes: list[Node]) -> None:
    shop = Shop(nodes[0].installation)
    pipeline = shop.pipeline(prices=[{"unit": "image", "unit_price": "0.1"}])
    buyer = shop.distributor(pipeline)
    usage = {"status": "succeeded", "lines": [{"unit": "image", "quantity": 1}]}
    with client_of(nodes[0], buyer.api_key) as here, client_of(nodes[1], buyer.api_key) as there:
        for number in range(CALLS):
            body = {"pipeline": pipeline.code}
            headers = {"Idempotency-Key": f"k{number}"}
            beginning = here.post("/pipeline_dist/v1/calls", json=body, headers=headers).json()
            end = there.post(
                "/pipeline_dist/v1/calls/finish", json={"call_no": beginning["call_no"]} | usage
            )
            assert end.status_code == 200, end.text


def test_a_node_outside_the_primary_part_is_told_by_name(nodes: list[Node]) -> None:
    """Last: the cluster is of no use afterwards."""
    alone = nodes[0].installation
    for node in nodes[1:]:
        assert node.process is not None
        node.process.kill()

    def detail() -> str:
        return str(alone.anonymous().get("/readyz", timeout=2).json().get("detail"))

    assert wait_until(lambda: "primary part of its cluster" in detail(), 30)
    for command in ("check-ledger", "migrate"):
        result = alone.manage(command, check=False)
        assert result.returncode == 1
        assert "primary part of its cluster" in result.stderr
