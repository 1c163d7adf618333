"""Days and times as people and spreadsheets write them, with the year first."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

# 2026-12-1, 2026/12/1, 2026.12.1, 2026年12月1日; then perhaps 8:00, 8:00:30.5, 8时, 8时30分15秒;
# then perhaps Z or +08:00.
_TIME = re.compile(
    r"(?P<year>[0-9]{4})(?:(?P<sep>[-/.])(?P<month>[0-9]{1,2})(?P=sep)(?P<day>[0-9]{1,2})"
    r"|年(?P<month2>[0-9]{1,2})月(?P<day2>[0-9]{1,2})日)"
    r"(?:(?:[Tt]|\s+|(?<=日))(?P<hour>[0-9]{1,2})"
    r"(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?P<part>\.[0-9]{1,9})?)?"
    r"|[时時点點](?:(?P<minute2>[0-9]{1,2})分(?:(?P<second2>[0-9]{1,2})秒)?)?))?"
    r"\s*(?P<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_DAY_FIRST = re.compile(r"[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{1,4}(?:[Tt\s].*)?")


class DayFirst(Exception):
    """The day, the month or a short year comes first: nobody knows which."""


def iso_text(text: str) -> str:
    """
    Return *text* as ISO 8601 writes it, where it is a time in one of the spellings above; else
    itself.

    Days become midnights. Raises DayFirst.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        if _DAY_FIRST.fullmatch(text):
            raise DayFirst
        return text
    part = match.groupdict()
    month, day = part["month"] or part["month2"], part["day"] or part["day2"]
    minute, second = part["minute"] or part["minute2"] or 0, part["second"] or part["second2"] or 0
    day_text = f"{part['year']}-{int(month):02d}-{int(day):02d}"
    if part["zone"] and part["hour"] is None:
        return text
    hours = f"{int(part['hour'] or 0):02d}:{int(minute):02d}:{int(second):02d}"
    return f"{day_text}T{hours}{part['part'] or ''}{part['zone'] or ''}"


def is_night_of_change(moment: datetime, zone: ZoneInfo) -> bool:
    """Return whether the clocks of *zone* show *moment* twice, or never."""
    local = moment.replace(tzinfo=zone)
    return local.utcoffset() != local.replace(fold=1).utcoffset()
