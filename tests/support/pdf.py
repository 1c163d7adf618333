"""What Chromium's PDF files say: their pages as text. No more of the format than that is read."""

import re
import zlib

_OBJECT = re.compile(rb"(\d+) 0 obj\b(.*?)\bendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*)endstream", re.DOTALL)
_HEX = rb"<([0-9A-Fa-f]+)>"
_TOKENS = re.compile(rb"/(\w+) [-\d.]+ Tf|/(\w+) Do|" + _HEX + rb"|\b(ET)\b")


class _File:
    def __init__(self, data: bytes) -> None:
        self.objects = {int(number): body for number, body in _OBJECT.findall(data)}
        self._letters: dict[int, dict[int, str]] = {}

    def stream(self, number: int) -> bytes:
        body = self.objects[number]
        match = _STREAM.search(body)
        if match is None:
            return b""
        return zlib.decompress(match[1]) if b"/FlateDecode" in body else match[1]

    def refs(self, body: bytes, kind: bytes) -> dict[bytes, int]:
        """The names of fonts or of drawings that a page or a drawing uses."""
        match = re.search(rb"/" + kind + rb"\s*<<(.*?)>>", body, re.DOTALL)
        pairs = re.findall(rb"/(\w+)\s+(\d+) 0 R", match[1]) if match else []
        return {name: int(number) for name, number in pairs}

    def letters(self, font: int) -> dict[int, str]:
        """What the glyphs of a font mean."""
        if font not in self._letters:
            match = re.search(rb"/ToUnicode (\d+) 0 R", self.objects[font])
            self._letters[font] = _letters(self.stream(int(match[1]))) if match else {}
        return self._letters[font]

    def text(self, number: int, content: int) -> str:
        """What stands on a page, or in a drawing, in the order in which it was drawn."""
        body = self.objects[number]
        fonts, drawings = self.refs(body, b"Font"), self.refs(body, b"XObject")
        words, letters = [], {}
        for font, drawing, glyphs, end in _TOKENS.findall(self.stream(content)):
            if font:
                letters = self.letters(fonts[font]) if font in fonts else {}
            elif drawing and b"/Form" in self.objects[drawings[drawing]]:
                words.append(self.text(drawings[drawing], drawings[drawing]))
            elif glyphs:
                codes = (int(glyphs[at : at + 4], 16) for at in range(0, len(glyphs), 4))
                words.append("".join(letters.get(code, "") for code in codes))
            elif end:
                words.append("\n")
        return "".join(words)


def pdf_pages(data: bytes) -> list[str]:
    """The text of each page."""
    file = _File(data)
    pages = []
    for number, body in sorted(file.objects.items()):
        if re.search(rb"/Type\s*/Page\b(?!s)", body):
            match = re.search(rb"/Contents (\d+) 0 R", body)
            assert match is not None
            pages.append(file.text(number, int(match[1])))
    return pages


def _letters(cmap: bytes) -> dict[int, str]:
    result = {}
    for part in re.findall(rb"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for code, text in re.findall(_HEX + rb"\s*" + _HEX, part):
            result[int(code, 16)] = _decode(text)
    for part in re.findall(rb"beginbfrange(.*?)endbfrange", cmap, re.DOTALL):
        for first, last, text in re.findall(rb"\s*".join([_HEX] * 3), part):
            start = int(_decode(text).encode("utf-32-be").hex(), 16)
            for code in range(int(first, 16), int(last, 16) + 1):
                result[code] = chr(start + code - int(first, 16))
    return result


def _decode(text: bytes) -> str:
    return bytes.fromhex(text.decode()).decode("utf-16-be")
