"""
How much a test does that goes through histories by chance: a part in the run of all, the whole in
`bash tests/run.sh long`.
"""

import os
from typing import TypeVar

Amount = TypeVar("Amount")

IS_LONG = bool(os.environ.get("PIPELINE_TEST_LONG"))


def by_form(short: Amount, long: Amount) -> Amount:
    """Return *short* in the run of all, *long* in the long form."""
    return long if IS_LONG else short
