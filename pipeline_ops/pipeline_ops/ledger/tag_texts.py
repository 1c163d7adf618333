"""The tags of a call as the ledger's header keeps them: one canonical JSON text."""

import json
from collections.abc import Mapping

from app.global_func import canonical_json


def tags_text(tags: Mapping[str, str]) -> str | None:
    """Return *tags* as they are kept; None for none. The same tags are one text, whatever their
    order."""
    return canonical_json(tags) if tags else None


def tags_of(text: str | None) -> dict[str, str]:
    """Return the tags that `tags_text` wrote as *text*."""
    if text is None:
        return {}
    tags: dict[str, str] = json.loads(text)
    return tags
