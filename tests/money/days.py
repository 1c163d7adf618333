"""Quota days and months: local dates of one zone, whatever its nights do."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


class Calendar:
    """The days and months of a zone, as the keys that rows have."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self._zone = ZoneInfo(zone)

    def day_key(self, moment: datetime) -> str:
        """The day of *moment*, such as 2026-11-30."""
        return moment.astimezone(self._zone).strftime("%Y-%m-%d")

    def month_key(self, moment: datetime) -> str:
        """The month of *moment*, such as 2026-11."""
        return moment.astimezone(self._zone).strftime("%Y-%m")

    def period_key(self, period: str, moment: datetime) -> str:
        """The running period of a limit at *moment*: a day, a month, or '' for all time."""
        if period == "none":
            return ""
        return self.day_key(moment) if period == "day" else self.month_key(moment)

    def month_start(self, month: str) -> datetime:
        """The first moment of *month*, in UTC."""
        year, number = (int(part) for part in month.split("-"))
        return datetime(year, number, 1, tzinfo=self._zone).astimezone(UTC)

    def month_end(self, month: str) -> datetime:
        """The first moment behind *month*, in UTC."""
        return self.month_start(next_month(month))

    def day_end(self, moment: datetime) -> datetime:
        """The first moment behind the day of *moment*, in UTC."""
        tomorrow = moment.astimezone(self._zone).date() + timedelta(days=1)
        return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=self._zone).astimezone(
            UTC
        )


def previous_month(month: str) -> str:
    """The month before *month*."""
    year, number = (int(part) for part in month.split("-"))
    return f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02}"


def next_month(month: str) -> str:
    """The month behind *month*."""
    year, number = (int(part) for part in month.split("-"))
    return f"{year + 1}-01" if number == 12 else f"{year}-{number + 1:02}"
