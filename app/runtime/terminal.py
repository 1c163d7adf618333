"""What a person at a terminal reads: in Chinese where the locale is Chinese, else in English."""

import os
import sys
from functools import cache


@cache
def is_chinese() -> bool:
    """True when the locale of this terminal is a Chinese one."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return os.environ[name].startswith("zh")
    return False


def pick(english: str, chinese: str) -> str:
    """The sentence in this terminal's language."""
    return chinese if is_chinese() else english


def tell(english: str, chinese: str) -> None:
    """Print the sentence in this terminal's language, at once."""
    print(pick(english, chinese), flush=True)


def complain(english: str, chinese: str) -> None:
    """Like tell, on the error output."""
    print(pick(english, chinese), file=sys.stderr, flush=True)


class CommandError(Exception):
    """The command cannot go on; the message says why and what to do."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(pick(english, chinese))
