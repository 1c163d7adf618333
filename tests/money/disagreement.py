"""That product and model say different things."""

from typing import Any


class Disagreement(AssertionError):
    """Product and model say different things."""


def expect(what: str, says: Any, should_be: Any) -> None:
    """Raise Disagreement unless the product says of *what* as the model does."""
    if says != should_be:
        raise Disagreement(f"{what}: the product says {says}, the model {should_be}")
