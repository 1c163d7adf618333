"""Words to write JSON Schema with, and the pieces that several schemas share."""

from typing import Any

from app.global_func import Message, table

Schema = dict[str, Any]


def text(description: str | Message, **more: Any) -> Schema:
    """Return a string."""
    return {"type": "string", "description": description} | more


def choice(description: str, table_name: str, column: str) -> Schema:
    """Return a string that is one of the choices of a table's *column*."""
    return text(description, enum=list(table(table_name).columns[column].choices))


def number(description: str, **more: Any) -> Schema:
    """Return a whole number."""
    return {"type": "integer", "description": description} | more


def money(description: str) -> Schema:
    """Return a decimal number as text, so that no digit is lost."""
    return text(description, pattern=r"^-?\d+(\.\d+)?$")


def moment(description: str) -> Schema:
    """Return a time in UTC."""
    return text(description, format="date-time")


def maybe(schema: Schema) -> Schema:
    """Return *schema*, or null."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    nullable = schema | {"type": [*kinds, "null"]}
    return nullable | {"enum": [*schema["enum"], None]} if "enum" in schema else nullable


def ref(name: str) -> Schema:
    """Return a reference to one of SCHEMAS."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(items: Schema, description: str, **more: Any) -> Schema:
    """Return a list."""
    return {"type": "array", "items": items, "description": description} | more


def record(description: str, properties: dict[str, Schema], *optional: str) -> Schema:
    """Return an object in an answer: every property is there except the *optional* ones."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


def body(description: str, properties: dict[str, Schema], *required: str) -> Schema:
    """Return an object in a request: only these properties, the *required* ones always."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


# What is said of the same thing in requests and in answers.
PIPELINE_WORDS = "The line's code."
STEP_WORDS = "The step's key; empty for none in particular."
MODEL_WORDS = "The model; empty for none in particular."
UNIT_WORDS = "What is counted: call, input_token, output_token, second, …"
ERROR_WORDS = "What went wrong."

PIPELINE = text(PIPELINE_WORDS)
STEP = text(STEP_WORDS)
MODEL = text(MODEL_WORDS)
UNIT = text(UNIT_WORDS)
CURRENCY = text("ISO 4217 code.", pattern="^[A-Z]{3}$")
