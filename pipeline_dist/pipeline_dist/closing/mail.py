"""A statement as a letter that is not sent yet: the file opens as a draft in a mail program."""

from collections.abc import Iterable, Mapping
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, NamedTuple

from app.global_func import Message, translate
from pipeline_dist.closing.print_page import NOT_FINAL


class Attachment(NamedTuple):
    """A file that goes with the letter; *media_type* without parameters."""

    name: str
    media_type: str
    content: bytes


def letter(
    statement: Mapping[str, Any],
    to: str,
    attachments: Iterable[Attachment],
    lang: str,
    *,
    is_prepaid: bool,
) -> bytes:
    """
    Return a statement's letter in *lang* as an `.eml` file (RFC 5322), with *attachments*. Of a
    distributor that *is_prepaid* nothing is to be paid, and of a month that is not closed it says
    that this is not final.

    It has neither sender nor date: those are the mail program's. Two headers make programs open
    it as a draft and not as a letter that came: Outlook and Thunderbird go by the first, Apple's
    Mail by the second.
    """
    title = _one_line(_title(statement, lang))
    mail = EmailMessage(policy=SMTP)
    mail["X-Unsent"] = "1"
    mail["X-Uniform-Type-Identifier"] = "com.apple.mail-draft"
    mail["Subject"] = f"{title} · {_one_line(statement['distributor']['name'])}"
    if to:
        mail["To"] = _one_line(to)
    total = f"{statement['total']:,f} {statement['currency']}"
    values = {"title": title, "total": total, "month": statement["month"]}
    texts = [
        Message("{title}: {total} for {month}, taken from the balance.", **values)
        if is_prepaid
        else Message("{title}: {total} to be paid for {month}.", **values),
        NOT_FINAL.get(statement["status"]),
        Message("The statement is attached."),
    ]
    words = [translate(text, lang) for text in texts if text is not None]
    mail.set_content("\n".join([*words, "", statement["sender"]]) + "\n")
    for attachment in attachments:
        main_type, _, sub_type = attachment.media_type.partition("/")
        mail.add_attachment(
            attachment.content, maintype=main_type, subtype=sub_type, filename=attachment.name
        )
    return mail.as_bytes()


def _title(statement: Mapping[str, Any], lang: str) -> str:
    word = translate(Message("Statement"), lang)
    return f"{word} {statement['number'] or statement['month']}"


def _one_line(text: str) -> str:
    """Return *text* as a header can have it: a line break in it would begin another one."""
    return " ".join(text.split())
