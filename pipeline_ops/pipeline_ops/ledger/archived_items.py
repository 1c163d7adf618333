"""What the ledger still knows of the items of archived calls: what they come to."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from app.global_func import SafeSqlor
from pipeline_ops.ledger.rows import CallLine

_ARCHIVED_AMOUNTS = (
    "select call_no, sum(amount) from pipeline_usage_log where call_no in ${call_nos}$"
    " and archive_batch is not null and entry_type = 'charge' group by call_no"
)


class ArchivedItems(Sequence[CallLine]):
    """The items of a call that is archived: none are here, and `amount` is what they come to."""

    def __init__(self, amount: Decimal) -> None:
        self.amount = amount

    def __len__(self) -> int:
        return 0

    def __getitem__(self, index: Any) -> Any:
        raise IndexError(index)


async def archived_items(sor: SafeSqlor, call_nos: Iterable[str]) -> dict[str, ArchivedItems]:
    """Return what those of these calls come to that are archived, by call_no."""
    rows = await sor.tuples(_ARCHIVED_AMOUNTS, {"call_nos": list(call_nos)})
    return {call_no: ArchivedItems(amount) for call_no, amount in rows}
