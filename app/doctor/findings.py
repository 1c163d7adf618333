"""What was seen of one subject, and what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.runtime.terminal import in_language


class Level(StrEnum):
    """How bad it is; only an error makes the exit code 1."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen of the subject `check`, in this terminal's language; `advice` says what to do,
    "" where all is well."""

    check: str
    level: Level
    message: str
    advice: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return it as a member of the JSON output."""
        return {
            "check": self.check,
            "level": str(self.level),
            "message": self.message,
            "advice": self.advice,
        }


Findings = Iterator[Finding]


def fine(check: str, english: str, chinese: str) -> Finding:
    """Return a finding of something that is as it should be."""
    return Finding(check, Level.OK, in_language(english, chinese))


def warning(check: str, message: tuple[str, str], advice: tuple[str, str]) -> Finding:
    """Return a finding that does no harm yet; both texts in English and Chinese."""
    return Finding(check, Level.WARNING, in_language(*message), in_language(*advice))


def error(check: str, message: tuple[str, str], advice: tuple[str, str]) -> Finding:
    """Return a finding that keeps the application from working, or its data from being safe."""
    return Finding(check, Level.ERROR, in_language(*message), in_language(*advice))
