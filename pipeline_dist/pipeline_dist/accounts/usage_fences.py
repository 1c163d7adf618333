"""The fences of the sums of use on distributors' rows (pipeline_ops/ledger/day_marks.py)."""

from app.global_func import SafeSqlor, in_transaction, reading
from pipeline_ops.rollup.build import UsageFences

_BEHIND = "(usage_day is null or usage_day < ${day}$)"


async def raise_to(day: str) -> None:
    """Set the fences of all distributors to *day*, each in a transaction of its own: nobody waits
    for more than one row."""
    async with reading() as sor:
        ids = await sor.firsts(
            f"select id from distributors where {_BEHIND} order by id",  # noqa: S608
            {"day": day},
        )
    for key in ids:

        async def work(sor: SafeSqlor, key: str = key) -> None:
            await sor.sqlExe(
                "update distributors set usage_day = ${day}$"  # noqa: S608
                f" where id = ${{id}}$ and {_BEHIND}",
                {"day": day, "id": key},
            )

        await in_transaction(work)


FENCES = UsageFences(raise_to)
