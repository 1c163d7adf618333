"""Lines as files, as workflow documents and as diagrams."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import AppError
from pipeline_core import envelope
from pipeline_core.expressions import Expressions
from pipeline_core.references import Places
from pipeline_core.workflow import mermaid, workflow_document, workflow_name
from tests.unit.test_core_validation import line, step

SCHEMA = Path(__file__).resolve().parents[1] / "data/serverless_workflow/workflow.yaml"
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | texts
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


def content(config: Any = None) -> dict[str, Any]:
    return {"pipeline": line()["pipeline"], "steps": [step(config=config or {})]}


@given(values)
@settings(max_examples=150, deadline=None)
def test_a_file_says_the_same_again_byte_for_byte(config: Any) -> None:
    made = envelope.sealed(content({"body": config}))
    for kind in ("json", "yaml"):
        text = envelope.written(made, kind)
        again = envelope.read(text)

        assert again == made
        assert again["checksum"] == envelope.checksum(again)
        assert envelope.written(again, kind) == text


@pytest.mark.parametrize(
    "text",
    ["yes", "no", "on", "null", "~", "2026-01-01", "1:30", "010", "1e3", ".5", "- a", "a: b",
     "&a b", "*a", "!x y", "# no", "line\nline\n", "  led", "trail  ", "\ttab", "🚀\u2028", "=",
     "<<"],
)  # fmt: skip
def test_texts_that_yaml_would_read_otherwise_stay_texts(text: str) -> None:
    made = envelope.sealed(content({"prompt": text, text: text}))

    assert envelope.read(envelope.written(made, "yaml")) == made


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "kind"),
        ("just words", "kind"),
        ("[]", "kind"),
        ("{", "line 1"),
        ('{"kind": NaN}', "NaN"),
        ("a: [", "line"),
        ("kind: other\nformat_version: 1", "kind"),
        ("kind: pipeline-line\nformat_version: 2", "format version is 2"),
        ("kind: pipeline-line\nformat_version: '1'", "format version"),
        ("a: &x 1\nb: *x", "anchors"),
        ("a: &x [1]", "anchors"),
        ("kind: pipeline-line\nkind: pipeline-line", "twice"),
        ("1: a", "must be a text"),
        ("a: !!python/object:os.system x", "line"),
        ("a: !!binary aGk=", "JSON"),
        ("a: .nan", "JSON"),
        ("a: " + "[" * 100, "deep"),
        ("{" * 200, "line 1"),
        ("[" * 100_000, ""),
        ('{"a":' * 100_000, ""),
    ],
)
def test_what_is_no_file_of_ours_is_refused_in_words(text: str, told: str) -> None:
    with pytest.raises(AppError) as caught:
        envelope.read(text)

    assert caught.value.code == "bad_file"
    assert told in str(caught.value)


def test_a_small_file_cannot_unfold_into_a_huge_one() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"b{n}: &b{n} [*{'a' if n == 0 else f'b{n - 1}'}, *{'a' if n == 0 else f'b{n - 1}'}]\n"
        for n in range(40)
    )

    with pytest.raises(AppError, match="anchors"):
        envelope.read(bomb)


def test_a_file_of_more_than_5_mb_is_refused() -> None:
    made = envelope.written(envelope.sealed(content({"prompt": "x" * 5_300_000})), "json")

    with pytest.raises(AppError) as caught:
        envelope.read(made)
    assert (caught.value.code, caught.value.status) == ("too_large", 413)


ALL_KINDS = [
    step(step_key="a", config={"prompt": "About {{input.topic}}", "parameters": {"n": 1}}),
    step(step_key="b", stage=2, step_type="http", model=None, retry_limit=3, config={
        "url": "https://example.com/{{steps.a.id}}", "method": "post", "headers": {"X-A": "{{x}}"},
        "body": {"text": "{{x}}", "n": [1, "{{input.n}}"]}, "inputs": {"x": "steps.a.output"},
    }),
    step(step_key="c", stage=2, step_no=2, step_type="script", model=None,
         config={"function": "http", "arguments": {"a": "{{steps.a.output.text}}"}}),
    step(step_key="off", stage=2, step_no=3, enabled=False),
    step(step_key="stage-2", stage=3, step_type="manual", model=None,
         config={"assignee": "editor", "instruction": "看 {{steps.b.output}}"}),
    step(step_key="plain.url", stage=4, step_type="http", model=None,
         config={"url": "http://127.0.0.1/x"}),
]  # fmt: skip


def test_a_line_is_a_valid_document_of_the_specification() -> None:
    schema = yaml.safe_load(SCHEMA.read_text("utf-8"))
    checker = jsonschema.Draft202012Validator(schema)

    for steps in ([step()], ALL_KINDS, [step(step_key="步骤", retry_limit=1)]):
        document = workflow_document(line(*steps), 7, "0" * 64)
        assert [error.message for error in checker.iter_errors(document)] == []


def test_stages_follow_each_other_and_parallel_steps_fork() -> None:
    document = workflow_document(line(*ALL_KINDS), 7, "0" * 64)

    tasks = [next(iter(task)) for task in document["do"]]
    assert tasks == ["a", "stage-2-fork", "stage-2", "plain.url"]
    fork = document["do"][1]["stage-2-fork"]["fork"]
    assert [next(iter(branch)) for branch in fork["branches"]] == ["b", "c"]
    assert document["document"]["version"] == "7.0.0"
    assert document["document"]["metadata"]["functions"] == ["model", "script.http"]
    retried = fork["branches"][0]["b"]
    assert retried["catch"]["retry"]["limit"]["attempt"]["count"] == 3
    call = retried["try"][0]["attempt"]
    assert call["with"]["method"] == "POST"
    assert call["with"]["endpoint"] == (
        '${ "https://example.com/\\($context.steps["a"]["id"])" }'
    )  # fmt: skip
    assert call["input"] == {"from": {"x": '${ $context.steps["a"] }'}}
    assert call["with"]["body"] == {
        "text": '${ $input["x"] }', "n": [1, '${ $workflow.input["n"] }'],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("code", "name"),
    [("a_b-c", "a-b-c"), ("x" * 64, "x" * 63), ("a_", "a"), ("产线", "line"),
     ("a" * 62 + "_b", "a" * 62)],
)
def test_names_are_made_to_fit(code: str, name: str) -> None:
    assert workflow_name(code) == name


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq to run the expressions")
def test_the_expressions_run() -> None:
    document = workflow_document(line(*ALL_KINDS), 7, "0" * 64)
    context: Any = None
    outputs = {"a": {"id": 5, "text": "hi"}, "stage-2-fork": [{"x": 1}, "c"], "stage-2": "seen"}
    for task in document["do"][:3]:
        ((name, told),) = task.items()
        context = run_jq(told["export"]["as"], outputs[name], context=context)

    assert context == {
        "steps": {"a": outputs["a"], "b": {"x": 1}, "c": "c", "stage-2": "seen"}
    }  # fmt: skip
    write = Expressions(Places(ALL_KINDS).meant, {"x": "steps.a"})
    told = write.template('say "{{input.name}}" \\ {{x.text}} {{steps.a.id}} {{nothing}}')
    assert run_jq(told, None, context=context, workflow={"input": {"name": "N"}},
                  input={"x": {"text": "T"}}) == 'say "N" \\ T 5 {{nothing}}'  # fmt: skip


def run_jq(expression: str, value: Any, **names: Any) -> Any:
    program = expression.strip().removeprefix("${").removesuffix("}")
    arguments = [
        part for name in ("context", "workflow", "input")
        for part in ("--argjson", name, json.dumps(names.get(name)))
    ]  # fmt: skip
    done = subprocess.run(
        ["jq", "-c", *arguments, program], input=json.dumps(value), text=True,
        capture_output=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_a_diagram_has_a_box_for_each_stage_and_nothing_breaks_out_of_a_label() -> None:
    hostile = step(step_key="x", name='"]; click s1 "javascript:alert(1)" <b> `#\n{', stage=2)
    text = mermaid(line(step(), step(step_key="b", step_no=2, enabled=False), hostile))

    lines = text.splitlines()
    assert lines[0] == "flowchart TD"
    assert lines.count("  end") == 2
    assert "  stage1 --> stage2" in lines
    (broken,) = [text for text in lines if text.startswith("    s3[")]
    assert broken.count('"') == 2
    assert "<b>" not in broken
    assert any(text.endswith(":::disabled") for text in lines)
