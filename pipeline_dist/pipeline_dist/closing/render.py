"""
The files of a statement: JSON and CSV for programs; CSV, Excel and a page to print for people, in
each language.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from app.global_func import json_bytes
from pipeline_dist.closing.print_page import print_page
from pipeline_dist.reports import statement_files


class Kind(StrEnum):
    """What a statement can be had as."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    PRINT = "print"


class File(NamedTuple):
    """A kind and, where words are in it, their language; else ''."""

    kind: Kind
    lang: str = ""

    @classmethod
    def for_reader(cls, kind: str, lang: str) -> "File":
        """Return the file of this *kind* for a person who reads *lang*."""
        return cls(Kind(kind), "" if kind == Kind.JSON else lang)

    @classmethod
    def for_program(cls, kind: str, lang: str) -> "File":
        """Return the file of this *kind* for a program; where words are in it, they are *lang*."""
        return cls(Kind(kind), "" if kind in (Kind.JSON, Kind.CSV) else lang)


LANGUAGES = ("zh", "en")
# Later than the first ones: a statement that is older gets them when a worker has time.
ADDED_FILES = tuple(File(Kind.CSV, lang) for lang in LANGUAGES)
ALL_FILES = (
    File(Kind.JSON),
    File(Kind.CSV),
    *(File(kind, lang) for kind in (Kind.XLSX, Kind.PRINT) for lang in LANGUAGES),
    *ADDED_FILES,
)


def render(document: Mapping[str, Any], file: File) -> bytes:
    """Return a statement as *file*; takes time, call it in a thread."""
    if file.kind == Kind.CSV:
        text = (
            statement_files.as_readers_csv(document, file.lang)
            if file.lang
            else statement_files.as_csv(document)
        )
        return text.encode()
    if file.kind == Kind.XLSX:
        return statement_files.as_xlsx(document, file.lang)
    if file.kind == Kind.PRINT:
        return print_page(document, file.lang).encode()
    return json_bytes(document)
