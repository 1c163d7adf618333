"""The files of a statement: JSON, CSV, Excel and a page to print, the last two in each language."""

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
        """Return the file of this *kind* for a reader of *lang*."""
        has_words = kind in (Kind.XLSX, Kind.PRINT)
        return cls(Kind(kind), lang if has_words else "")


LANGUAGES = ("zh", "en")
ALL_FILES = (
    File(Kind.JSON),
    File(Kind.CSV),
    *(File(kind, lang) for kind in (Kind.XLSX, Kind.PRINT) for lang in LANGUAGES),
)


def render(document: Mapping[str, Any], file: File) -> bytes:
    """Return a statement as *file*; takes time, call it in a thread."""
    if file.kind == Kind.CSV:
        return statement_files.as_csv(document).encode()
    if file.kind == Kind.XLSX:
        return statement_files.as_xlsx(document, file.lang)
    if file.kind == Kind.PRINT:
        return print_page(document, file.lang).encode()
    return json_bytes(document)
