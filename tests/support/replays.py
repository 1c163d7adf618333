"""Answers that come again."""

from typing import Any


def first_answer(call: dict[str, Any]) -> dict[str, Any]:
    """*call* as it was answered first, without what it is now, which only repetitions tell."""
    return {name: value for name, value in call.items() if name != "current"}
