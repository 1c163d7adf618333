"""
The samples of every call, made from the OpenAPI document: one sample for each of its examples that
can be sent, in each language that the page shows.

A sample is a whole program: it takes the address and the key from the environment (`BASE`, `KEY`),
says what it got and ends with an error where it was refused.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

JSON = "application/json"
_TEXTS = (JSON, "text/csv")
_IDEMPOTENCY_KEY = "Idempotency-Key"


@dataclass(frozen=True, kw_only=True)
class SampleRequest:
    """
    What a sample sends. `name`: of the document's example, empty for the only one; `headers`:
    besides the key and the body's type; `body`: None for none; `media_type`: of the answer.
    """

    operation: str
    name: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    media_type: str = JSON

    @property
    def target(self) -> str:
        """The path and the query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def file(self) -> str | None:
        """The name of the file that the answer is written to; None where it is a text to show."""
        return None if self.media_type in _TEXTS else self.path.rpartition("/")[2]


def sample_requests(document: Mapping[str, Any]) -> list[SampleRequest]:
    """Return the request of each example of each call in *document*."""
    return [
        request
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for request in _of_operation(path, method, operation)
    ]


def _of_operation(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[SampleRequest]:
    content = operation.get("requestBody", {}).get("content", {}).get(JSON, {})
    bodies = {name: item["value"] for name, item in content.get("examples", {}).items()}
    parameters = operation.get("parameters", ())
    answer = next(item for status, item in operation["responses"].items() if status < "300")
    for name in _names(bodies, parameters):
        yield SampleRequest(
            operation=operation["operationId"],
            name=name,
            method=method.upper(),
            path=path,
            query=_values(parameters, "query", name),
            headers=_values(parameters, "header", name),
            body=bodies.get(name),
            media_type=next(iter(answer["content"])),
        )


def _names(bodies: Mapping[str, Any], parameters: Any) -> list[str]:
    if bodies:
        return [*bodies]
    names = {name: None for item in parameters for name in item.get("examples", ())}
    return [*names] or [""]


def _values(parameters: Any, place: str, name: str) -> dict[str, str]:
    """Return the values that the example of this *name* has in the query or the head; those of
    the example `any` are in all."""
    return {
        item["name"]: str(example["value"])
        for item in parameters
        if item["in"] == place
        for example in [item.get("examples", {}).get(name) or item.get("examples", {}).get("any")]
        if example is not None
    }


def curl(request: SampleRequest) -> str:
    """Return the sample as a command of a shell."""
    parts = [
        "curl -sS --fail-with-body",
        f'"$BASE{request.target}"',
        '-H "Authorization: Bearer $KEY"',
    ]
    parts += [f'-H "{name}: {value}"' for name, value in request.headers.items()]
    if request.body is not None:
        text = _indented(_pretty(request.body), 2).replace("'", "'\\''")
        parts += [f'-H "Content-Type: {JSON}"', f"-d '{text}'"]
    elif request.method != "GET":
        parts.append(f"-X {request.method}")
    if request.file is not None:
        parts.append(f"-o {request.file}")
    return " \\\n  ".join(parts)


def python(request: SampleRequest) -> str:
    """Return the sample in Python, with httpx."""
    headers = {"Authorization": "Bearer {os.environ['KEY']}", **request.headers}
    lines = ["import os", "", "import httpx", "", f"answer = httpx.{request.method.lower()}("]
    lines.append(f"    f\"{{os.environ['BASE']}}{request.target}\",")
    lines.append("    headers={")
    for name, value in headers.items():
        mark = "f" if "{" in value else ""
        lines.append(f'        "{name}": {mark}"{value}",')
    lines.append("    },")
    if request.body is not None:
        lines.append(f"    json={_indented(_python(request.body), 4)},")
    lines += [")", 'print(answer.status_code, answer.headers.get("Content-Type"))']
    lines += ["if answer.is_error:", "    raise SystemExit(answer.text)"]
    if request.file is None:
        lines.append("print(answer.text)")
    else:
        lines += [f'with open("{request.file}", "wb") as file:', "    file.write(answer.content)"]
    return "\n".join(lines)


def javascript(request: SampleRequest) -> str:
    """Return the sample as an ECMAScript module, for Node 18 and later."""
    headers = {"Authorization": "Bearer ${process.env.KEY}", **_headers_with_type(request)}
    lines = ['import { writeFile } from "node:fs/promises";', ""] if request.file else []
    lines.append(f"const answer = await fetch(`${{process.env.BASE}}{request.target}`, {{")
    lines += [f'  method: "{request.method}",', "  headers: {"]
    for name, value in headers.items():
        text = f"`{value}`" if "$" in value else json.dumps(value)
        lines.append(f'    "{name}": {text},')
    lines.append("  },")
    if request.body is not None:
        lines.append(f"  body: JSON.stringify({_indented(_pretty(request.body), 2)}),")
    lines += ["});", "if (!answer.ok) {"]
    lines += ["  throw new Error(`${answer.status} ${await answer.text()}`);", "}"]
    if request.file is None:
        lines.append("console.log(answer.status, await answer.text());")
    else:
        lines.append(f'await writeFile("{request.file}", Buffer.from(await answer.arrayBuffer()));')
    return "\n".join(lines)


def go(request: SampleRequest) -> str:
    """Return the sample in Go, with its standard library alone."""
    imports = ["fmt", "io", "net/http", "os", *(["strings"] if request.body is not None else [])]
    lines = ["package main", "", "import (", *(f'\t"{name}"' for name in imports), ")", ""]
    lines.append("func main() {")
    body = "nil"
    if request.body is not None:
        lines.append(f"\tbody := strings.NewReader({_go_text(_pretty(request.body))})")
        body = "body"
    lines.append(
        f'\trequest, err := http.NewRequest("{request.method}",'
        f' os.Getenv("BASE")+"{request.target}", {body})'
    )
    lines += _GO_PANIC
    lines.append('\trequest.Header.Set("Authorization", "Bearer "+os.Getenv("KEY"))')
    for name, value in _headers_with_type(request).items():
        lines.append(f'\trequest.Header.Set("{name}", {json.dumps(value)})')
    lines += ["\tanswer, err := http.DefaultClient.Do(request)", *_GO_PANIC]
    lines += ["\tdefer answer.Body.Close()", "\ttext, err := io.ReadAll(answer.Body)", *_GO_PANIC]
    lines += ["\tif answer.StatusCode >= 300 {", "\t\tpanic(string(text))", "\t}"]
    if request.file is None:
        lines.append("\tfmt.Println(answer.Status, string(text))")
    else:
        lines.append(f'\terr = os.WriteFile("{request.file}", text, 0o600)')
        lines += _GO_PANIC
        lines.append("\tfmt.Println(answer.Status)")
    lines += ["}", ""]
    return "\n".join(lines)


_GO_PANIC = ["\tif err != nil {", "\t\tpanic(err)", "\t}"]


def php(request: SampleRequest) -> str:
    """Return the sample in PHP 8, with its extension curl."""
    lines = ["<?php", f"$request = curl_init(getenv('BASE') . {_php_text(request.target)});"]
    lines += ["curl_setopt_array($request, [", "    CURLOPT_RETURNTRANSFER => true,"]
    if request.method != "GET":
        lines.append(f"    CURLOPT_CUSTOMREQUEST => '{request.method}',")
    lines += ["    CURLOPT_HTTPHEADER => [", "        'Authorization: Bearer ' . getenv('KEY'),"]
    for name, value in _headers_with_type(request).items():
        lines.append(f"        {_php_text(f'{name}: {value}')},")
    lines.append("    ],")
    if request.body is not None:
        lines.append(f"    CURLOPT_POSTFIELDS => json_encode({_indented(_php(request.body), 4)}),")
    lines += ["]);", "$text = curl_exec($request);"]
    lines.append("$status = curl_getinfo($request, CURLINFO_RESPONSE_CODE);")
    lines += ["if ($text === false || $status >= 300) {"]
    lines += ['    fwrite(STDERR, "$status $text\\n");', "    exit(1);", "}"]
    if request.file is None:
        lines.append('echo "$status $text\\n";')
    else:
        lines.append(f"file_put_contents('{request.file}', $text);")
    return "\n".join(lines)


@dataclass(frozen=True)
class Language:
    """One that samples are shown in: its name, the ending of a program's file, and the maker."""

    name: str
    suffix: str
    write: Callable[[SampleRequest], str]


LANGUAGES = (
    Language("curl", "sh", curl),
    Language("Python", "py", python),
    Language("JavaScript", "mjs", javascript),
    Language("Go", "go", go),
    Language("PHP", "php", php),
)


def _headers_with_type(request: SampleRequest) -> dict[str, str]:
    """Return the headers with the body's type, where there is one."""
    return {**request.headers, **({} if request.body is None else {"Content-Type": JSON})}


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _indented(text: str, width: int) -> str:
    """Return *text* with all lines but the first moved to the right."""
    return text.replace("\n", "\n" + " " * width)


def _python(value: Any) -> str:
    return _literal(value, {True: "True", False: "False", None: "None"}, "{}", ": ", json.dumps)


def _php(value: Any) -> str:
    return _literal(value, {True: "true", False: "false", None: "null"}, "[]", " => ", _php_text)


def _literal(
    value: Any, words: Mapping[Any, str], braces: str, arrow: str, quote: Callable[[str], str]
) -> str:
    """Return a value of JSON as a literal of a language that has other words and signs for it."""
    if value is None or isinstance(value, bool):
        return words[value]
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, int | float):
        return json.dumps(value)
    if isinstance(value, dict):
        items = [
            f"{quote(name)}{arrow}{_literal(item, words, braces, arrow, quote)}"
            for name, item in value.items()
        ]
    else:
        items = [_literal(item, words, braces, arrow, quote) for item in value]
        braces = "[]"
    if not items:
        return braces
    rows = "".join(f"    {_indented(item, 4)},\n" for item in items)
    return f"{braces[0]}\n{rows}{braces[1]}"


def _php_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _go_text(text: str) -> str:
    return json.dumps(text) if "`" in text else f"`{text}`"
