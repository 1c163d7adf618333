"""
The types of steps: one JSON Schema each, for the check on saving, the validator and the form.

Beyond JSON Schema: `title` is Chinese, as all titles of fields are (English in i18n/en.json);
`widget` is the kind of field the form shows; `hint` is the sentence said when a value does not
fit; `needed` says what is missing without the key: `error`, or `warning` when a step can do
without it, but hardly.
"""

from collections.abc import Mapping
from typing import Any

from app.global_func import FUNCTION_NAME

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_TEXTS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": {"type": "string"},
    "widget": "json",
}
_INPUTS = {
    **_TEXTS,
    "title": "输入映射",
    "references": True,
    "description": "input, input.NAME, steps.STEP or steps.STEP.NAME for each name",
}
_STATUS = {"type": "integer", "minimum": 100, "maximum": 599}

SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "model": {
        "prompt": {"type": "string", "title": "提示词模板", "widget": "text"},
        "parameters": {
            "type": "object",
            "title": "模型参数",
            "widget": "json",
            "properties": {
                "temperature": {"type": "number", "minimum": 0, "maximum": 2},
                "top_p": {"type": "number", "minimum": 0, "maximum": 1},
                "max_tokens": {"type": "integer", "minimum": 1},
            },
        },
        "inputs": _INPUTS,
    },
    "http": {
        "url": {
            "type": "string",
            "title": "地址",
            "widget": "str",
            "pattern": r"https?://[^\s/?#]\S*",
            "hint": "{key} must be an address such as https://example.com/x.",
            "needed": "error",
        },
        "method": {
            "type": "string",
            "title": "方法",
            "widget": "code",
            "enum": (*METHODS, *(method.lower() for method in METHODS)),
            "choices": METHODS,
            "default": "GET",
            "hint": "{key} must be GET, POST, PUT, PATCH or DELETE.",
        },
        "headers": {
            **_TEXTS,
            "title": "请求头",
        },
        "body": {"title": "请求体模板", "widget": "json"},
        "expected_status": {
            "title": "期望状态码",
            "widget": "json",
            "anyOf": (_STATUS, {"type": "array", "minItems": 1, "items": _STATUS}),
            "hint": "{key} must be a status from 100 to 599, or a list.",
        },
        "inputs": _INPUTS,
    },
    "script": {
        "function": {
            "type": "string",
            "title": "函数",
            "widget": "str",
            "pattern": FUNCTION_NAME.pattern,
            "hint": "{key} must be the name of a function.",
            "needed": "error",
        },
        "arguments": {"type": "object", "title": "参数", "widget": "json"},
        "inputs": _INPUTS,
    },
    "manual": {
        "assignee": {"type": "string", "title": "负责人", "widget": "str"},
        "instruction": {
            "type": "string",
            "title": "操作说明",
            "widget": "text",
            "pattern": r"(?s)\s*\S.*",
            "hint": "{key} must say what to do.",
            "needed": "warning",
        },
        "inputs": _INPUTS,
    },
}


def json_schema(step_type: str) -> dict[str, Any]:
    """Return the schema of a type's configuration as a JSON Schema document; raises KeyError."""
    properties = SCHEMAS[step_type]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": step_type,
        "type": "object",
        "properties": properties,
        "required": [name for name, key in properties.items() if key.get("needed") == "error"],
    }
