"""What the codes of single fields mean: the catalogues' own sentences, without their values."""

import re
from collections.abc import Iterator

from app.global_func import FieldCode, Sentence, field_problems
from pipeline_dist import errors as of_distributors
from pipeline_dist.api.error_codes import ERROR_CODES, FIELD_CODES
from pipeline_dist.events import errors as of_events
from pipeline_dist.reports import errors as of_reports
from pipeline_dist.webhooks import errors as of_webhooks
from pipeline_ops import errors as of_operation

_CATALOGUES = (
    of_distributors, of_reports, of_events, of_webhooks, of_operation, field_problems,
)  # fmt: skip
# A full stop behind it too: the dots of what stands there instead end the sentence.
_VALUE = re.compile(r"\{\w+\}(?:\.(?=\s|$))?")


def field_sentences() -> Iterator[tuple[str, Sentence]]:
    """Yield each code that an entry of `errors` may have, with what it means."""
    entries: dict[str, FieldCode] = {}
    for module in _CATALOGUES:
        for name, entry in vars(module).items():
            # The one that has the code's name is the common one.
            if isinstance(entry, FieldCode) and (
                entry.code not in entries or name == entry.code.upper()
            ):
                entries[entry.code] = entry
    for code in FIELD_CODES:
        sentence = entries[code].sentence if code in entries else ERROR_CODES[code].hint
        assert sentence is not None
        yield code, Sentence(_VALUE.sub("…", sentence), _VALUE.sub("…", sentence.zh))
