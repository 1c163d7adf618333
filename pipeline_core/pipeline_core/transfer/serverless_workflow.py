"""
A line as a document of the CNCF Serverless Workflow DSL 1.0, and as a Mermaid diagram.

Stages become the tasks of `do`, one after another; a stage of several steps becomes a `fork`.
Disabled steps do not run and are left out. `http` steps are HTTP calls, `manual` steps wait for
an event, `model` and `script` steps call functions that the runtime has to know (they are listed
under `document.metadata.functions`). Each step's output is kept in the context, where later steps
find it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline_core.definition.expressions import Expressions
from pipeline_core.definition.references import Places
from pipeline_core.definition.snapshot import Definition
from pipeline_core.definition.stages import layout_of

Step = Mapping[str, Any]
Task = dict[str, Any]

DSL = "1.0.0"
NAMESPACE = "pipelines"
# Names that the DSL keeps for its own calls.
_RESERVED = frozenset({"asyncapi", "grpc", "http", "openapi", "a2a", "mcp"})


def workflow_document(
    definition: Definition, version_no: int | None, checksum: str
) -> dict[str, Any]:
    """Return the document of *definition*; *version_no* None: a draft, which is version 0.0.0."""
    pipeline = definition["pipeline"]
    enabled = [step for step in definition["steps"] if step["enabled"]]
    places = Places(definition["steps"])
    document: dict[str, Any] = {
        "dsl": DSL,
        "namespace": NAMESPACE,
        "name": workflow_name(pipeline["code"]),
        "version": f"{version_no or 0}.0.0",
        "title": pipeline["name"],
        "metadata": {
            "code": pipeline["code"],
            "checksum": checksum,
            "functions": sorted({_function(step) for step in enabled} - {""}),
        },
    }
    if pipeline["description"]:
        document["summary"] = pipeline["description"]
    by_key = {step["step_key"]: step for step in enabled}
    names_in_use = set(by_key)
    tasks = []
    for number, keys in enumerate(layout_of(enabled), 1):
        stage = [(key, _task(by_key[key], places)) for key in keys]
        tasks.append(_alone(*stage[0]) if len(stage) == 1 else _fork(number, stage, names_in_use))
    return {"document": document, "do": tasks}


def workflow_name(code: str) -> str:
    """Return *code* as a name that the DSL allows: letters, digits and hyphens, at most 63."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", code)[:63].strip("-") or "line"


def _alone(key: str, task: Task) -> dict[str, Task]:
    return {key: {**task, "export": {"as": _keep({key: "."})}}}


def _fork(
    number: int, stage: Sequence[tuple[str, Task]], names_in_use: set[str]
) -> dict[str, Task]:
    name = f"stage-{number}"
    while name in names_in_use:
        name += "-fork"
    branches = [{key: task} for key, task in stage]
    # A fork answers with the outputs of its branches in their order.
    outputs = {key: f".[{place}]" for place, (key, _) in enumerate(stage)}
    return {
        name: {
            "fork": {"compete": False, "branches": branches},
            "export": {"as": _keep(outputs)},
        }
    }


def _keep(outputs: Mapping[str, str]) -> str:
    pairs = ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {v}" for k, v in outputs.items())
    return f"${{ . as $out | ($context // {{}}) | .steps += ($out | {{ {pairs} }}) }}"


def _task(step: Step, places: Places) -> Task:
    config = step["config"] if isinstance(step["config"], dict) else {}
    inputs = config.get("inputs")
    inputs = inputs if isinstance(inputs, dict) else {}
    write = Expressions(places.resolve, {})
    task: Task = {"metadata": {"title": step["name"], "step_type": step["step_type"]}}
    if inputs:
        expressions = {name: write.map(v) for name, v in inputs.items() if isinstance(v, str)}
        task["input"] = {"from": expressions}
    task |= _CALLS.get(step["step_type"], _manual)(
        step, config, Expressions(places.resolve, inputs)
    )
    task["timeout"] = {"after": {"seconds": step["timeout_seconds"]}}
    if not step["retry_limit"]:
        return task
    metadata = task.pop("metadata")
    retry = {"limit": {"attempt": {"count": step["retry_limit"]}}}
    return {
        "metadata": metadata,
        "try": [{"attempt": task}],
        "catch": {"retry": retry},
    }


def _model(step: Step, config: Mapping[str, Any], write: Expressions) -> Task:
    arguments: dict[str, Any] = {"model": step["model"]}
    for name in ("prompt", "parameters"):
        if name in config:
            arguments[name] = write.template(config[name])
    return {"call": _function(step), "with": arguments}


def _script(step: Step, config: Mapping[str, Any], write: Expressions) -> Task:
    arguments = config.get("arguments")
    arguments = write.template(arguments) if isinstance(arguments, dict) else {}
    return {"call": _function(step), "with": arguments}


def _http(step: Step, config: Mapping[str, Any], write: Expressions) -> Task:
    request: dict[str, Any] = {
        "method": str(config.get("method") or "GET").upper(),
        "endpoint": write.template(config.get("url") or ""),
    }
    for name in ("headers", "body"):
        if name in config:
            request[name] = write.template(config[name])
    return {"call": "http", "with": request}


def _manual(step: Step, config: Mapping[str, Any], write: Expressions) -> Task:
    texts = {n: write.template(config[n]) for n in ("assignee", "instruction") if n in config}
    event = {"type": f"pipelines.manual.{step['step_key']}"}
    metadata = {"title": step["name"], "step_type": step["step_type"], **texts}
    return {"listen": {"to": {"one": {"with": event}}}, "metadata": metadata}


_CALLS = {"model": _model, "script": _script, "http": _http, "manual": _manual}


def _function(step: Step) -> str:
    if step["step_type"] == "model":
        return "model"
    if step["step_type"] != "script":
        return ""
    name = str(step["config"].get("function") or step["step_key"])
    return f"script.{name}" if name in _RESERVED else name


def mermaid(definition: Definition) -> str:
    """Return *definition* as a Mermaid flowchart: a box for each stage, its steps side by side."""
    by_key = {step["step_key"]: step for step in definition["steps"]}
    lines = ["flowchart TD"]
    count = 0
    layout = layout_of(definition["steps"])
    for number, keys in enumerate(layout, 1):
        lines.append(f'  subgraph stage{number}["{number}"]')
        for key in keys:
            count += 1
            step = by_key[key]
            label = "<br/>".join(_words(step))
            lines.append(f'    s{count}["{label}"]' + ("" if step["enabled"] else ":::disabled"))
        lines.append("  end")
    lines += [f"  stage{n} --> stage{n + 1}" for n in range(1, len(layout))]
    lines.append("  classDef disabled stroke-dasharray: 4 4,opacity: 0.5")
    return "\n".join(lines) + "\n"


def _words(step: Step) -> list[str]:
    what = f"{step['step_type']} · {step['model']}" if step["model"] else step["step_type"]
    return [_escape(step["name"]), _escape(step["step_key"]), _escape(what)]


def _escape(text: str) -> str:
    """Return *text* with nothing in it that Mermaid would read: entities by number, no line
    breaks."""
    return "".join(
        f"#{ord(sign)};" if sign in '"#<>&;`[]{}|\\' or ord(sign) < 32 else sign for sign in text
    )
