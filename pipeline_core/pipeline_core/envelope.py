"""
A line as a file: JSON or YAML, the same content in one spelling each.

`{kind, format_version, checksum, pipeline, steps, prices?, capacity?}`. There is nothing in it of
where it comes from (no ids, times, status or version), so that a line read from a file gives the
same file again, byte for byte. The checksum is the SHA-256 of all but itself, as canonical JSON.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from app.global_func import AppError, BadRequest, JsonError, Text, canonical_json, parse_json

KIND = "pipeline-line"
FORMAT_VERSION = 1
LARGEST = 5 * 1024 * 1024
FORMATS = {"json": "application/json", "yaml": "application/yaml"}
_HEAD = ("kind", "format_version", "checksum")
_DEEPEST = 64
_ODD = re.compile(
    r"[^\n\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_PLAIN = frozenset({"null", "bool", "int", "float"})

Envelope = dict[str, Any]


_SafeDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_SafeDumper):
    """Texts of several lines as blocks; no anchors, which the reader refuses."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    if _ODD.search(value):
        style = '"'  # the only style that writes these as escapes
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def sealed(content: Mapping[str, Any]) -> Envelope:
    """*content* (`pipeline`, `steps` and so on) with its head."""
    return {
        "kind": KIND,
        "format_version": FORMAT_VERSION,
        "checksum": checksum(content),
        **content,
    }


def checksum(content: Mapping[str, Any]) -> str:
    """SHA-256 of everything in *content* but the head."""
    body = {name: value for name, value in content.items() if name not in _HEAD}
    return hashlib.sha256(canonical_json(body).encode("utf-8")).hexdigest()


def written(envelope: Envelope, format_name: str) -> str:
    """*envelope* as the text of a file, in its one spelling; `json` or `yaml`."""
    if format_name == "json":
        return json.dumps(envelope, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    text: str = yaml.dump(
        envelope, Dumper=_Dumper, allow_unicode=True, sort_keys=True, width=1000,
        default_flow_style=False,
    )  # fmt: skip
    return text


def read(text: str) -> Envelope:
    """
    The envelope in *text*, JSON or YAML; raises BadRequest `bad_file`, AppError 413 `too_large`.

    Only what JSON can say is taken: no tags, anchors, dates or keys that are no texts.
    """
    if len(text.encode("utf-8", "replace")) > LARGEST:
        raise AppError(
            "too_large",
            "The file is larger than {limit} bytes. Leave out what is not needed.",
            status=413,
            limit=LARGEST,
        )
    try:
        found = (
            parse_json(text, max_depth=_DEEPEST, floats=True) if _is_json(text) else _yaml(text)
        )
        canonical_json(found)
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        raise _bad("line {line}: {why}", line=mark.line + 1 if mark else 1, why=_why(exc)) from None
    except JsonError as exc:
        raise _bad(exc.template, **exc.params) from None
    except (ValueError, TypeError, RecursionError) as exc:
        raise _bad(
            "there is something in it that JSON has not: {why}", why=str(exc)[:200]
        ) from None
    return _checked_head(found)


def of_body(body: Mapping[str, Any]) -> Envelope:
    """As `read`, of an envelope that is the request's body itself; its fractions are Decimal."""
    return read(json.dumps(body, ensure_ascii=False, default=float))


def _checked_head(found: Any) -> Envelope:
    """*found* if it is an envelope of ours; raises BadRequest `bad_file`."""
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise _bad("it says no kind {kind}", kind=KIND)
    version = found.get("format_version")
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise _bad(
            "its format version is {found}, this side reads up to {known}",
            found=str(version)[:20],
            known=FORMAT_VERSION,
        )
    return found


def _is_json(text: str) -> bool:
    return text.lstrip("\ufeff \t\r\n").startswith("{")


def _yaml(text: str) -> Any:
    depth = 0
    # The events first: aliases could unfold a small file into a huge one.
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refused("anchors and aliases are not allowed", event)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise _refused("too deep", event)
    return yaml.load(text, Loader=_Loader)


def _refused(problem: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """YAML that says what JSON can: dates stay texts, a key stands once and is a text."""


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str) or key in made:
            what = "this key stands twice" if isinstance(key, str) else "a key must be a text"
            raise yaml.MarkedYAMLError(problem=what, problem_mark=key_node.start_mark)
        made[key] = loader.construct_object(value_node, deep=True)
    return made


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
# The safe loader's dates, bytes, sets and merges are nothing that JSON has.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag.rsplit(":", 1)[1] in _PLAIN]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _why(exc: yaml.YAMLError) -> str:
    return str(getattr(exc, "problem", None) or exc)[:200]


def _bad(template: str, **params: Any) -> BadRequest:
    return BadRequest("bad_file", "The file cannot be read: {told}", told=Text(template, **params))
