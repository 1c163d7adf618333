"""
The functions that steps of type `script` may name.

An installation names them in its setting `pipeline.step_functions`; a module of its own can offer
more with `offer_step_functions`, from its load function. While nothing is offered, this side
cannot know what exists and takes any name.
"""

from collections.abc import Mapping

_functions: dict[str, str] = {}


def offer_step_functions(descriptions: Mapping[str, str]) -> None:
    """Say which functions there are: name and what it does."""
    _functions.update(descriptions)


def is_known(name: str) -> bool:
    """Whether steps may name *name*."""
    return not _functions or name in _functions


def choices() -> list[dict[str, str]]:
    """The functions by name, for a drop-down."""
    return [
        {"value": name, "text": f"{name} · {what}" if what else name}
        for name, what in sorted(_functions.items())
    ]
