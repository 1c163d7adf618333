"""The month whose statement a row of the ledger belongs to: its own, or the open one behind it."""


def open_month(month: str, closed_month: str | None) -> str:
    """
    Return *month* (`YYYY-MM`), or, if it is closed, the oldest that is not.

    Months close in order: *closed_month* and all before it are closed; None: none is.
    """
    if closed_month is None or month > closed_month:
        return month
    return month_after(closed_month)


def month_after(month: str) -> str:
    """Return the month that follows *month*."""
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]), 12)
    return f"{year:04d}-{number + 1:02d}"
