"""The OpenAPI document as a page to read: plain HTML made here, no script, nothing from afar."""

import json
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, Template
from markupsafe import Markup, escape

from app.global_func import Message, translate
from pipeline_dist.api.openapi.document import document

_WORDS = {
    "answers": "Answers",
    "body": "Body (JSON)",
    "calls": "Calls",
    "codes": "Codes of refusals",
    "header": "header",
    "list": "A list of:",
    "more": "Members",
    "old": "no longer for new programs",
    "or": "or",
    "parameters": "Parameters",
    "refusals": "Refusals",
    "required": "required",
}


@cache
def page(lang: str) -> str:
    """Return the page in *lang*, `zh` or `en`."""
    api = document(lang)
    schemas = api["components"]["schemas"]

    def resolve(node: dict[str, Any]) -> dict[str, Any]:
        if {"type": "null"} in node.get("anyOf", ()):
            node = node["anyOf"][0]
        return dict(schemas[node["$ref"].rsplit("/", 1)[1]]) if "$ref" in node else node

    return _template().render(
        api=api,
        lang=lang,
        words={name: translate(word, lang) for name, word in _WORDS.items()},
        resolve=resolve,
        kind=_kind,
        range_of=partial(_range, lang),
        pretty=_pretty,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True
    )
    environment.filters["prose"] = _prose
    return environment.get_template("docs.html")


def _prose(text: str) -> Markup:
    """Set what stands in a sentence's backticks as code."""
    parts = [escape(part) for part in text.split("`")]
    set_as_code = (
        Markup("<code>{}</code>").format(part) if i % 2 else part for i, part in enumerate(parts)
    )
    return Markup("").join(set_as_code)


def _kind(node: dict[str, Any]) -> str:
    """Return the type of a value in a word or two."""
    if "$ref" in node:
        return str(node["$ref"]).rsplit("/", 1)[1]
    if "type" not in node and "anyOf" in node:
        return " | ".join(_kind(part) for part in node["anyOf"])
    types = node.get("type", "")
    names = types if isinstance(types, list) else [types]
    return " | ".join(f"[{_kind(node['items'])}]" if name == "array" else name for name in names)


def _range(lang: str, node: dict[str, Any]) -> list[str]:
    """Return what a value is held to, in as few words as can be."""
    parts = [json.dumps(value, ensure_ascii=False) for value in node.get("enum", ())]
    low, high = node.get("minimum"), node.get("maximum")
    if "exclusiveMaximum" in node:
        parts.append(f"{low} ≤ … < {node['exclusiveMaximum']}")
    elif low is not None:
        parts.append(f"{low} … {high}" if high is not None else f"≥ {low}")
    if "maxLength" in node:
        parts.append(
            translate(Message("at most {count} characters", count=node["maxLength"]), lang)
        )
    if node.get("maxItems"):
        parts.append(translate(Message("at most {count} of them", count=node["maxItems"]), lang))
    return parts


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
