"""Words to write JSON Schema with, and the pieces that several schemas share."""

from typing import Any

from pipeline_dist.api_input import LONGEST_KEY
from pipeline_ops.lines import MAX_LINES

Schema = dict[str, Any]


def text(description: str, **more: Any) -> Schema:
    """A string."""
    return {"type": "string", "description": description} | more


def number(description: str, **more: Any) -> Schema:
    """A whole number."""
    return {"type": "integer", "description": description} | more


def money(description: str) -> Schema:
    """A decimal number as text, so that no digit is lost."""
    return text(description, pattern=r"^-?\d+(\.\d+)?$")


def moment(description: str) -> Schema:
    """A time in UTC."""
    return text(description, format="date-time")


def maybe(schema: Schema) -> Schema:
    """*schema*, or null."""
    found = schema | {"type": [schema["type"], "null"]}
    return found | {"enum": [*schema["enum"], None]} if "enum" in schema else found


def ref(name: str) -> Schema:
    """A reference to one of SCHEMAS."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(items: Schema, description: str, **more: Any) -> Schema:
    """A list."""
    return {"type": "array", "items": items, "description": description} | more


def record(description: str, properties: dict[str, Schema], *optional: str) -> Schema:
    """An object in an answer: every property is there except the *optional* ones."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


def body(description: str, properties: dict[str, Schema], *required: str) -> Schema:
    """An object in a request: only these properties, the *required* ones always."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


PIPELINE = text("The line's code.", maxLength=64)
STEP = text("The step's key; empty for none in particular.", maxLength=64)
MODEL = text("The model; empty for none in particular.", maxLength=128)
UNIT = text("What is counted: call, input_token, output_token, second, …", maxLength=32)
CURRENCY = text("ISO 4217 code.", pattern="^[A-Z]{3}$")
KEY = text(
    "A value of your own for each call; the same key never books twice.",
    minLength=1,
    maxLength=LONGEST_KEY,
)
REF = text("Your own number or note; comes back in answers.", maxLength=128)
ERROR = text("What went wrong.", maxLength=4000)
LINES = listed(ref("Line"), "What was used.", maxItems=MAX_LINES)
ENDED = text("How the call ended.", enum=["succeeded", "failed"])
