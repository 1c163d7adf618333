"""
The rows that reports sum up: of days that are kept from app_usage_day, of those that still run what
is kept of them (rollup/running.py), of all else from the ledger, as one statement for `from`.

What is archived has no item in the ledger any more, and is always read from app_usage_day, whether
its day is kept or not. Only where a part of a day is asked for there are but the stubs: their calls
and amounts are right, and their items have no name.
"""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from app.global_func import SafeSqlor
from pipeline_ops.rollup.build import built_day
from pipeline_ops.rollup.kinds import (
    IS_OF_BATCH,
    IS_WHOLE,
    SETTLED,
    TOTALS,
    Kind,
    select_together,
    summed_up,
)
from pipeline_ops.rollup.ledger_rows import (
    FIRST_DAY,
    LAST_DAY,
    OF_PIPELINES,
    Conditions,
    is_within,
    next_day,
    of_distributor,
    of_entries,
)
from pipeline_ops.rollup.running import RunningSums, read_running

# So many marked days are read one by one; where there are more, a distributor's together.
MAX_MARKED_DAYS = 40
# Of more distributors than these marked days are read of all at once: a statement of thousands of
# parts takes the database longer to understand than days of everybody to read.
MAX_MARKED_OWNERS = 40
# A value, not `exists`: of that the optimiser may make a join which begins with the marks.
_IS_MARKED = (
    "(select 1 from app_usage_dirty m where m.distributor_id = coalesce(u.distributor_id, '')"
    " and m.day_key = u.day_key) = 1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """
    Which use is asked for: that of a distributor ('': our own; None: everybody's) or of everybody
    on a pipeline, on the quota days `first_day` to `last_day`; with `month` what stands in its
    statement; with `earliest` and `latest` of calls that began from then up to and without then.
    """

    distributor_id: str | None = None
    pipeline_id: str | None = None
    first_day: str = FIRST_DAY
    last_day: str = LAST_DAY
    month: str | None = None
    earliest: datetime | None = None
    latest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What stands behind `from`, named `r`, and the values in it."""

    text: str
    values: dict[str, Any]


def of_month(distributor_id: str | None, month: str) -> Use:
    """Return the use in the statement of *month*; its calls began then or before."""
    first = date.fromisoformat(f"{month}-01")
    last = first + timedelta(days=monthrange(first.year, first.month)[1] - 1)
    return Use(distributor_id=distributor_id, month=month, last_day=last.isoformat())


class UsageReader:
    """Reads use in *sor*'s snapshot, or without sums of days that run under locks that keep the
    ledger as it is."""

    def __init__(self, sor: SafeSqlor, use: Use) -> None:
        self._sor = sor
        self._use = use
        # (distributor, day) that are kept but marked, and the last day that is kept.
        self._marks: list[tuple[str, str]] = []
        self._until = FIRST_DAY
        self._pipelines: list[str] = []
        self._running: RunningSums | None = None

    @classmethod
    async def open(
        cls,
        sor: SafeSqlor,
        use: Use,
        *,
        of_ledger: bool = False,
        without_states: bool = False,
        without_running: bool = False,
    ) -> "UsageReader":
        """
        Return a reader of *use* that knows which days are kept; *of_ledger*: none is. With
        *without_states* it is asked for nothing but `rollup.kinds.SETTLED` of TOTALS; with
        *without_running* it reads days that run of the ledger, since their sums are written anew
        at any time.
        """
        reader = cls(sor, use)
        reader._until = FIRST_DAY if of_ledger else await built_day(sor)
        whose = " and distributor_id = ${whose}$" if use.distributor_id is not None else ""
        rows = await sor.tuples(
            "select distributor_id, day_key from app_usage_dirty"  # noqa: S608  constants
            f" where day_key between ${{first}}$ and ${{last}}$ and day_key <= ${{built}}${whose}"
            " order by day_key, distributor_id",
            {
                "first": use.first_day,
                "last": use.last_day,
                "built": reader._until,
                "whose": use.distributor_id,
            },
        )
        reader._marks = [(str(owner), str(day)) for owner, day in rows]
        has_running = FIRST_DAY < reader._until < use.last_day and not without_running
        if use.distributor_id and has_running:
            reader._running = await read_running(
                sor, use.distributor_id, reader._until, without_states=without_states
            )
        if use.distributor_id is None and use.pipeline_id is None:
            reader._pipelines = await sor.firsts("select id from pipelines", {})
        return reader

    @property
    def is_built(self) -> bool:
        """Whether any days are kept."""
        return bool(self._until)

    def source(self, kinds: Sequence[Kind], columns: Sequence[str]) -> Source:
        """Return the rows of these *kinds* with their *columns*: several of one group, to be
        summed."""
        texts: list[str] = []
        values: dict[str, Any] = {}
        first, last = self._whole_days()
        until = min(last, self._until)
        if first <= last:
            texts += [self._sums(kind, columns) for kind in kinds]
            values |= {
                "r_first": first,
                "r_last": last,
                "r_until": until,
                "r_whose": self._use.distributor_id,
                "r_pipeline": self._use.pipeline_id,
                "r_month": self._use.month,
                "r_marked": [day for _, day in self._marks],
            }
        for number, gap in enumerate(self._gaps(first, last, until)):
            conditions = Conditions(f"l{number}_")
            ledger = self._ledger(gap, conditions)
            texts += select_together(kinds, columns, ledger, conditions.text)
            values |= conditions.values
        if not texts:
            texts = select_together(kinds, columns, OF_PIPELINES, "1 = 0")
        return Source(f"({' union all '.join(texts)}) r", values)

    def _whole_days(self) -> tuple[str, str]:
        """Return the first and the last day that sums may be taken of: the whole of it is asked
        for."""
        first, last = self._use.first_day, self._use.last_day
        earliest, latest = self._use.earliest, self._use.latest
        if earliest is not None:
            first = max(first, _day(earliest, 0))
            while not is_within(first, earliest, None):
                first = next_day(first)
        if latest is not None:
            last = min(last, _day(latest, 1))
            while not is_within(last, None, latest):
                last = _previous(last)
        return first, last

    def _sums(self, kind: Kind, columns: Sequence[str]) -> str:
        use = self._use
        where = f"kind = '{kind.name}' and day_key between ${{r_first}}$ and ${{r_last}}$"
        index = "day"
        if use.pipeline_id is not None:
            where += " and pipeline_id = ${r_pipeline}$"
        if use.distributor_id is not None:
            where += " and distributor_id = ${r_whose}$"
            index = "primary"
        if use.month is not None:
            where += " and month_key = ${r_month}$"
            index = "month"
        is_kept = "day_key <= ${r_until}$"
        if self._marks and use.distributor_id is not None:
            is_kept += " and day_key not in ${r_marked}$"
        elif self._marks:
            is_kept += (
                " and not exists (select 1 from app_usage_dirty m"
                " where m.day_key = app_usage_day.day_key"
                " and m.distributor_id = app_usage_day.distributor_id)"
            )
        if self._running is not None:
            # Behind the days that are kept, there is nothing else.
            is_kept = f"{is_kept} or day_key > ${{r_until}}$"
        where += f" and ({IS_OF_BATCH} or {is_kept})"
        name = index if index == "primary" else f"app_usage_day_{index}"
        rows = f"app_usage_day force index ({name}) where {where}"
        return summed_up(columns, rows)

    def _gaps(self, first: str, last: str, until: str) -> Iterable["Gap"]:
        """Yield what must be read of the ledger: *first* to *last* are the days of which the whole
        is asked for, and up to *until* they are kept."""
        use = self._use
        if first > last:
            yield Gap(use.distributor_id, use.first_day, use.last_day, is_cut=True)
            return
        if use.first_day < first:
            yield Gap(use.distributor_id, use.first_day, _previous(first), is_cut=True)
        days: dict[str, list[str]] = {}
        for whose, day in self._marks:
            if first <= day <= until:
                days.setdefault(whose, []).append(day)
        if len(days) > MAX_MARKED_OWNERS:
            late_days = sorted({day for some in days.values() for day in some})
            yield Gap(None, late_days[0], late_days[-1], late_days)
            days = {}
        for whose, some in days.items():
            if len(self._marks) > MAX_MARKED_DAYS:
                yield Gap(whose, some[0], some[-1], some)
            else:
                yield from (Gap(whose, day, day) for day in some)
        behind = first if not self._until or until < first else next_day(until)
        if behind <= last and self._running is not None:
            assert use.distributor_id is not None
            yield Gap(use.distributor_id, behind, last, settled_after=self._running.entry_no)
            yield Gap(use.distributor_id, behind, last, is_open=True)
        elif behind <= last:
            yield Gap(use.distributor_id, behind, last)
        if last < use.last_day:
            yield Gap(use.distributor_id, next_day(last), use.last_day, is_cut=True)

    def _ledger(self, gap: "Gap", conditions: Conditions) -> str:
        """Add to *conditions* those of the rows in *gap*; return what is behind `from`."""
        use = self._use
        if gap.whose is not None and (gap.is_open or gap.settled_after is not None):
            ledger = of_entries(conditions, gap.whose, gap.first, gap.last, gap.settled_after)
            if use.month is not None:
                conditions.add("u.month_key = {}", use.month)
        elif gap.whose is not None:
            ledger = of_distributor(conditions, gap.whose, gap.first, gap.last, use.month)
        else:
            ledger = OF_PIPELINES
            if use.pipeline_id is None:
                # With these the index is read by pipeline and day.
                conditions.add("(u.pipeline_id in {} or u.pipeline_id is null)", self._pipelines)
            conditions.add("u.day_key >= {}", gap.first)
            conditions.add("u.day_key <= {}", gap.last)
            if use.month is not None:
                conditions.add("u.month_key = {}", use.month)
        if not gap.is_cut:
            conditions.text += f" and {IS_WHOLE}"
        if gap.days is not None:
            conditions.add("u.day_key in {}", gap.days)
            if gap.whose is None:
                conditions.text += f" and {_IS_MARKED}"
        if use.pipeline_id is not None:
            conditions.add("u.pipeline_id = {}", use.pipeline_id)
        _add_times(use, conditions)
        return ledger


@dataclass(frozen=True, slots=True)
class Gap:
    """Days that must be read of the ledger: whose (None: everybody's), from the first to the last,
    with `days` these only, and of those whose days are marked. Where they are not asked for as a
    whole, `is_cut`, stubs stand for what is archived."""

    whose: str | None
    first: str
    last: str
    days: list[str] | None = None
    is_cut: bool = False
    # Of these days the rows that were settled after this number; or `is_open`, those that are not
    # settled.
    settled_after: int | None = None
    is_open: bool = False


def rows_of(use: Use, conditions: Conditions) -> str:
    """Add to *conditions* those of a distributor's rows `u` of the ledger that are of *use*, stubs
    for what is archived; return what is behind `from`."""
    assert use.distributor_id is not None
    ledger = of_distributor(conditions, use.distributor_id, use.first_day, use.last_day, use.month)
    _add_times(use, conditions)
    return ledger


def _add_times(use: Use, conditions: Conditions) -> None:
    if use.earliest is not None:
        conditions.add("u.started_at >= {}", use.earliest)
    if use.latest is not None:
        conditions.add("u.started_at < {}", use.latest)


async def usage_source(
    sor: SafeSqlor, use: Use, kinds: Sequence[Kind], columns: Sequence[str]
) -> Source:
    """Return the rows of *use*, for one statement."""
    without_states = tuple(kinds) == (TOTALS,) and SETTLED.issuperset(columns)
    reader = await UsageReader.open(sor, use, without_states=without_states)
    return reader.source(kinds, columns)


def _previous(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def _day(moment: datetime, more: int) -> str:
    return (moment.date() + timedelta(days=more)).isoformat()
