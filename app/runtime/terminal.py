"""What a person at a terminal reads: in Chinese where the locale is Chinese, else in English."""

import os
import sys
from functools import cache

from app.base.errors import AppError, Unavailable
from app.base.i18n import translate


@cache
def is_chinese() -> bool:
    """Return True when the locale of this terminal is a Chinese one."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return os.environ[name].startswith("zh")
    return False


def in_language(english: str, chinese: str) -> str:
    """Return the sentence in this terminal's language."""
    return chinese if is_chinese() else english


def print_message(english: str, chinese: str) -> None:
    """Print the sentence in this terminal's language, at once."""
    print(in_language(english, chinese), flush=True)


def print_error(english: str, chinese: str) -> None:
    """Like tell, on the error output."""
    print(in_language(english, chinese), file=sys.stderr, flush=True)


def print_refusal(exc: AppError) -> None:
    """Print on the error output what was refused; of a database that cannot be worked with also the
    reason, which workers write into their log."""
    cause = exc.__cause__ if isinstance(exc, Unavailable) else None
    text = translate(exc.text, "zh" if is_chinese() else "en")
    print(text if cause is None else f"{text} ({cause})", file=sys.stderr, flush=True)


class CommandError(Exception):
    """The command cannot go on; the message says why and what to do."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(in_language(english, chinese))
