"""The guides of the API: the Markdown files of the project's own documents, as pages to read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from app.global_func import settings

# In this order, and what else lies in the folder of guides behind them.
_FIRST = (
    "quick-start", "api", "idempotency", "retrying", "batches", "late-work", "limits",
    "money-and-months", "time-zones", "events", "answers", "versioning",
)  # fmt: skip
_LAST = ("api-changelog",)
_OF_FOLDER_ABOVE = ("api", "events", "api-changelog")
_ENDINGS = {"en": ".md", "zh": ".zh-CN.md"}
_LINK = re.compile(r"(?:[\w./-]*/)?([\w-]+?)(?:\.zh-CN)?\.md(#.*)?$")
_CHINESE = re.compile(r"[\u2e80-\u9fff\uff00-\uffef]")
# What stands under the title for those who read the file itself.
_OTHER_LANGUAGE = re.compile(r"^\[(?:中文|English)\]\([^)]*\).*?\n\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Section:
    """A part of a guide under its heading: the address of it on the page, and its words."""

    anchor: str
    title: str
    text: str


@dataclass(frozen=True)
class Guide:
    """One guide in one language."""

    name: str
    title: str
    html: Markup
    sections: tuple[Section, ...]


@cache
def guides(lang: str) -> dict[str, Guide]:
    """Return all guides in *lang*, by their names, in the order in which they are shown."""
    folder = settings().root_dir / "docs"
    ending = _ENDINGS[lang]
    files = {
        file.name.removesuffix(ending): file
        for file in sorted((folder / "guides").glob(f"*{ending}"))
        if lang == "zh" or not file.name.endswith(_ENDINGS["zh"])
    }
    for name in _OF_FOLDER_ABOVE:
        file = folder / f"{name}{ending}"
        if file.is_file():
            files[name] = file
    others = [name for name in files if name not in (*_FIRST, *_LAST)]
    names = [name for name in (*_FIRST, *others, *_LAST) if name in files]
    return {name: _guide(name, files[name], lang, names) for name in names}


def guide_address(name: str, lang: str) -> str:
    """Return where a guide is shown."""
    return f"/pipeline_dist/v1/docs/guide?name={name}&_lang={lang}"


def _guide(name: str, file: Path, lang: str, names: list[str]) -> Guide:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    text = _OTHER_LANGUAGE.sub("", file.read_text("utf-8"), count=1)
    tokens = markdown.parse(text)
    title = _words(tokens[1])
    body = tokens[3:]  # the page has the title
    sections = tuple(_name_sections(body, title))
    for token in body:
        _prepare(token, lang, names)
    html = markdown.renderer.render(body, markdown.options, {})
    return Guide(name, title, Markup(html), sections)


def _name_sections(tokens: list[Token], title: str) -> Iterator[Section]:
    """Give each heading its anchor; yield the sections that they begin."""
    texts: list[str] = []
    heading, anchor, count = title, "", 0
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            yield Section(anchor, heading, " ".join(texts))
            count += 1
            anchor, heading, texts = f"section-{count}", _words(tokens[place + 1]), []
            token.attrSet("id", anchor)
        elif token.type in ("inline", "fence"):
            texts.append(_words(token))
    yield Section(anchor, heading, " ".join(texts))


def _words(token: Token) -> str:
    """Return what is read of a token, without its marks."""
    if token.children is None:
        return token.content
    return "".join(" " if part.type == "softbreak" else part.content for part in token.children)


def _join_chinese(parts: list[Token]) -> None:
    """Take away line breaks between characters of Chinese, which browsers show as a blank."""
    for before, part, after in zip(parts, parts[1:], parts[2:], strict=False):
        ends = before.content[-1:], after.content[:1]
        if part.type == "softbreak" and all(_CHINESE.fullmatch(end) for end in ends):
            part.type, part.content = "text", ""


def _prepare(token: Token, lang: str, names: list[str]) -> None:
    """Lead links between the files to the pages, and take those to others away; let what scrolls
    sideways be reached by keys."""
    if token.type in ("fence", "code_block"):
        token.attrSet("tabindex", "0")
    _join_chinese(token.children or [])
    for part in token.children or ():
        href: Any = part.attrGet("href") if part.type == "link_open" else None
        match = _LINK.fullmatch(href) if isinstance(href, str) else None
        if match is not None and match[1] in names:
            part.attrSet("href", guide_address(match[1], lang) + (match[2] or ""))
        elif match is not None:
            del part.attrs["href"]
