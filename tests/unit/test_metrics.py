"""Counters of all workers, also when one of them is killed."""

import json
import subprocess
from pathlib import Path

from app.runtime.processes import command_line, wait_until
from app.server.metrics import Metrics


def test_a_killed_worker_counts_no_longer(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path)
    metrics.count(200, 0.5)
    with subprocess.Popen(["sleep", "60"]) as other:
        # For a moment after its start a process has no command line.
        assert wait_until(lambda: command_line(other.pid) != "", 5, pause=0.01)
        left = tmp_path / f"metrics-{other.pid}.json"
        left.write_text(json.dumps({"statuses": {"200": 41}, "seconds": 1.5}))
        both = metrics.text()
        other.kill()

    assert 'total{status="200"} 42\n' in both
    assert "pipeline_workers 2\n" in both
    assert 'total{status="200"} 1\n' in metrics.text()
    assert "pipeline_workers 1\n" in metrics.text()
    assert not left.exists()
