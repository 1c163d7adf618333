"""Lines as files, as workflow documents and as diagrams."""

import hashlib
import json
import shutil
import subprocess
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings, strategies as st

from app.base.errors import AppError
from app.base.json_codec import canonical_json
from app.base.json_numbers import kept_json
from pipeline_core.definition.expressions import Expressions
from pipeline_core.definition.references import Places
from pipeline_core.transfer import envelope
from pipeline_core.transfer.serverless_workflow import mermaid, workflow_document, workflow_name
from tests.unit.test_core_validation import pipeline, step

DATA = Path(__file__).resolve().parents[1] / "data"
SCHEMA = DATA / "serverless_workflow/workflow.yaml"
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
WORDS = (
    "yes", "no", "NO", "on", "y", "null", "~", "2026-01-01", "22:30", "1:30", "010", "0300", "0o17",
    "0x1F", "1_000", "1e3", "1.5", ".5", "5.", "+7", "-1", ".inf", ".nan", "=", "<<", "- a", "a: b",
    "&a b", "*a", "!x y", "# no", "line\nline\n", "  led", "trail  ", "\ttab", "a\r\nb", "\ufffd",
    "🚀\u2028", "true", "False", "",
)  # fmt: skip
texts |= st.sampled_from(WORDS)
fractions = st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?",
                          fullmatch=True)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | texts
    | fractions.map(lambda text: kept_json(f"[{text}]")[0]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


def content(config: Any = None) -> dict[str, Any]:
    return {"pipeline": pipeline()["pipeline"], "steps": [step(config=config or {})]}


@given(values)
@settings(max_examples=60, deadline=None)
def test_a_file_says_the_same_again_byte_for_byte(config: Any) -> None:
    file = envelope.build(content({"body": config}))
    for kind in ("json", "yaml"):
        text = envelope.serialize(file, kind)
        again = envelope.parse(text)

        assert again == file
        assert again["checksum"] == envelope.checksum(again)
        assert envelope.serialize(again, kind) == text
        if kind == "yaml":  # PyYAML reads YAML 1.1
            assert as_floats(yaml.safe_load(text)) == as_floats(again)


def as_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: as_floats(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_floats(inner) for inner in value]
    return float(value) if isinstance(value, Decimal) else value


@pytest.mark.parametrize("text", WORDS)
def test_texts_that_yaml_would_read_otherwise_stay_texts(text: str) -> None:
    file = envelope.build(content({"prompt": text, text: text}))
    yaml_text = envelope.serialize(file, "yaml")

    assert envelope.parse(yaml_text) == file
    assert yaml.safe_load(yaml_text) == file


def in_config(spelling: str) -> Any:
    return envelope.parse(f"kind: pipeline-line\nformat_version: 1\nx: {spelling}\n")["x"]


@pytest.mark.parametrize(
    ("spelling", "value"),
    [("22:30", "22:30"), ("1:59:59", "1:59:59"), ("190:20:30.15", "190:20:30.15"), ("NO", "NO"),
     ("yes", "yes"), ("on", "on"), ("y", "y"), ("0300", "0300"), ("0017", "0017"), ("-012", "-012"),
     ("1_000", "1_000"), ("1_000.5", "1_000.5"), ("0b101", "0b101"), ("2026-12-01", "2026-12-01"),
     ("2026-12-01T10:00:00Z", "2026-12-01T10:00:00Z"), ("=", "="), ("01.5", "01.5"), ("1e", "1e"),
     ("0o17", 15), ("0x1F", 31), ("+7", 7), ("0", 0), ("true", True), ("FALSE", False), ("~", None),
     ("", None), ("Null", None), ("'true'", "true"), ('"1"', "1"),
     ("9007199254740993", 9007199254740993)],
)  # fmt: skip
def test_plain_words_are_read_by_yaml_1_2(spelling: str, value: Any) -> None:
    assert (in_config(spelling), type(in_config(spelling))) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "spelling"),
    [("1.0", "1.0"), ("1.10", "1.10"), ("0.1000000000000000055511151231257827", None),
     ("1e3", None), ("-2.5E-3", None), (".5", "0.5"), ("-.5", "-0.5"), ("5.", "5.0"),
     ("+1.5", "1.5")],
)  # fmt: skip
def test_fractions_keep_their_digits(text: str, spelling: str | None) -> None:
    number = in_config(text)

    assert number.spelling == (spelling or text)
    assert f'"x": {number.spelling}' in envelope.serialize({"x": number}, "json")


def test_exported_json_and_yaml_have_one_checksum() -> None:
    file = envelope.parse((DATA / "pipeline-exact-config.json").read_text("utf-8"))
    file["steps"][0]["config"]["parameters"] |= kept_json('{"a": 1e3, "b": 1E-7, "c": 0.10}')
    export = envelope.build({"pipeline": file["pipeline"], "steps": file["steps"]})

    for kind in ("json", "yaml"):
        text = envelope.serialize(export, kind)
        again = envelope.parse(text)
        assert "9007199254740993" in text
        assert '"temperature": 1.0' in text or "temperature: 1.0\n" in text
        assert envelope.checksum(again) == again["checksum"] == export["checksum"]


def test_a_checksum_is_what_it_was_when_fractions_were_floats() -> None:
    content = {"x": [0.2, 1.0, 1e-7, 1e16, 1.5e300, 12345.678]}
    old = hashlib.sha256(canonical_json(content).encode()).hexdigest()

    assert envelope.checksum(kept_json(json.dumps(content))) == old
    numbers = "[0.2, 1.0, 1.0e-7, 1.0e+16, 1.5e+300, 12345.678]"
    as_yaml = f"kind: pipeline-line\nformat_version: 1\nx: {numbers}\n"
    assert envelope.checksum(envelope.parse(as_yaml)) == old


def test_the_other_values_of_yaml_1_1_are_the_texts_that_stand_there() -> None:
    text = (DATA / "pipeline-yaml-1.1-values.yaml").read_text("utf-8").replace("12e4567", "a4567")
    (step,) = envelope.parse(text)["steps"]

    assert step["timeout_seconds"] == "0300"
    assert step["config"]["body"] == {
        "start": "22:30", "country": "NO", "batch": "1_000", "build": "a4567",
    }  # fmt: skip


HOSTILE = {
    "base 60": ("x: 1" + ":59" * 160_000, None),
    "flow list": ("x: [" + "1," * 1_000_000 + "1]", "more than 100000 values"),
    "long number": ("x: " + "1" * 1_000_000, "too long"),
    "long fraction": ('{"x": 0.' + "1" * 1_000_000 + "}", "more than 1000"),
    "long whole number": ('{"x": ' + "1" * 1_000_000 + "}", "more than 1000"),
    "one plain text": ("x: y\n" + "  y z\n" * 100_000, None),
    "open brackets": ("[" * 1_000_000, "levels"),
    "second document": ("a: 1\n---\n" * 100_000, "second document"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_took_quadratic_time_is_read_in_some_seconds(name: str) -> None:
    """Of 480 kB in base 60 the reader before this one took 14 s, sixteen times that of 120 kB."""
    text, sentence = HOSTILE[name]
    if not text.startswith(("{", "[")):
        text = f"kind: pipeline-line\nformat_version: 1\n{text}"
    began = time.process_time()
    if sentence is None:
        assert envelope.parse(text)["x"]
    else:
        with pytest.raises(AppError, match=sentence):
            envelope.parse(text)

    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("text", "sentence"),
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
        ("kind: pipeline-line\nkind: pipeline-line", "line 2, column 1: the key kind"),
        ("1: a", "must be a text"),
        ("a: !!python/object:os.system x", "line 1, column 4: tags"),
        ("a: !!binary aGk=", "tags"),
        ("a: !x y", "tags"),
        ("a: {<<: {b: 1}}", "line 1, column 5: merge keys"),
        ("%YAML 1.1\n---\na: 1", "1.2"),
        ("a: \x07", "line 1, column 4"),
        ("a: 1\nb: caf\ufffd", "line 2, column 7: this is not UTF-8"),
        ('{"a":\n "\ufffd"}', "line 2, column 3: this is not UTF-8"),
        ('{"a": 1,\n\t"b": {"c": 1, "c": 1}}', "The name c stands twice in one object: line 2,"),
        ('{"a": 0e-100000000}', "too large"),
        ('{"a": 1e401}', "line 1, column 7"),
        ("a: 1e50000000", "quotes"),
        ("a: .nan", "NaN"),
        ("a: -.inf", "infinity"),
        ("a: " + "[" * 100, "levels"),
        ("{" * 200, "line 1"),
        ("[" * 100_000, ""),
        ('{"a":' * 100_000, ""),
    ],
)
def test_what_is_no_file_of_ours_is_refused_in_words(text: str, sentence: str) -> None:
    with pytest.raises(AppError) as caught:
        envelope.parse(text)

    assert caught.value.code == "bad_file"
    assert sentence in str(caught.value)


def test_a_small_file_cannot_unfold_into_a_huge_one() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"b{n}: &b{n} [*{'a' if n == 0 else f'b{n - 1}'}, *{'a' if n == 0 else f'b{n - 1}'}]\n"
        for n in range(40)
    )

    with pytest.raises(AppError, match="anchors"):
        envelope.parse(bomb)


def test_a_file_of_more_than_5_mb_is_refused() -> None:
    file = envelope.serialize(envelope.build(content({"prompt": "x" * 5_300_000})), "json")

    with pytest.raises(AppError) as caught:
        envelope.parse(file)
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


def test_a_pipeline_is_a_valid_document_of_the_specification() -> None:
    schema = yaml.safe_load(SCHEMA.read_text("utf-8"))
    checker = jsonschema.Draft202012Validator(schema)

    for steps in ([step()], ALL_KINDS, [step(step_key="步骤", retry_limit=1)]):
        document = workflow_document(pipeline(*steps), 7, "0" * 64)
        assert [error.message for error in checker.iter_errors(document)] == []


def test_stages_follow_each_other_and_parallel_steps_fork() -> None:
    document = workflow_document(pipeline(*ALL_KINDS), 7, "0" * 64)

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
    [
        ("a_b-c", "a-b-c"),
        ("x" * 64, "x" * 63),
        ("a_", "a"),
        ("产线", "line"),
        ("a" * 62 + "_b", "a" * 62),
    ],
)
def test_names_are_made_to_fit(code: str, name: str) -> None:
    assert workflow_name(code) == name


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq to run the expressions")
def test_the_expressions_run() -> None:
    document = workflow_document(pipeline(*ALL_KINDS), 7, "0" * 64)
    context: Any = None
    outputs = {"a": {"id": 5, "text": "hi"}, "stage-2-fork": [{"x": 1}, "c"], "stage-2": "seen"}
    for task in document["do"][:3]:
        ((name, expression),) = task.items()
        context = run_jq(expression["export"]["as"], outputs[name], context=context)

    assert context == {
        "steps": {"a": outputs["a"], "b": {"x": 1}, "c": "c", "stage-2": "seen"}
    }  # fmt: skip
    write = Expressions(Places(ALL_KINDS).resolve, {"x": "steps.a"})
    expression = write.template('say "{{input.name}}" \\ {{x.text}} {{steps.a.id}} {{nothing}}')
    assert run_jq(expression, None, context=context, workflow={"input": {"name": "N"}},
                  input={"x": {"text": "T"}}) == 'say "N" \\ T 5 {{nothing}}'  # fmt: skip


def run_jq(expression: str, value: Any, **names: Any) -> Any:
    program = expression.strip().removeprefix("${").removesuffix("}")
    arguments = [
        part for name in ("context", "workflow", "input")
        for part in ("--argjson", name, json.dumps(names.get(name)))
    ]  # fmt: skip
    process = subprocess.run(
        ["jq", "-c", *arguments, program], input=json.dumps(value), text=True,
        capture_output=True, check=True,
    )  # fmt: skip
    return json.loads(process.stdout)


def test_a_diagram_has_a_box_for_each_stage_and_nothing_breaks_out_of_a_label() -> None:
    hostile = step(step_key="x", name='"]; click s1 "javascript:alert(1)" <b> `#\n{', stage=2)
    text = mermaid(pipeline(step(), step(step_key="b", step_no=2, enabled=False), hostile))

    lines = text.splitlines()
    assert lines[0] == "flowchart TD"
    assert lines.count("  end") == 2
    assert "  stage1 --> stage2" in lines
    (broken,) = [text for text in lines if text.startswith("    s3[")]
    assert broken.count('"') == 2
    assert "<b>" not in broken
    assert any(text.endswith(":::disabled") for text in lines)
