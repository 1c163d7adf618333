"""
Tags: the pairs that a client marks its calls with, in a body (`{"team": "a"}`) and in the address
of a list (`tag=team:a`).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from app.global_func import FieldProblem, FieldRule, InvalidFields, check_params
from pipeline_dist.errors import (
    TAG_NOT_TEXT,
    TAG_SEPARATOR,
    TAGS_NOT_AN_OBJECT,
    TOO_MANY_TAGS,
)
from pipeline_dist.reports.errors import BAD_TAG_FILTER

MAX_TAGS = 10
MAX_TAG_KEY, MAX_TAG_VALUE = 40, 100
TAG_KEY = FieldRule(kind="str", length=MAX_TAG_KEY, required=True)
TAG_VALUE = FieldRule(kind="str", length=MAX_TAG_VALUE, blank=True)
TAG_FILTER = FieldRule(kind="str", length=MAX_TAG_KEY + 1 + MAX_TAG_VALUE, required=True)
SEPARATORS = ":,"
TAG_WORDS = (
    "Up to 10 pairs of your own, such as a team or a customer, to list and sum up by. A name has 1"
    " to 40 characters, neither a colon nor a comma among them, a value up to 100."
)


def check_tags(value: Any, problems: list[FieldProblem]) -> dict[str, str]:
    """Return the tags of a body's member `tags`; what is wrong with it goes to *problems*."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        problems.append(TAGS_NOT_AN_OBJECT("tags"))
        return {}
    if len(value) > MAX_TAGS:
        problems.append(TOO_MANY_TAGS("tags", most=MAX_TAGS))
        return {}
    for name, tag in value.items():
        problems += tag_problems(f"tags/{pointer_token(name)}", name, tag)
    return value


def tag_problems(field: str, name: str, value: Any) -> Iterable[FieldProblem]:
    """Yield what is wrong with the tag *name* of this *value*, as problems of *field*."""
    if any(separator in name for separator in SEPARATORS):
        yield TAG_SEPARATOR(field)
    yield from _problems(field, TAG_KEY, name)
    if not isinstance(value, str):
        yield TAG_NOT_TEXT(field)
    else:
        yield from _problems(field, TAG_VALUE, value)


def _problems(field: str, rule: FieldRule, value: str) -> Iterable[FieldProblem]:
    try:
        check_params({field: rule}, {field: value}, strict=True)
    except InvalidFields as exc:
        return exc.problems
    return []


def pointer_token(name: str) -> str:
    """Return a member's name as part of a JSON pointer."""
    return name[:64].replace("~", "~0").replace("/", "~1")


def tag_filters(texts: Sequence[str], problems: list[FieldProblem]) -> list[tuple[str, str]]:
    """Return the tags that the parameters `tag` of an address name, each `name:value`; what is
    wrong with them goes to *problems*."""
    if len(texts) > MAX_TAGS:
        problems.append(TOO_MANY_TAGS("tag", most=MAX_TAGS))
        return []
    tags = []
    for text in texts:
        name, separator, value = text.partition(":")
        if of_text := list(_problems("tag", TAG_FILTER, text)):
            problems += of_text
        elif not separator or not name:
            problems.append(BAD_TAG_FILTER("tag"))
        else:
            problems += tag_problems("tag", name, value)
        tags.append((name, value))
    return tags
