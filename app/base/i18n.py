"""
Sentences in the reader's language.

English templates are written where they are used; their Chinese stands in `i18n/zh.json` of the
host and of each module, that of errors beside the English in the catalogues (app/base/errors.py).
A template that nobody translated is said in English.
"""

import json
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from app.base.clock import iso
from app.base.errors import Message, Sentence

LANGUAGES = ("zh", "en")
ROOT = Path(__file__).resolve().parents[2]


@cache
def _chinese() -> dict[str, str]:
    sentences: dict[str, str] = {}
    for path in sorted([ROOT / "app/i18n/zh.json", *ROOT.glob("pipeline_*/i18n/zh.json")]):
        if path.is_file():
            sentences |= json.loads(path.read_text("utf-8"))
    return sentences


@cache
def _english() -> dict[str, str]:
    sentences: dict[str, str] = {}
    for path in sorted([ROOT / "app/wwwroot/i18n/en.json", *ROOT.glob("pipeline_*/i18n/en.json")]):
        if path.is_file():
            sentences |= json.loads(path.read_text("utf-8"))
    return sentences


def title(chinese: str, lang: str = "en") -> str:
    """Return a title of a model, which is written in Chinese, in *lang*."""
    return chinese if lang == "zh" else _english().get(chinese, chinese)


def translate(text: Message | str, lang: str = "en") -> str:
    """Return *text* in *lang* (`zh` or `en`)."""
    sentence = text if isinstance(text, Message) else Message(text)
    template = sentence.template
    if lang == "zh":
        if isinstance(template, Sentence):
            template = template.zh
        else:
            template = _chinese().get(template, template)
    if not sentence.params:
        return str(template)
    params = {name: _value(value, lang) for name, value in sentence.params.items()}
    return template.format(**params)


def _value(value: Any, lang: str) -> Any:
    if isinstance(value, Message):
        return translate(value, lang)
    return iso(value) if isinstance(value, datetime) else value


@lru_cache(maxsize=1024)
def pick_language(header: str | None, default: str = "en") -> str:
    """Return `zh` or `en` out of `_lang` or an Accept-Language header; *default* when neither is
    named."""
    for part in (header or "").lower().split(","):
        code = part.split(";")[0].strip()[:2]
        if code in LANGUAGES:
            return code
    return default
