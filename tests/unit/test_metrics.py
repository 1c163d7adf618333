"""Counters of all workers, also when one of them is killed."""

import json
import subprocess
from pathlib import Path

from app.metrics import Metrics


def test_a_killed_worker_counts_no_longer(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "60"])
    left = tmp_path / f"metrics-{other.pid}.json"
    left.write_text(json.dumps({"statuses": {"200": 41}, "seconds": 1.5}))
    metrics = Metrics(tmp_path)
    metrics.count(200, 0.5)

    assert 'total{status="200"} 42' in metrics.text()
    assert "pipeline_workers 2" in metrics.text()
    other.kill()
    other.wait()

    assert 'total{status="200"} 1\n' in metrics.text()
    assert "pipeline_workers 1\n" in metrics.text()
    assert not left.exists()
