"""How specific a price is that applies to a metered item: what of the item it names."""

from enum import StrEnum


class Matched(StrEnum):
    """What a price names of the items that it applies to; `all`: neither step nor model."""

    STEP_AND_MODEL = "step+model"
    STEP = "step"
    MODEL = "model"
    ALL = "all"


def match_of(step_key: str, model: str) -> Matched:
    """Return what a price for this step and model names; each may be ''."""
    if step_key:
        return Matched.STEP_AND_MODEL if model else Matched.STEP
    return Matched.MODEL if model else Matched.ALL
