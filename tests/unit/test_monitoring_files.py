"""Dashboard, alert rules and documents name the metrics that there are, and all of these."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from ruamel.yaml import YAML

from app.base.metrics import FAMILIES, Family
from app.base.settings import ROOT

ALERTS, DASHBOARD = ROOT / "ops/alerts.yml", ROOT / "ops/grafana.json"
for module in (
    "app.db.pool_metrics",
    "app.endpoints.login",
    "app.modules",
    "app.server.metrics",
    "app.server.parent_link",
    "app.server.process_metrics",
    "app.server.watchdog",
):
    import_module(module)
METRICS = {name: family for name, family in FAMILIES.items() if name.startswith("pipeline_")}
_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
# What Prometheus adds, or we to the samples of histograms.
_EVERYWHERE = {"instance", "job", "le"}
_LABELS = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
_GROUPING = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")


def test_all_metrics_are_looked_at_here() -> None:
    folders = [ROOT / name for name in ("app", "pipeline_core", "pipeline_ops", "pipeline_dist")]
    sources = [file for folder in folders for file in folder.glob("**/*.py")]
    pattern = re.compile(r'\b(?:(?:Latest)?Counter|Gauge|Histogram)\(\s*"(\w+)"')
    names = {
        name
        for file in sources
        if "node_modules" not in file.parts
        for name in pattern.findall(file.read_text("utf-8"))
    }

    assert names == METRICS.keys()


def series() -> dict[str, Family[Any]]:
    """The names as Prometheus has them."""
    return {
        name + suffix: family
        for name, family in METRICS.items()
        for suffix in _SUFFIXES[family.kind]
    }


def rules() -> list[dict[str, Any]]:
    groups = YAML(typ="safe").load(ALERTS)["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    """Each expression with where it stands."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]


@pytest.mark.parametrize(("place", "expression"), list(expressions()))
def test_an_expression_is_of_metrics_and_labels_that_there_are(place: str, expression: str) -> None:
    names = set(re.findall(r"\bpipeline_\w+", re.sub(r'"[^"]*"', '""', expression)))
    labels = set(_LABELS.findall(expression))
    for group in _GROUPING.findall(expression):
        labels |= {label.strip() for label in group.split(",") if label.strip()}

    assert names - series().keys() == set()
    assert names or "up{" in expression, place
    own_labels = {label for name in names for label in series()[name].labels}
    assert labels - own_labels - _EVERYWHERE == set()
    assert expression.count("(") == expression.count(")")


def test_each_metric_is_on_the_dashboard() -> None:
    text = " ".join(expression for _, expression in expressions())

    assert [name for name in METRICS if name not in text] == []


def test_an_alert_says_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]

    assert len(names) == len(set(names)) >= 10
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"].keys() == {"summary", "action"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_takes_the_rules() -> None:
    process = subprocess.run(
        ["promtool", "check", "rules", str(ALERTS)], capture_output=True, text=True, check=False
    )

    assert process.returncode == 0, process.stdout + process.stderr


@pytest.mark.parametrize("language", ["", ".zh-CN"])
def test_each_metric_is_documented_with_its_labels(language: str) -> None:
    files = [ROOT / f"docs/operations{language}.md"]
    text = "\n".join(
        file.read_text("utf-8")
        for file in files
        if file.exists() and file.name.endswith(".zh-CN.md") == bool(language)
    )
    rows = dict(re.findall(r"^\| `(pipeline_\w+)` \| ([^|]*) \| [^|]+ \|", text, re.MULTILINE))

    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows.items()} == {
        name + ("_total" if family.kind == "counter" else ""): set(family.labels)
        for name, family in METRICS.items()
    }
