"""
The functions that steps of type `script` may name.

An installation names them in its setting `pipeline.step_functions`; a module of its own can
contribute more. While there are none, this side cannot know what exists and takes any name.
"""

from dataclasses import dataclass

from app.global_func import Contributions


@dataclass(frozen=True, slots=True)
class StepFunction:
    """A function and, in a few words, what it does."""

    name: str
    description: str = ""

    @property
    def label(self) -> str:
        """What a drop-down shows."""
        return f"{self.name} · {self.description}" if self.description else self.name


STEP_FUNCTIONS = Contributions(StepFunction, lambda function: function.name)


def is_known(name: str) -> bool:
    """Return whether steps may name *name*."""
    return STEP_FUNCTIONS.get(name) is not None or not any(STEP_FUNCTIONS)


def choices() -> list[dict[str, str]]:
    """Return the functions by name, for a drop-down."""
    return [
        {"value": function.name, "text": function.label}
        for function in sorted(STEP_FUNCTIONS, key=lambda function: function.name)
    ]
