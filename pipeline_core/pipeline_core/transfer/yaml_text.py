"""
YAML 1.2 as far as JSON goes, read and written.

Read by the core schema: no numbers in base 60, no octal by a leading zero, no `NO` for false.
Where readers of YAML 1.1 and 1.2 take a plain word for different things, it is the text that
stands there. What is written has nothing in it that the two read differently.

With this module comes ruamel.yaml: import it where YAML is read or written, so that a worker loads
it for the first such file.
"""

import io
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.representer import SafeRepresenter

from app.global_func import JsonNumber, Message, is_bounded
from pipeline_core.transfer.unreadable import MAX_DEPTH, Unreadable

# Some seconds of a thread; a line of a thousand steps has a third of them.
MAX_VALUES = 100_000

_LINE_WIDTH = 1000
_ODD = re.compile(
    r"[^\n\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffc\U00010000-\U0010ffff]"
)
# Words that one version or the other reads as null, true or false.
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {
    word: value
    for name, value in (("true", True), ("false", False))
    for word in (name, name.title(), name.upper())
}
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_IN_BASE = {"0o": (re.compile(r"0o[0-7]+"), 8), "0x": (re.compile(r"0x[0-9a-fA-F]+"), 16)}
_FRACTION = re.compile(
    r"(?P<sign>[-+]?)(?P<whole>0|[1-9][0-9]*|(?=\.[0-9]))(?P<point>\.[0-9]*)?(?P<power>[eE][-+]?[0-9]+)?"
)
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def read_yaml(text: str) -> Any:
    """
    Read the value of a YAML document that says what JSON can; its fractions are JsonNumber.

    Raises Unreadable: for syntax, for tags, anchors and merge keys, a key that stands twice or is
    no text, a number beyond all use, and for more than MAX_VALUES values or MAX_DEPTH levels.
    """
    reader = _Reader()
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            reader.take(event)
    except MarkedYAMLError as exc:
        raise _unreadable(_why(exc), exc.problem_mark) from None
    except ReaderError as exc:
        before = text[: exc.position]
        place = before.count("\n") + 1, exc.position - (before.rfind("\n") + 1) + 1
        raise Unreadable(Message("this character is not allowed in YAML"), *place) from None
    except YAMLError as exc:
        raise Unreadable(str(exc)[:200], 1, 1) from None
    except (RecursionError, ValueError) as exc:
        if isinstance(exc, Unreadable):
            raise
        raise Unreadable(_why(exc), 1, 1) from None
    return reader.value


class _Reader:
    """Builds the value while the parser goes along; nothing is unfolded, nothing is run."""

    def __init__(self) -> None:
        self.value: Any = None
        self._documents = 0
        self._values = 0
        self._open: list[dict[str, Any] | list[Any]] = []
        self._keys: list[str | None] = []  # of each open mapping the key that waits for its value

    def take(self, event: Event) -> None:
        mark = event.start_mark
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            raise _unreadable(Message("anchors and aliases are not allowed"), mark)
        if isinstance(event, DocumentStartEvent):
            self._begin(event)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self._open.pop()
            self._keys.pop()
        elif isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent):
            self._node(event)

    def _begin(self, event: DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            raise _unreadable(Message("a second document begins here"), event.start_mark)
        if event.version is not None and tuple(event.version) != (1, 2):
            raise _unreadable(Message("only YAML 1.2 is read here"), event.start_mark)

    def _node(self, event: Any) -> None:
        mark = event.start_mark
        if event.tag is not None:
            raise _unreadable(Message("tags are not allowed"), mark)
        self._values += 1
        if self._values > MAX_VALUES:
            raise _unreadable(
                Message("more than {limit} values; write it as JSON", limit=MAX_VALUES), mark
            )
        if self._open and isinstance(self._open[-1], dict) and self._keys[-1] is None:
            self._keys[-1] = self._key(event, self._open[-1])
            return
        if isinstance(event, ScalarEvent):
            self._add(event.value if event.style else _plain(event.value, mark))
            return
        node: dict[str, Any] | list[Any] = {} if isinstance(event, MappingStartEvent) else []
        self._add(node)
        self._open.append(node)
        self._keys.append(None)
        if len(self._open) > MAX_DEPTH:
            raise _unreadable(Message("more than {limit} levels", limit=MAX_DEPTH), mark)

    def _key(self, event: Any, mapping: dict[str, Any]) -> str:
        mark = event.start_mark
        if not isinstance(event, ScalarEvent):
            raise _unreadable(Message("a key must be a text"), mark)
        key = event.value
        if not event.style:
            if key == "<<":
                raise _unreadable(Message("merge keys are not allowed"), mark)
            if not isinstance(_plain(key, mark), str):
                raise _unreadable(Message("a key must be a text"), mark)
        if key in mapping:
            raise _unreadable(Message("the key {key} stands there twice", key=key[:64]), mark)
        return str(key)

    def _add(self, value: Any) -> None:
        if not self._open:
            self.value = value
            return
        outer = self._open[-1]
        if isinstance(outer, list):
            outer.append(value)
            return
        key = self._keys[-1]
        assert key is not None
        outer[key] = value
        self._keys[-1] = None


def _plain(word: str, mark: StringMark) -> Any:
    """Return what a word without quotes is; a text unless both versions of YAML mean the same by
    it."""
    if word in _NULL:
        return None
    if word in _BOOLEANS:
        return _BOOLEANS[word]
    if _NO_NUMBER.fullmatch(word):
        raise _unreadable(Message("infinity and NaN are not allowed; a text needs quotes"), mark)
    try:
        number = _number(word)
    except ValueError:
        number = None
    if number is None:
        return word
    if not is_bounded(number):
        raise _unreadable(
            Message("this number is too large, too small or too long; a text needs quotes"), mark
        )
    return number


def _number(word: str) -> int | JsonNumber | None:
    if _WHOLE.fullmatch(word):
        return JsonNumber(word) if word == "-0" or len(word) > 4000 else int(word)
    if word[:2] in _IN_BASE:
        pattern, base = _IN_BASE[word[:2]]
        return int(word, base) if pattern.fullmatch(word) else None
    match = _FRACTION.fullmatch(word)
    if match is None:
        return None
    sign, whole, point, power = match.groups()
    point = f"{point}0" if point == "." else point or ""
    return JsonNumber(f"{sign.replace('+', '')}{whole or '0'}{point}{power or ''}")


def write_yaml(value: Any) -> str:
    """Return *value* as YAML in its one spelling, the same to readers of YAML 1.1 and of 1.2."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = _LINE_WIDTH
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


class _Representer(SafeRepresenter):
    """Texts of several lines as blocks; no anchors, which the reader refuses."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(representer: Any, value: str) -> ScalarNode:
    style = None
    if _ODD.search(value):
        style = '"'  # the only style that writes these as escapes
    elif "\n" in value:
        style = "|"
    elif not value[:1].isalpha() or value.lower() in _WORDS:
        style = "'"  # numbers, times, dates, `=`, `<<`: who reads them differs by the version
    node: ScalarNode = representer.represent_scalar("tag:yaml.org,2002:str", value, style=style)
    return node


def _represent_number(representer: Any, value: JsonNumber) -> ScalarNode:
    node: ScalarNode = representer.represent_scalar(
        "tag:yaml.org,2002:float", _for_all_readers(value.spelling)
    )
    return node


def _for_all_readers(spelling: str) -> str:
    """YAML 1.1 wants a point before the power, and the power with its sign."""
    digits, power_sign, power = spelling.replace("E", "e").partition("e")
    digits = digits if "." in digits else f"{digits}.0"
    if not power_sign:
        return digits
    return f"{digits}e{power if power[0] in '+-' else f'+{power}'}"


_Representer.add_representer(str, _represent_text)
_Representer.add_representer(JsonNumber, _represent_number)


def _unreadable(text: Message | str, mark: Any) -> Unreadable:
    if mark is None:
        return Unreadable(text, 1, 1)
    return Unreadable(text, mark.line + 1, mark.column + 1)


def _why(exc: Exception) -> str:
    return str(getattr(exc, "problem", None) or exc)[:200]
