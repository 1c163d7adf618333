"""How far a long command is, for the person who waits."""

import time

from app.runtime.terminal import print_error

TELL_SECONDS = 5.0
_MEGABYTE = 10**6


class Progress:
    """Tells on the error output, every five seconds, what is at work and how much is done."""

    def __init__(self) -> None:
        self._next = time.monotonic() + TELL_SECONDS
        self.subject = ""

    def tell(self, size: int, total: int | None = None) -> None:
        """Say how many of *total* bytes are done, if the last time is long enough ago."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + TELL_SECONDS
        text = f"  {self.subject}: {size / _MEGABYTE:,.0f} MB"
        if total:
            text += f" / {total / _MEGABYTE:,.0f} MB"
        print_error(text, text)


def megabytes(size: int) -> str:
    """Return *size* in MB with one decimal."""
    return f"{size / _MEGABYTE:,.1f} MB"
