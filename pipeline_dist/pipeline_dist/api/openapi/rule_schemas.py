"""From the rules that check a request to the JSON Schema that tells them: one fact, one place."""

from collections.abc import Mapping
from typing import Any

from app.global_func import FieldRule, Message, whole_range
from pipeline_dist.api.openapi.schema import Schema, body, maybe
from pipeline_dist.api.tags import MAX_TAG_KEY, MAX_TAG_VALUE, SEPARATORS
from pipeline_dist.reports.usage import DAY_OR_TIME

# What no line of text may have (Unicode's Cc, Zl and Zp), as the inside of a character class.
# Nothing here looks ahead or behind: not every program's regular expressions can.
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"


def one_line(*, may_be_empty: bool = False, without: str = "", length: int | None = None) -> str:
    """Return what a text of one line fits, of at most *length* characters where that is given: no
    blanks at its ends, no control characters, none of those *without*."""
    end, inner = rf"[^\s{without}{_CONTROL}]", rf"[^{without}{_CONTROL}]"
    many = "*" if length is None else f"{{0,{length - 2}}}"
    text = f"{end}(?:{inner}{many}{end})?"
    return f"^(?:{text})?$" if may_be_empty else f"^{text}$"


# In a header not every program sends or gets other letters unharmed.
_HEADER = "[!-~](?:[ -~]*[!-~])?"
# The years that the server reckons with.
_DAY_OR_TIME = "^[1-9][0-9]{3}-"


def tag_filter_pattern() -> str:
    """Return what a tag in the address of a list fits: its name, a colon and its value."""
    name = one_line(without=SEPARATORS, length=MAX_TAG_KEY)[1:-1]
    value = one_line(may_be_empty=True, length=MAX_TAG_VALUE)[1:-1]
    return f"^{name}:{value}$"


def members(spec: Mapping[str, FieldRule], descriptions: Mapping[str, str]) -> dict[str, Schema]:
    """
    Return the properties of a JSON body that *spec* checks; null is as good as left out where a
    member is not required. Raises KeyError for a rule that *descriptions* has no sentence for.
    """
    return {
        name: schema if rule.required else maybe(schema)
        for name, rule in spec.items()
        for schema in [rule_schema(rule, descriptions[name])]
    }


def body_schema(
    description: str,
    spec: Mapping[str, FieldRule],
    descriptions: Mapping[str, str],
    *required: str,
    **lists: Schema,
) -> Schema:
    """Return a JSON body that *spec* checks, with *lists* of other things; those *required*
    besides."""
    names = [name for name, rule in spec.items() if rule.required]
    return body(description, members(spec, descriptions) | lists, *names, *required)


def query_parameters(
    spec: Mapping[str, FieldRule], descriptions: Mapping[str, str]
) -> tuple[dict[str, Any], ...]:
    """Return the parameters of an address that *spec* checks, one after another."""
    return tuple(
        parameter(name, rule, descriptions[name], where="query") for name, rule in spec.items()
    )


def parameter(name: str, rule: FieldRule, description: str, *, where: str) -> dict[str, Any]:
    """Return a parameter in the `query` or in a `header`."""
    schema = rule_schema(rule, description, where=where)
    text = schema.pop("description")
    return {
        "name": name,
        "in": where,
        "required": rule.required,
        "description": text,
        "schema": schema,
    }


def rule_schema(rule: FieldRule, description: str, *, where: str = "body") -> Schema:
    """
    Return what a value that passes *rule* looks like, sent in the `body`, the `query` or a
    `header`.

    *description* may name the rule's `{default}`, `{length}`, `{minimum}` and `{maximum}`. The
    schema has no `default`: programs made from it would send what nobody asked them to.
    """
    limits = {
        name: getattr(rule, name)
        for name in ("default", "length", "minimum", "maximum")
        if f"{{{name}}}" in description
    }
    text = Message(description, **limits) if limits else description
    return {**_KINDS[rule.kind](rule, where), "description": text}


def _one_line(rule: FieldRule, where: str) -> Schema:
    if rule.choices:
        return {"type": "string", "enum": list(rule.choices)}
    schema: Schema = {"type": "string"}
    if rule.format == DAY_OR_TIME:
        # Each with its type: programs that are made of it have none else.
        schema["anyOf"] = [{"type": "string", "format": name} for name in ("date", "date-time")]
    if not _may_be_empty(rule, where):
        schema["minLength"] = 1
    if rule.length is not None:
        schema["maxLength"] = rule.length
    return schema | {"pattern": _pattern(rule, where)}


def _pattern(rule: FieldRule, where: str) -> str:
    if rule.format == DAY_OR_TIME:
        return _DAY_OR_TIME
    if rule.pattern is not None:
        return f"^(?:{rule.pattern.pattern})$"
    if where == "header":
        return f"^{_HEADER}$"
    return one_line(may_be_empty=_may_be_empty(rule, where))


def _may_be_empty(rule: FieldRule, where: str) -> bool:
    return not rule.required and (rule.blank or (where == "body" and rule.default == ""))


def _lines(rule: FieldRule, where: str) -> Schema:
    schema: Schema = {"type": "string", "pattern": r"^[^\x00]*$"}
    if not _may_be_empty(rule, where):
        schema["minLength"] = 1
    return schema if rule.length is None else schema | {"maxLength": rule.length}


def _whole(rule: FieldRule, where: str) -> Schema:
    low, high = whole_range(rule)
    return {"type": "integer", "minimum": low, "maximum": high}


def _decimal(rule: FieldRule, where: str) -> Schema:
    # No multipleOf for the decimals: programs that reckon in binary would refuse 0.3 by it.
    whole = rule.precision - rule.scale
    sign = "" if rule.minimum is not None and rule.minimum >= 0 else "-?"
    schema: Schema = {
        "type": ["string", "number"],
        "pattern": rf"^{sign}[0-9]{{1,{whole}}}(?:\.[0-9]{{1,{rule.scale}}})?$",
        "exclusiveMaximum": 10**whole,
    }
    return schema if rule.minimum is None else schema | {"minimum": int(rule.minimum)}


def _boolean(rule: FieldRule, where: str) -> Schema:
    if where == "body":
        return {"type": "boolean"}
    return {"type": "string", "enum": ["1", "0", "true", "false"]}


def _moment(rule: FieldRule, where: str) -> Schema:
    return {"type": "string", "format": "date-time", "pattern": _DAY_OR_TIME}


def _date(rule: FieldRule, where: str) -> Schema:
    return {"type": "string", "format": "date", "pattern": _DAY_OR_TIME}


_KINDS = {
    "str": _one_line,
    "text": _lines,
    "int": _whole,
    "bigint": _whole,
    "decimal": _decimal,
    "bool": _boolean,
    "datetime": _moment,
    "date": _date,
}
