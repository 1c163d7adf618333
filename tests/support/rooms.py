"""The rooms of the code, in ranks from the ground up, and who reaches into which."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("pipeline_core", "pipeline_ops", "pipeline_dist")

# Rooms of one rank do not know each other. Of app, modules reach `app.global_func` only.
RANKS: tuple[tuple[str, ...], ...] = (
    ("app.base",),
    ("app.schema", "app.runtime"),
    ("app.db",),
    ("app.records", "app.access"),
    ("app.web", "app.people"),
    ("app.endpoints",),
    ("app.server",),
    ("app.global_func", "app.build", "app.backup"),
    ("pipeline_core.errors",),
    ("pipeline_core.definition",),
    ("pipeline_core.draft",),
    ("pipeline_core.lifecycle",),
    ("pipeline_core.transfer",),
    ("pipeline_core.endpoints",),
    ("pipeline_core.init",),
    ("pipeline_ops.errors",),
    ("pipeline_ops.rules", "pipeline_ops.archive"),
    ("pipeline_ops.ledger",),
    ("pipeline_ops.rollup",),
    ("pipeline_ops.calls", "pipeline_ops.tables", "pipeline_ops.reports"),
    ("pipeline_ops.archiving",),
    ("pipeline_ops.endpoints",),
    ("pipeline_ops.init",),
    ("pipeline_dist.errors",),
    ("pipeline_dist.events",),
    ("pipeline_dist.accounts",),
    ("pipeline_dist.admission",),
    ("pipeline_dist.reports",),
    ("pipeline_dist.closing",),
    ("pipeline_dist.webhooks",),
    ("pipeline_dist.api", "pipeline_dist.admin"),
    ("pipeline_dist.replay",),
    ("pipeline_dist.init",),
    ("app.doctor",),
    ("app.cli",),
    ("app.modules",),
    (
        "app.pipeline_app",
        "app.pipeline_parent",
        "app.manage",
        "app.scripts",
        *(f"{name}.scripts" for name in MODULES),
    ),
)
RANK = {room: rank for rank, rooms in enumerate(RANKS) for room in rooms}
FACE = "app.global_func"
_DOTTED = re.compile(r"(?<![\w./-])(?:app|pipeline_(?:core|ops|dist))(?:\.[a-z]\w*)+")


@dataclass(frozen=True, order=True)
class Arrow:
    """A file that names another one: by an import, or by a string that is a module's name."""

    file: str
    target: str


@cache
def files() -> dict[str, Path]:
    """Return all modules of the code by their dotted names; a package has its own name."""
    result = {}
    for top in ("app", *(f"{name}/{name}" for name in MODULES), *(f"{n}/scripts" for n in MODULES)):
        for path in (ROOT / top).rglob("*.py"):
            if not {"node_modules", "wwwroot"} & set(path.parts):
                result[_name(path)] = path
    return result


def _name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    if parts[0] in MODULES and parts[1] == parts[0]:
        parts = parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def room(name: str) -> str | None:
    """Return the room that the module *name* stands in; None for a package that holds rooms."""
    return next((prefix for prefix in RANK if f"{name}.".startswith(f"{prefix}.")), None)


@cache
def arrows() -> tuple[Arrow, ...]:
    """Return every arrow from one of the files to another one."""
    return tuple(
        Arrow(name, target)
        for name, path in files().items()
        for target in sorted({module for word in _words(path) for module in _module(word)})
        if target != name
    )


def _words(path: Path) -> Iterator[str]:
    """Yield the dotted names that *path* imports or has in a string, docstrings left out."""
    tree = _tree(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
    for text in _texts(path):
        yield from _DOTTED.findall(text)


def _module(word: str) -> list[str]:
    """Return the longest beginning of *word* that is a module in a room, if there is one."""
    parts = word.split(".")
    names = [".".join(parts[:length]) for length in range(len(parts), 1, -1)]
    return [name for name in names if name in files() and room(name)][:1]


def strings(tree: ast.AST) -> Iterator[str]:
    """Yield the strings in *tree*, docstrings left out."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in docstrings:
                yield node.value


@cache
def table_owners() -> dict[str, str]:
    """Return the top folder of each table's model, by the table's name."""
    return {
        json.loads(path.read_text("utf-8"))["summary"][0]["name"]: path.parent.parent.name
        for path in [*ROOT.glob("app/models/*.json"), *ROOT.glob("pipeline_*/models/*.json")]
    }


@cache
def tables_named_from_below() -> tuple[Arrow, ...]:
    """Return who names a table of a module above: in SQL, or as a string of its own."""
    first = {
        module: min(rank for prefix, rank in RANK.items() if prefix.startswith(module))
        for module in MODULES
    }
    return tuple(
        Arrow(name, table)
        for name, path in files().items()
        for table, owner in table_owners().items()
        if owner in MODULES and _rank(name) < first[owner]
        if any(names_table(text, table) for text in _texts(path))
    )


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def _texts(path: Path) -> tuple[str, ...]:
    return tuple(strings(_tree(path)))


def _rank(name: str) -> int:
    return RANK[prefix] if (prefix := room(name)) else 0


def names_table(text: str, table: str) -> bool:
    """Return whether *text* is SQL that names *table*, or is its name."""
    in_sql = rf"\b(?:from|join|into|update|table|exists)\s+`?{table}\b|\b{table}\.\w|, {table} "
    return text == table or (table in text and re.search(in_sql, text) is not None)
