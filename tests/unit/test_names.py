"""Names are nouns for what they hold, *line* is the metered item, limits say that they are."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    file
    for folder in ("app", "pipeline_core", "pipeline_ops", "pipeline_dist", "clients", "tests")
    for file in (ROOT / folder).rglob("*.py")
    if "node_modules" not in file.parts
)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

# What came of a call, said as such, tells nobody what it is: `rows`, `prices`, `query` do.
PARTICIPLES = frozenset(
    """
    adjusted admitted allowed answered asked begun blocked booked built called changed charged
    checked chosen collected compared completed computed copied counted cut decided decoded deleted
    described done encoded ended escaped expanded failed fetched filtered finished fitted found
    frozen gathered generated given granted grouped held inserted joined kept known left limited
    linked listed loaded made mapped marked matched meant merged moved named noted numbered offered
    opened ordered parsed picked placed planned prepared priced put quoted read recorded refused
    rejected remembered removed rendered replaced resolved rolled rounded said saved scaled sealed
    seen selected sent served settled shown sorted spent started stored succeeded taken told
    translated trimmed typed updated used validated wanted written
    """.split()
)
# A question (`is_known`, `has_ended`), an error by its code (`call_not_found`), a verb and more.
QUESTIONS = ("is_", "has_", "was_", "can_", "may_", "should_")
# These are imperatives too: a function of the name does it.
VERBS = frozenset({"cut", "put", "read"})
# Columns keep their names, also as fields of the rows that are made of them.
COLUMNS = frozenset(
    column["name"]
    for file in ROOT.glob("pipeline_*/models/*.json")
    for column in json.loads(file.read_text("utf-8"))["fields"]
    if "_" in column["name"]
)
EXCEPTIONS = {
    # Members of answers, which clients know.
    "app/endpoints/import_rows.py": {"done", "failed", "skip_failed"},
    "app/web/work_progress.py": {"done"},
    "pipeline_ops/pipeline_ops/rules/limits.py": {"used"},
    "pipeline_ops/pipeline_ops/rules/terms.py": {"matched"},
    "pipeline_ops/pipeline_ops/ledger/rows.py": {"matched"},
    # Members of answers, as records of the Python client have them.
    "clients/python/src/pipeline_client/models.py": {"used", "matched", "admitted", "refused"},
    "clients/python/src/pipeline_client/records.py": {"used"},
    # The left one of four edges.
    "app/records/xlsx_files.py": {"left"},
    # What asyncio calls of a protocol.
    "app/server/shedding.py": {"connection_made"},
    "tests/support/nameserver.py": {"connection_made"},
    # A function that is kept in a field.
    "pipeline_core/pipeline_core/transfer/parts.py": {"read"},
    # Columns of the ledger.
    "tests/bench/peers/fastapi_app.py": {
        "day_used", "matched", "month_used", "quota_used", "spend_used",
    },
    # Checks, which say what they check as a test does.
    "tests/support/schemathesis_hooks.py": {
        "begun_calls_are_found", "fitting_requests_are_taken", "other_requests_are_refused",
    },
}  # fmt: skip

# A production line is a pipeline; these are of metered items, or of the lines of a text.
METERED = re.compile(r"pipeline_(ops|dist)/|clients/")
PRODUCTION_LINE = re.compile(r"(^|_)lines?_(ids?|codes?|status|name)$|^(this|own|every)_line$")
# What a pipeline has and neither a metered item nor a line of a text has.
OF_PIPELINES = {"capacity", "code", "current_version", "id", "lock_version"}
OF_TEXTS = {
    "app/access/password_key.py", "app/base/logs.py", "app/cli/demo.py", "app/cli/migrate.py",
    "app/db/migrate.py", "app/db/numbered.py", "app/schema/plan.py",
    "app/endpoints/audit_view.py", "app/endpoints/rights.py", "app/manage.py",
    "app/records/csv_files.py", "app/records/failed_rows.py", "app/runtime/embedded_db.py",
    "app/runtime/processes.py", "app/runtime/workers.py", "app/schema/coercion.py",
    "app/server/metrics.py", "app/web/callers.py",
    "pipeline_core/pipeline_core/endpoints/views.py",
    "pipeline_core/pipeline_core/transfer/envelope.py",
    "pipeline_core/pipeline_core/transfer/serverless_workflow.py",
    "pipeline_core/pipeline_core/transfer/unreadable.py",
    "pipeline_core/pipeline_core/transfer/yaml_text.py",
}  # fmt: skip

# Limits begin with MAX_ or MIN_, portions end with _BATCH_SIZE.
OLD_LIMITS = re.compile(
    r"^_?(MOST|LEAST|LONGEST|SHORTEST|DEEPEST|LARGEST|SMALLEST)_|^_?(LONGEST|LARGEST|DEEPEST)$"
    r"|_AT_(ONCE|A_TIME)$"
)


@cache
def tree_of(file: Path) -> ast.Module:
    """Return the syntax tree of a file of ours."""
    return ast.parse(file.read_text("utf-8"))


def bindings(tree: ast.AST) -> Iterator[tuple[str, int, bool]]:
    """Yield each name that the code itself gives, its line, and whether a function has it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno, False
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno, False
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno, False
        elif isinstance(node, FUNCTIONS):
            yield node.name, node.lineno, True
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name, node.lineno, False


@cache
def names_of(file: Path) -> list[tuple[str, str, str, bool]]:
    """Return the file's path, each name without its mark of privacy, its place, and its kind."""
    path = str(file.relative_to(ROOT))
    return [
        (path, name.strip("_"), f"{path}:{line} {name}", is_function)
        for name, line, is_function in bindings(tree_of(file))
    ]


def pipelines_called_lines(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each name of a line of which the code takes what only a pipeline has, and its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            part: object = node.attr
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            part = node.slice.value
        else:
            continue
        match node.value:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                if part in OF_PIPELINES and re.search(r"(^|_)line$", name):
                    yield name, node.lineno


def is_participle(name: str, *, is_function: bool) -> bool:
    """Return whether *name* says what was done instead of what it is."""
    if name.isupper() or name.startswith(QUESTIONS) or name.endswith("_not_found"):
        return False
    if is_function and name.startswith("test_"):  # a sentence
        return False
    *before, last = name.split("_")
    if last not in PARTICIPLES or (is_function and last in VERBS):
        return False
    return before[-2:] != ["put", "back"]


def test_names_say_what_they_hold() -> None:
    wrong = [
        place
        for file in FILES
        for path, name, place, is_function in names_of(file)
        if is_participle(name, is_function=is_function)
        if name not in COLUMNS | EXCEPTIONS.get(path, set())
    ]

    assert wrong == []


def test_a_production_line_is_a_pipeline() -> None:
    wrong = []
    for file in FILES:
        for path, name, place, _ in names_of(file):
            is_line = re.search(r"(^|_)lines?($|_)", name) is not None
            may_be_one = METERED.match(path) or path in OF_TEXTS or path.startswith("tests/")
            if PRODUCTION_LINE.search(name.lower()) or (is_line and not may_be_one):
                wrong.append(place)

    assert wrong == []


def test_what_has_the_parts_of_a_pipeline_is_called_so() -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{at} {name}"
        for file in FILES
        for name, at in pipelines_called_lines(tree_of(file))
    ]

    assert wrong == []


def test_limits_say_that_they_are_limits() -> None:
    wrong = [place for file in FILES for _, name, place, _ in names_of(file)
             if OLD_LIMITS.search(name)]  # fmt: skip

    assert wrong == []
