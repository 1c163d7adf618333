"""
A line as a file: JSON or YAML, the same content in one spelling each.

`{kind, format_version, checksum, pipeline, steps, prices?, capacity?}`. There is nothing in it of
where it comes from (no ids, times, status or version), so that a line read from a file gives the
same file again, byte for byte. The checksum is the SHA-256 of all but itself, as canonical JSON.
"""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.global_func import (
    AppError,
    JsonError,
    Message,
    json_encoder,
    parse_json,
    plain_spelling,
)
from pipeline_core.errors import ENVELOPE_UNREADABLE, TOO_LARGE
from pipeline_core.transfer.unreadable import MAX_DEPTH, Unreadable

KIND = "pipeline-line"
FORMAT_VERSION = 1
MAX_BYTES = 5 * 1024 * 1024
FORMATS = {"json": "application/json", "yaml": "application/yaml"}
_HEAD = ("kind", "format_version", "checksum")
# What a reader puts in the place of bytes that are not UTF-8.
_REPLACEMENT = "\ufffd"

Envelope = dict[str, Any]


def _no_other(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} is nothing that JSON has")


_json_text = json_encoder(_no_other, indent=2, sort_keys=True)
_body_text = json_encoder(_no_other, kind=Decimal)
# A fraction counts as the number it is: JSON and YAML need not spell it alike.
_summed_text = json_encoder(_no_other, sort_keys=True, number=plain_spelling)


def build(content: Mapping[str, Any]) -> Envelope:
    """Return *content* (`pipeline`, `steps` and so on) with its head."""
    return {
        "kind": KIND,
        "format_version": FORMAT_VERSION,
        "checksum": checksum(content),
        **content,
    }


def checksum(content: Mapping[str, Any]) -> str:
    """Return SHA-256 of everything in *content* but the head."""
    body = {name: value for name, value in content.items() if name not in _HEAD}
    return hashlib.sha256(_summed_text(body).encode("utf-8")).hexdigest()


def serialize(envelope: Envelope, format_name: str) -> str:
    """Return *envelope* as the text of a file, in its one spelling; `json` or `yaml`."""
    text = _json_text(envelope) + "\n" if format_name == "json" else _write_yaml(envelope)
    # As an escape, which both formats have: as itself it is the mark of a file read wrongly.
    return text.replace(_REPLACEMENT, "\\ufffd")


def parse(text: str) -> Envelope:
    """
    Parse the envelope in *text*, JSON or YAML; raises BadRequest `bad_file`, AppError 413
    `too_large`.

    Only what JSON can say is taken: no tags, anchors, dates or keys that are no texts. No digit
    of a number is lost.
    """
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise TOO_LARGE(limit=MAX_BYTES)
    text = text.removeprefix("\ufeff")
    try:
        _refuse_replacements(text)
        value = (
            parse_json(text, max_depth=MAX_DEPTH, keep_numbers=True)
            if _is_json(text)
            else _read_yaml(text)
        )
        if isinstance(value, dict):
            checksum(value)  # whatever cannot be written is told here
    except JsonError as exc:
        raise ENVELOPE_UNREADABLE(told=exc.message) from None
    except Unreadable as exc:
        raise _bad(
            "line {line}, column {column}: {why}", line=exc.line, column=exc.column, why=exc.text
        ) from None
    except (ValueError, TypeError, RecursionError) as exc:
        raise _bad(
            "there is something in it that JSON has not: {why}", why=str(exc)[:200]
        ) from None
    return _check_head(value)


def parse_body(body: Mapping[str, Any]) -> Envelope:
    """Do as `parse`, of an envelope that is the request's body itself; its fractions are
    Decimal."""
    return parse(_body_text(body))


def _check_head(value: Any) -> Envelope:
    """Return *value* if it is an envelope of ours; raises BadRequest `bad_file`."""
    if not isinstance(value, dict) or value.get("kind") != KIND:
        raise _bad("it says no kind {kind}", kind=KIND)
    version = value.get("format_version")
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise _bad(
            "its format version is {found}, this side reads up to {known}",
            found=str(version)[:20],
            known=FORMAT_VERSION,
        )
    return value


def _is_json(text: str) -> bool:
    return text.lstrip(" \t\r\n").startswith("{")


def _refuse_replacements(text: str) -> None:
    at = text.find(_REPLACEMENT)
    if at >= 0:
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        raise Unreadable(Message("this is not UTF-8; save the file as UTF-8"), line, column)


def _read_yaml(text: str) -> Any:
    from pipeline_core.transfer.yaml_text import read_yaml

    return read_yaml(text)


def _write_yaml(value: Any) -> str:
    from pipeline_core.transfer.yaml_text import write_yaml

    return write_yaml(value)


def _bad(template: str, **params: Any) -> AppError:
    return ENVELOPE_UNREADABLE(told=Message(template, **params))
