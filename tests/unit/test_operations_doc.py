"""docs/operations.md in both languages: the same commands, of things that are there."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from app.base.settings import ROOT, Options
from app.manage import commands

FILES = [ROOT / "docs/operations.md", ROOT / "docs/operations.zh-CN.md"]
TEXTS = {file.name: file.read_text("utf-8") for file in FILES}
TEXT = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


def _blocks(text: str) -> list[str]:
    blocks = re.findall(r"```(?:sh|json|yaml)\n(.*?)```", text, re.DOTALL)
    return [re.sub(r"\s+# .*", "", block) for block in blocks]


def _anchors(file: Path) -> set[str]:
    """The anchors of a file's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_both_languages_have_the_same_commands():
    blocks = [_blocks(text) for text in TEXTS.values()]

    assert len(blocks[0]) > 10
    assert blocks[0] == blocks[1]


@TEXT
def test_every_command_is_one(text: str):
    names = set(re.findall(r"manage\.py ([a-z-]+)", text))

    assert names
    assert names <= set(commands())


@TEXT
def test_every_link_leads_somewhere(text: str):
    links = re.findall(r"\]\(([^)\s]+)\)", text)

    assert len(links) > 15
    for link in links:
        path, _, anchor = link.partition("#")
        files = [ROOT / "docs" / path] if path else [f for f in FILES if TEXTS[f.name] == text]
        assert files[0].is_file(), link
        assert not anchor or anchor in _anchors(files[0]), link


@TEXT
def test_every_setting_is_one(text: str):
    table = text.partition('"trusted_proxies"')[2].partition("```sh")[0]
    names = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))

    assert names == {"public_url", "trusted_proxies", "hsts_seconds", "allowed_hosts"}
    assert names <= {option.name for option in fields(Options)}


def test_both_readmes_lead_there():
    for readme, file in zip(("README.md", "README.zh-CN.md"), FILES, strict=True):
        text = (ROOT / readme).read_text("utf-8")
        assert f"](docs/{file.name})" in text
        for anchor in re.findall(rf"docs/{re.escape(file.name)}#([^)]+)\)", text):
            assert anchor in _anchors(file), anchor
