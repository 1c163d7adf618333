"""
Work in the background: a lock by name holds on one node, so on three nodes three are at it at the
same time, and it is done once all the same.
"""

import subprocess
import sys
import threading
import time
from functools import partial

from app.base.settings import ROOT
from app.runtime.processes import wait_until
from tests.support.crowd import Request, send_all
from tests.support.galera import Node
from tests.support.months import LONG_AGO, day_in, month_back
from tests.support.shop import Shop

# Who has lost to other nodes five times is told so, and comes again.
BUSY = "Too many changes at the same time"
SWEEPER = "select is_used_lock(concat(left(database(), 40), '.lease_sweeper')) as holder"
CALLS = "/pipeline_dist/v1/calls"


def sweeps(node: Node) -> bool:
    return node.installation.query(SWEEPER)[0]["holder"] is not None


def test_three_sweepers_end_each_call_once(nodes: list[Node], shop: Shop) -> None:
    for node in nodes:
        assert wait_until(partial(sweeps, node), 20)
    pipeline = shop.pipeline(capacity={"max_concurrency": 1000})
    buyer = shop.distributor(pipeline)
    body = {"pipeline": pipeline.code, "lease_seconds": 2}
    requests = [Request(buyer.api_key, CALLS, body, f"sweep-{n}") for n in range(150)]
    answers = send_all(shop.installation.base_url, requests)
    assert {status for status, _ in answers} == {201}

    def all_over() -> bool:
        rows = shop.ledger("pipeline_id = %s and line_no = 0", pipeline.id)
        return {row["status"] for row in rows} == {"expired"}

    assert wait_until(all_over, 60)
    assert pipeline.capacity is not None
    assert shop.row("pipeline_capacity", pipeline.capacity["id"])["running"] == 0
    assert shop.ledger_differences() == ""


def together(nodes: list[Node], *argv: str) -> list[str]:
    """Run the same command of manage.py on every host at the same moment; what they print."""
    processes = [
        subprocess.Popen(
            [sys.executable, "app/manage.py", *argv], cwd=ROOT, env=node.installation.env,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for node in nodes
    ]  # fmt: skip
    outputs = [process.communicate(timeout=180)[0] for process in processes]
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0 or (process.returncode == 1 and BUSY in output), output
    return outputs


def test_three_migrations_at_once(nodes: list[Node]) -> None:
    """Hosts that are updated together migrate together: each step is done, and none twice."""
    first = nodes[0].installation
    for statement in (
        "alter table app_login_attempt drop column last_at",
        "drop table app_statement_piece",
        "alter table app_usage_day drop index app_usage_day_day",
        "delete from app_migration where name = 'pipeline_dist/0005_credits'",
        "delete from app_migration where name = 'pipeline_dist/0006_open_months'",
    ):
        first.query(statement)
    time.sleep(1)

    outputs = together(nodes, "migrate")

    assert BUSY not in "".join(outputs)

    for node in nodes:
        assert "as the models say" in node.installation.manage("migrate", "--plan").stdout
    rows = first.query("select name from app_migration where name like 'pipeline_dist/000%%'")
    assert {row["name"] for row in rows} >= {
        "pipeline_dist/0005_credits", "pipeline_dist/0006_open_months",
    }  # fmt: skip


def test_the_turn_of_a_host_that_died_is_taken_over(nodes: list[Node]) -> None:
    first, second, _ = nodes
    first.installation.query("update app_lease set holder = 'gone' where name = 'migrate'")

    output = second.installation.manage("migrate").stdout

    assert "the migration of gone does nothing any more" in output
    (row,) = second.installation.query("select holder from app_lease where name = 'migrate'")
    assert row["holder"] is None


def test_three_build_the_sums_of_days_while_rows_come(nodes: list[Node], shop: Shop) -> None:
    price = {"unit": "image", "unit_price": "2", "effective_from": LONG_AGO}
    pipeline = shop.pipeline(prices=[price])
    buyer = shop.distributor(pipeline)
    for node in nodes:
        node.wait_for_row("distributor_pipeline", distributor_id=buyer.id)
    at = day_in(month_back(1))
    call = {
        "distributor_id": buyer.id, "pipeline_id": pipeline.id, "status": "succeeded",
        "started_at": at, "finished_at": at, "lines": [{"unit": "image", "quantity": 1}],
    }  # fmt: skip
    problems: list[str] = []
    stop = threading.Event()
    counts = [0] * len(nodes)

    def book(number: int) -> None:
        client = nodes[number].installation.admin
        while not stop.is_set():
            answer = client.post("/pipeline_ops/api/pipeline_usage_log_create.dspy", json=call)
            counts[number] += answer.status_code == 200
            if answer.status_code not in (200, 503):
                problems.append(answer.text)

    clerks = [threading.Thread(target=book, args=(number,)) for number in range(len(nodes))]
    for clerk in clerks:
        clerk.start()
    try:
        for _ in range(2):
            together(nodes, "usage-days")
    finally:
        stop.set()
        for clerk in clerks:
            clerk.join()
    output = nodes[0].installation.manage("usage-days").stdout
    assert "all is summed up" in output
    assert problems == []
    assert min(counts) > 0
    (row,) = nodes[0].installation.query(
        "select sum(calls) as calls from app_usage_day"
        " where distributor_id = %s and kind = 'total'",
        buyer.id,
    )
    assert row["calls"] == sum(counts)
    assert shop.ledger_differences() == ""
