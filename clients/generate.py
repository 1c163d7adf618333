"""
What the clients have from the OpenAPI document, written anew: the classes of problems in Python,
the codes of problems and all types in TypeScript.

    py3/bin/python clients/generate.py

Run it after the document has changed; tests/unit/test_clients.py fails until then. The types need
the packages of clients/js (`npm ci` there; build.sh --dev does).
"""

import json
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline_dist.api.openapi.document import document

CLIENTS = Path(__file__).resolve().parent
PROBLEM_CLASSES = CLIENTS / "python/src/pipeline_client/problem_classes.py"
PROBLEM_CODES = CLIENTS / "js/src/problemCodes.ts"
SCHEMA = CLIENTS / "js/src/schema.ts"
MAX_LINE = 100


def problem_classes(codes: list[dict[str, Any]]) -> str:
    """Return the Python file with a class for each code."""
    names = sorted(_class_name(entry["code"]) for entry in codes)
    listing = "".join(f'    "{name}",\n' for name in names)
    classes = "".join(_class(entry) for entry in sorted(codes, key=lambda entry: entry["code"]))
    return (
        '"""A class for each code of the API. Made of its document by clients/generate.py."""\n\n'
        "from pipeline_client.problems import Problem\n\n"
        f"__all__ = [\n{listing}]\n{classes}"
    )


def problem_codes(codes: list[dict[str, Any]]) -> str:
    """Return the TypeScript file with the codes."""
    listing = "".join(
        f"  /** {entry['description']} */\n  {entry['code']}: {entry['status']},\n"
        for entry in sorted(codes, key=lambda entry: entry["code"])
    )
    return (
        "/** The codes of the API and the HTTP status of each. Made of its document by"
        " clients/generate.py. */\n"
        f"export const problemCodes = {{\n{listing}}} as const;\n\n"
        "export type ProblemCode = keyof typeof problemCodes;\n"
    )


def schema(text: str, folder: Path) -> str:
    """Return the TypeScript file with the types of the document *text*, made in *folder*."""
    source, target = folder / "openapi.json", folder / "schema.ts"
    source.write_text(text, "utf-8")
    program = CLIENTS / "js/node_modules/.bin/openapi-typescript"
    subprocess.run(
        [program, source, "--output", target, "--root-types", "--root-types-no-schema-prefix"],
        check=True, capture_output=True, text=True, cwd=CLIENTS / "js",
    )  # fmt: skip
    return target.read_text("utf-8")


def _class_name(code: str) -> str:
    return "".join(word.capitalize() for word in code.split("_"))


def _class(entry: Mapping[str, Any]) -> str:
    sentence = f"{entry['status']}: {entry['description']}"
    lines = textwrap.wrap(sentence, MAX_LINE - 4)
    words = f'"""{sentence}"""' if len(sentence) <= MAX_LINE - 10 else None
    body = words or '"""\n    ' + "\n    ".join(lines) + '\n    """'
    name = _class_name(entry["code"])
    return f'\n\nclass {name}(Problem):\n    {body}\n\n    known_code = "{entry["code"]}"\n'


def main() -> int:
    """Write the files anew."""
    openapi = document("en", public_url="https://pipeline.example")
    codes = openapi["x-error-codes"]
    PROBLEM_CLASSES.write_text(problem_classes(codes), "utf-8")
    PROBLEM_CODES.write_text(problem_codes(codes), "utf-8")
    folder = CLIENTS / "js/.generate"
    folder.mkdir(exist_ok=True)
    SCHEMA.write_text(schema(json.dumps(openapi), folder), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
