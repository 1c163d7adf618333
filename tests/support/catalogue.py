"""The catalogues of refusals, and who names which of their entries."""

import ast
import importlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from app.base.errors import ErrorCode, FieldCode
from tests.support.rooms import files

CATALOGUES = (
    "app.base.catalogue.fields",
    "app.base.catalogue.people",
    "app.base.catalogue.records",
    "app.base.catalogue.requests",
    "pipeline_core.errors",
    "pipeline_ops.errors",
    "pipeline_dist.errors",
    "pipeline_dist.events.errors",
    "pipeline_dist.reports.errors",
    "pipeline_dist.closing.errors",
    "pipeline_dist.webhooks.errors",
    "pipeline_dist.replay.errors",
)
Entry = ErrorCode | FieldCode


@cache
def entries() -> dict[str, Entry]:
    """Return every entry by the name that code calls it by."""
    result: dict[str, Entry] = {}
    for module, name in names():
        assert name not in result, f"{name} stands in two catalogues"
        result[name] = getattr(importlib.import_module(module), name)
    return result


def names() -> Iterator[tuple[str, str]]:
    """Yield the module and the name of what each catalogue itself defines."""
    for module in CATALOGUES:
        for node in ast.parse(files()[module].read_text("utf-8")).body:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    assert isinstance(target, ast.Name)
                    yield module, target.id


def sources() -> Iterable[Path]:
    """Return the files of the code that are no catalogue."""
    return [path for name, path in files().items() if name not in CATALOGUES]


def named_in(source: Path) -> set[str]:
    """Return the names of the entries that the code in *source* uses; an import is no use."""
    tree = ast.parse(source.read_text("utf-8"))
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & entries().keys()


def codes_named_in(paths: Iterable[Path], kind: type[Entry]) -> set[str]:
    """Return the codes of the entries of this *kind* that the code at *paths* uses; the catalogues
    only have them."""
    names = set[str]().union(*(named_in(path) for path in paths if path in sources()))
    return {entry.code for name in names if isinstance(entry := entries()[name], kind)}


# Exceptions that take an entry and its values.
TAKERS = ("CoercionError", "ReplayError", "_Unusable")


def calls() -> Iterator[tuple[str, Entry, list[ast.expr], set[str | None]]]:
    """
    Yield each call that gives an entry its values: the place, the entry, what stands before them
    (a field, a message), and their names; None among them for what `**` unfolds.
    """
    for source in sources():
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            arguments = list(node.args)
            function = node.func.value if isinstance(node.func, ast.Attribute) else node.func
            if isinstance(function, ast.Name) and function.id in TAKERS:
                function = arguments.pop(0)
            if isinstance(function, ast.Name) and function.id in entries():
                words = {word.arg for word in node.keywords}
                yield f"{source.name}:{node.lineno}", entries()[function.id], arguments, words
