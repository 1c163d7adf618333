"""Shares of a price in words: 0.85 is 85%, which a Chinese reader calls 8.5 折."""

from decimal import Decimal

from app.base.errors import Message, Sentence


def share_message(share: Decimal) -> Message:
    """Return a *share* as a part of a sentence."""
    return Message(Sentence(share_text(share, "en"), share_text(share, "zh")))


def share_text(share: Decimal, lang: str) -> str:
    """Return a *share* as people write it: `85%`, in Chinese `85%（8.5 折）`; a whole has no 折."""
    percent = f"{_plain(share.scaleb(2))}%"
    return percent if lang != "zh" or share >= 1 else f"{percent}（{_plain(share.scaleb(1))} 折）"


def _plain(number: Decimal) -> str:
    """Return *number* without an exponent and without needless zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
