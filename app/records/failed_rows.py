"""The rows of a file that were not taken, as a file to correct and send once more."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.base.errors import Message
from app.base.i18n import LANGUAGES, title, translate
from app.records.csv_files import is_error
from app.records.sheet_rows import CellProblem, FileRows, cell_text
from app.records.spreadsheets import CsvFile
from app.schema.tables import Table

# Heads the last column of such a file, which is left out when it comes back.
_PROBLEM = Message("Problem")
_NO_VALUE = "#VALUE!"


def is_problem_heading(words: str) -> bool:
    """Return whether *words* head the column that says what was wrong, in any language."""
    return words in {translate(_PROBLEM, lang) for lang in LANGUAGES}


def failed_rows(
    model: Table, file: FileRows, failures: Sequence[Mapping[str, Any]], lang: str
) -> str:
    """
    Return a CSV text with the rows of *file* that *failures* tells of, as they were, and what is
    wrong with each in a last column in *lang*. *failures* is that of `imports.import_rows`.
    """
    cells = {row.number: row.cells for row in file.rows}
    lines = [(cells[item["row"]], _words(model, item["problems"], lang)) for item in failures]
    head = file.head.cells
    old = next((at for at, one in enumerate(head) if is_problem_heading(str(one))), None)
    width = max(len(head), *(len(row) for row, _ in lines))
    out = CsvFile([*_texts(head, file, width, old), translate(_PROBLEM, lang)])
    part = out.add([[*_texts(row, file, width, old), words] for row, words in lines])
    return b"".join([part, *out.end()]).decode("utf-8")


def _texts(row: Sequence[Any], file: FileRows, width: int, left_out: int | None) -> list[str]:
    """Return *width* texts, without the column *left_out*."""
    texts = [_text(cell, file) for cell in row]
    texts += [""] * (width - len(texts))
    return [text for at, text in enumerate(texts) if at != left_out]


def _text(cell: Any, file: FileRows) -> str:
    """Return a cell as it was; an error where it had no value that counts: it must not come back as
    one, nor as a blank, because somebody sent the file again as it is."""
    text = cell_text(cell, guarded=file.guarded)
    return _NO_VALUE if isinstance(cell, CellProblem) and not is_error(text) else text


def _words(model: Table, problems: Sequence[Mapping[str, Any]], lang: str) -> str:
    sentences = []
    for problem in problems:
        column = model.columns.get(problem["column"])
        heading = title(column.title, lang) if column else problem["column"]
        sentences.append(": ".join(filter(None, (heading, problem["message"]))))
    return " · ".join(sentences)
