"""Statements of closed months: their files stay as they were made, whatever is asked for later."""

from typing import Any

from pipeline_dist.closing.store import unpack
from tests.money.accounts import Distributor
from tests.money.disagreement import Disagreement, expect
from tests.money.product import Product

# What a statement can be had as: by which parameters, and in which language.
FORMS: dict[tuple[str, str], dict[str, str]] = {
    ("json", ""): {},
    ("csv", ""): {"format": "csv"},
    ("xlsx", "en"): {"format": "xlsx", "lang": "en"},
    ("xlsx", "zh"): {"format": "xlsx", "lang": "zh"},
}
_FILES = (
    "select f.kind, f.lang, f.content from app_statement s"
    " join app_statement_file f on f.statement_id = s.id"
    " where s.distributor_id = %s and s.month = %s"
)


class KeptStatements:
    """The files of closed months as they were when their month was closed."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._files: dict[tuple[str, str], dict[tuple[str, str], str]] = {}

    def keep_new(self, party: Distributor) -> None:
        """Remember the files of a distributor's months that were closed just now."""
        for month in party.months.numbers:
            if (party.ref, month) not in self._files:
                self._files[party.ref, month] = self._read(party, month)

    def check_files(self, party: Distributor) -> None:
        """What is kept of a distributor is still what was made."""
        for month in party.months.numbers:
            is_same = self._read(party, month) == self._files[party.ref, month]
            expect(f"files of statement {month} unchanged", is_same, True)

    def check(self, party: Distributor, month: str, form: tuple[str, str], content: bytes) -> None:
        """What is answered of a closed month is what was made when it was closed."""
        file = unpack(self._files[party.ref, month][form])
        if content != file:
            kind = " ".join(form)
            raise Disagreement(f"statement {month} as {kind}: {content!r} is not {file!r}")

    def _read(self, party: Distributor, month: str) -> dict[tuple[str, str], str]:
        rows: list[dict[str, Any]] = self._product.rows(_FILES, self._product.ids[party.ref], month)
        expect(f"files of statement {month}", len(rows), 8)
        return {(row["kind"], row["lang"]): row["content"] for row in rows}
