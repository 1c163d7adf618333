"""
Every object of the document under a name: programs made from it have a type for each, and what
stands in two places is one type.
"""

from typing import Any

from pipeline_dist.api.openapi.schema import Schema, ref

# An object inside another one is called by both (`StatementLine` is of `Statement.lines`), but for
# these, which are known by a shorter name, or stand in several.
NAMES = {
    "BatchCall": "BatchItem",
    "BatchResultResult": "BatchItemResult",
    "CallCurrent": "CurrentCall",
    "CallListRow": "CallSummary",
    "PipelineDetailVersion": "Version",
    "RefusalError": "FieldProblem",
    "StatementListRow": "StatementSummary",
    "UsageLinesRow": "UsageLine",
    "UsageSumsRow": "UsageSum",
    "UsageSumsTotal": "UsageTotal",
    "VersionStage": "Stage",
}


def named_schemas(schemas: dict[str, Schema]) -> dict[str, Schema]:
    """Return *schemas* with the objects inside them beside them, under names of their own."""
    result: dict[str, Schema] = {}
    names: dict[int, str] = {}

    def lift(node: Schema, name: str) -> Schema:
        """Return a reference to the object *node*, which is called *name*."""
        if id(node) not in names:
            names[id(node)] = NAMES.get(name, name)
            result[names[id(node)]] = flatten(node, names[id(node)])
        return ref(names[id(node)])

    def flatten(node: Schema, owner: str) -> Schema:
        """Return *node*, which *owner* has, with references to the objects inside it."""
        flat = dict(node)
        if "properties" in node:
            flat["properties"] = {
                name: inner(value, owner + _singular(name, value))
                for name, value in node["properties"].items()
            }
        for word in ("allOf", "anyOf"):
            if word in node:
                flat[word] = [flatten(part, owner) for part in node[word]]
        return flat

    def inner(node: Schema, name: str) -> Schema:
        if "properties" in node and node.get("type") == "object":
            return lift(node, name)
        if "items" in node:
            return node | {"items": inner(node["items"], name)}
        return flatten(node, name)

    for name, node in schemas.items():
        result[name] = flatten(node, name)
    return result


def _singular(name: str, node: dict[str, Any]) -> str:
    """Return what one item of the list *name* is called, or *name* itself, as part of a name."""
    word = name.removesuffix("s") if node.get("type") == "array" else name
    return "".join(part.capitalize() for part in word.split("_"))
