"""The states that a production line can be in."""

from enum import StrEnum


class PipelineStatus(StrEnum):
    """Whether a line is on sale: `lifecycle/status.py` says which status may follow which."""

    DRAFT = "draft"
    PUBLISHED = "published"
    OFFLINE = "offline"
    ARCHIVED = "archived"
