"""
The OpenAPI document and the guides as pages to read: HTML made here, whole without any script,
nothing from afar. A script adds searching and trying (wwwroot/v1/docs/docs.js, modules beside it).
"""

import json
import re
from collections import defaultdict
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, Template
from markupsafe import Markup, escape

from app.global_func import Message, translate
from pipeline_dist.api.docs_words import words_of
from pipeline_dist.api.guides import guide_address, guides
from pipeline_dist.api.openapi.document import document
from pipeline_dist.api.samples import LANGUAGES, SampleRequest, sample_requests

API = "/pipeline_dist/v1"
ADDRESS = f"{API}/docs"


@cache
def page(lang: str) -> str:
    """Return the page of all calls in *lang*, `zh` or `en`."""
    api = document(lang)
    samples: dict[str, list[SampleRequest]] = defaultdict(list)
    for request in sample_requests(api):
        samples[request.operation].append(request)
    return _template("docs.html").render(
        **_of_layout(lang, api, None),
        languages=LANGUAGES,
        samples=samples,
        titles={
            call["operationId"]: f"{method.upper()} {path.removeprefix(API)}"
            for path, methods in api["paths"].items()
            for method, call in methods.items()
        },
        resolve=partial(_resolve, api["components"]["schemas"]),
        kind=_kind,
        range_of=partial(_range, lang),
        pretty=_pretty,
    )


@cache
def guide_page(name: str, lang: str) -> str | None:
    """Return the page of a guide in *lang*; None where there is none of this name."""
    guide = guides(lang).get(name)
    if guide is None:
        return None
    return _template("guide.html").render(**_of_layout(lang, document(lang), name), guide=guide)


@cache
def search_index(lang: str) -> list[dict[str, str]]:
    """Return everything that can be looked for, with where it stands: `kind`, `title`, `text`,
    `address`."""
    api, words = document(lang), words_of(lang)
    home = f"{ADDRESS}?_lang={lang}"
    entries = [
        {"kind": words["guide"], "title": section.title, "text": section.text,
         "address": guide_address(guide.name, lang) + f"#{section.anchor}" * bool(section.anchor)}
        for guide in guides(lang).values()
        for section in guide.sections
    ]  # fmt: skip
    resolve = partial(_resolve, api["components"]["schemas"])
    for path, methods in api["paths"].items():
        for method, call in methods.items():
            address, title = f"{home}#{call['operationId']}", f"{method.upper()} {path}"
            text = f"{call['summary']}. {call['description']}"
            entry = {"kind": words["call"], "title": title, "text": text, "address": address}
            entries.append(entry)
            entries += [
                {"kind": words["field"], "title": name, "text": f"{title}: {about}",
                 "address": address}
                for name, about in _fields(call, resolve).items()
            ]  # fmt: skip
    entries += [
        {"kind": words["code"], "title": item["code"], "text": item["description"],
         "address": f"{home}#fields"}
        for item in api["x-field-codes"]
    ]  # fmt: skip
    entries += [
        {"kind": words["code"], "title": item["code"], "address": f"{home}#code-{item['code']}",
         "text": f"{item['description']} {item['remedy']}"}
        for item in api["x-error-codes"]
    ]  # fmt: skip
    # What is set as code on the pages is plain text in a result.
    return [entry | {"text": entry["text"].replace("`", "")} for entry in entries]


def _fields(call: dict[str, Any], resolve: Any) -> dict[str, str]:
    """Return the parameters and members of a call with what they mean, each name once."""
    result = {item["name"]: item["description"] for item in call.get("parameters", ())}
    answers = [answer for answer in call["responses"].values() if "x-codes" not in answer]
    parts = [*answers, call["requestBody"]] if "requestBody" in call else answers

    def gather(node: dict[str, Any], depth: int = 0) -> None:
        node = resolve(node)
        for part in (*node.get("anyOf", ()), *node.get("allOf", ())):
            gather(part, depth)
        if "items" in node and depth < 4:
            gather(node["items"], depth + 1)
        for name, member in node.get("properties", {}).items():
            result.setdefault(
                name, member.get("description") or resolve(member).get("description", "")
            )
            if depth < 4:
                gather(member, depth + 1)

    for part in parts:
        for media in part["content"].values():
            gather(media["schema"])
    return result


def _of_layout(lang: str, api: dict[str, Any], name: str | None) -> dict[str, Any]:
    """Return what every page of the API has; *name*: of the guide that is shown."""
    other = "en" if lang == "zh" else "zh"
    place = ADDRESS + "?" if name is None else guide_address(name, "").removesuffix("_lang=")
    return {
        "api": api,
        "lang": lang,
        "words": words_of(lang),
        "home": f"{ADDRESS}?_lang={lang}",
        "other": f"{place}_lang={other}",
        "guides": guides(lang).values(),
        "guide_address": partial(guide_address, lang=lang),
        "here": name,
    }


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = _prose
    environment.filters["in_words"] = _in_words
    return environment.get_template(name)


def _resolve(schemas: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    if {"type": "null"} in node.get("anyOf", ()):
        node = node["anyOf"][0]
    return dict(schemas[node["$ref"].rsplit("/", 1)[1]]) if "$ref" in node else node


def _prose(text: str) -> Markup:
    """Set what stands in a sentence's backticks as code."""
    parts = [escape(part) for part in text.split("`")]
    set_as_code = (
        Markup("<code>{}</code>").format(part) if i % 2 else part for i, part in enumerate(parts)
    )
    return Markup("").join(set_as_code)


def _in_words(name: str) -> Markup:
    """Let a name that is written as one word be broken where its words begin."""
    return Markup("<wbr>").join(re.split(r"(?<=[a-z])(?=[A-Z])", name))


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
