"""A document and its Chinese have the same parts, and lead to each other."""

import re
from pathlib import Path

import pytest

from app.base.settings import ROOT

# Each Chinese document and its English one.
CHINESE = {
    path: path.with_name(path.name.replace(".zh-CN", ""))
    for pattern in ("*.zh-CN.md", "docs/*.zh-CN.md", "clients/*/*.zh-CN.md")
    for path in sorted(ROOT.glob(pattern))
}
both = pytest.mark.parametrize("chinese", CHINESE, ids=lambda path: path.name)


def prose(path: Path) -> str:
    """Return a document without its blocks of code, in which # begins a comment."""
    return re.sub(r"^ *```.*?^ *```", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def parts(path: Path) -> list[tuple[str, int]]:
    """Return each heading's level, with how many rows the tables below it have."""
    _, *sections = re.split(r"^(?=#)", prose(path), flags=re.MULTILINE)
    return [
        (section.partition(" ")[0], len(re.findall(r"^\|", section, re.MULTILINE)))
        for section in sections
    ]


@both
def test_have_the_same_headings_and_tables(chinese: Path) -> None:
    assert parts(chinese) == parts(CHINESE[chinese])


@both
def test_lead_to_each_other(chinese: Path) -> None:
    english = CHINESE[chinese]

    assert f"]({english.name})" in chinese.read_text("utf-8")
    assert f"]({chinese.name})" in english.read_text("utf-8")


@both
def test_name_the_same_tests(chinese: Path) -> None:
    names = [
        set(re.findall(r"tests/\w+/test_\w+\.py", path.read_text("utf-8")))
        for path in (chinese, CHINESE[chinese])
    ]

    assert names[0] == names[1]
