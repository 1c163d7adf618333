"""The ledger's rows of some days by the index that has them: no plan may turn round and read a
pipeline's or a distributor's whole life."""

from datetime import date, datetime, timedelta
from typing import Any

from pipeline_ops.ledger.entries import starts_of_days

# Before and behind every day.
FIRST_DAY, LAST_DAY = "", "9999-12-31"
# Of one day: of all pipelines and of what has none, by the index (pipeline_id, day_key), of which
# both are known. (Of several days they would not be, and all of a pipeline's would be read.)
OF_A_DAY = (
    "(select id from pipelines union all select null) p straight_join pipeline_usage_log u"
    " force index (pipeline_usage_log_pipeline_day) on u.pipeline_id <=> p.id"
)
OF_PIPELINES = "pipeline_usage_log u force index (pipeline_usage_log_pipeline_day)"
_BY_TIME = "pipeline_usage_log u force index (pipeline_usage_log_distributor_time)"
_BY_MONTH = "pipeline_usage_log u force index (pipeline_usage_log_distributor_month)"
# A distributor's by the number of settlement; the day of a row is in the index.
BY_ENTRY = "pipeline_usage_log u force index (pipeline_usage_log_entry)"


class Conditions:
    """A condition that grows; the names of its values begin with *prefix*."""

    def __init__(self, prefix: str = "") -> None:
        self.text = ""
        self.values: dict[str, Any] = {}
        self._prefix = prefix

    def add(self, text: str, value: Any) -> None:
        """Add *text*, in which `{}` stands for *value*."""
        name = f"{self._prefix}{len(self.values)}"
        self.text += (" and " if self.text else "") + text.replace("{}", f"${{{name}}}$")
        self.values[name] = value


def of_distributor(
    conditions: Conditions, distributor_id: str, first: str, last: str, month: str | None = None
) -> str:
    """Add to *conditions* those of a distributor's rows `u` ('': our own) of the days *first* to
    *last*, with *month* of those in its statement; return what is behind `from`."""
    conditions.add("u.distributor_id <=> {}", distributor_id or None)
    conditions.add("u.day_key >= {}", first)
    conditions.add("u.day_key <= {}", last)
    if month is not None:
        conditions.add("u.month_key = {}", month)
        if first == FIRST_DAY:
            return _BY_MONTH
    if first != FIRST_DAY:
        conditions.add("u.started_at >= {}", starts_of_days(first, first)[0])
    if last != LAST_DAY:
        conditions.add("u.started_at < {}", starts_of_days(last, last)[1])
    return _BY_TIME


def of_entries(
    conditions: Conditions, distributor_id: str, first: str, last: str, after: int | None
) -> str:
    """Add to *conditions* those of a distributor's rows `u` of the days *first* to *last* that were
    settled after the number *after*; None: that are not settled. Return what is behind `from`."""
    conditions.add("u.distributor_id = {}", distributor_id)
    if after is None:
        conditions.text += " and u.entry_no is null"
    else:
        conditions.add("u.entry_no > {}", after)
    conditions.add("u.day_key >= {}", first)
    conditions.add("u.day_key <= {}", last)
    return BY_ENTRY


def next_day(day: str) -> str:
    """Return the day after *day*."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def is_within(day: str, earliest: datetime | None, latest: datetime | None) -> bool:
    """Return whether all calls of *day* began from *earliest* up to and without *latest*, in
    whichever zone on earth."""
    start, end = starts_of_days(day, day)
    return (earliest is None or earliest <= start) and (latest is None or end <= latest)
