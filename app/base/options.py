"""How one setting of the section `pipeline` of conf/config.json is declared."""

from dataclasses import field
from typing import Any


def option(
    default: Any, help_text: str, least: int = 1, most: int = 10**9, choices: tuple[str, ...] = ()
) -> Any:
    """Return a setting; *least* and *most* hold for whole numbers, *choices* for texts."""
    metadata = {"help": help_text, "range": (least, most), "choices": choices}
    return field(default=default, metadata=metadata)
