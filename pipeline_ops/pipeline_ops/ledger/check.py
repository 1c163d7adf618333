"""
`manage.py check-ledger`: do all counters, and the statements, say what the ledger says?

All is read in one snapshot with the counters, so that the check may run while calls are let in: the
sums from an index that has all they take, what rows say slice by slice (slices.py).
"""

import argparse
import asyncio
from decimal import Decimal

from app.global_func import SafeSqlor, month_bounds, pools, reading, to_json
from pipeline_ops.ledger.amounts import amount_faults
from pipeline_ops.ledger.counted import COUNTED_TABLES, Difference, Sums, Value
from pipeline_ops.ledger.numbers import read_numbers
from pipeline_ops.ledger.repair import repair
from pipeline_ops.ledger.repricing import price_check
from pipeline_ops.ledger.row_faults import row_faults
from pipeline_ops.ledger.slices import Progress, Tell, account_ids, row_slices
from pipeline_ops.ledger.structure import structure_faults

_SUMS = (
    "select u.distributor_id, u.month_key, u.pipeline_id, u.day_key, u.spend_day,"
    " u.entry_type = 'topup' as is_topup, count(*) as row_count,"
    " sum(u.line_no = 0 and u.pipeline_id is not null) as headers,"
    " sum(u.calls) as calls,"
    " sum(u.line_no = 0 and u.status = 'reserved') as running,"
    " sum(u.amount) as amount,"
    " sum(if(u.pricing_id is null and u.pipeline_id is not null, 0, u.amount)) as stated"
    " from pipeline_usage_log u force index (pipeline_usage_log_distributor_month)"
)
# Those of its statement, and those of its days that stand in a later one.
_OF_MONTH = (
    " and u.month_key >= ${month}$ and (u.month_key = ${month}$ or u.day_key like"
    " concat(${month}$, '-%'))"
)
# One part of the index at a time; of all accounts at once there are many groups.
_PART_ACCOUNTS = 10
_OF_OURS, _OF_DISTRIBUTORS = (
    " where u.distributor_id is null",
    " where u.distributor_id in ${whose}$",
)
_GROUPS = " group by u.distributor_id, u.month_key, u.pipeline_id, u.day_key, u.spend_day, is_topup"
_RUNNING = (
    "select pipeline_id, count(*) as running from pipeline_usage_log"
    " where status = 'reserved' and line_no = 0 group by pipeline_id"
)


def _tell_nobody(_: str) -> None:
    """Keep how far the check is to oneself."""


async def sums_of(sor: SafeSqlor, month: str | None, tell: Tell = _tell_nobody) -> Sums:
    """Return what the ledger says, of one quota month or (None) of all time."""
    sums = Sums()
    accounts = await account_ids(sor)
    whose = [one for one in accounts if one is not None]
    parts = [whose[n : n + _PART_ACCOUNTS] for n in range(0, len(whose), _PART_ACCOUNTS)]
    for number, part in enumerate([[], *parts] if len(whose) < len(accounts) else parts):
        where = (_OF_DISTRIBUTORS if part else _OF_OURS) + (_OF_MONTH if month else "")
        for row in await sor.sqlExe(_SUMS + where + _GROUPS, {"month": month, "whose": part}):
            sums.add(row)
        tell(f"accounts {number * _PART_ACCOUNTS:,}/{len(whose):,}")
    if not month:
        # The order of settlement goes through all months.
        sums.entries = await read_numbers(sor)
    else:
        # A call that runs may have begun in an earlier month.
        sums.running = {
            row["pipeline_id"]: int(row["running"]) for row in await sor.sqlExe(_RUNNING, {})
        }
    return sums


async def check(sor: SafeSqlor, month: str | None = None) -> list[Difference]:
    """Return every counter and statement that differs from the ledger, as *sor*'s snapshot sees
    them; with *month* only those of that quota month."""
    return await differences(sor, await sums_of(sor, month), month)


async def differences(
    sor: SafeSqlor, sums: Sums, month: str | None, tell: Tell = _tell_nobody
) -> list[Difference]:
    """Return the counters of all rows held against *sums*, and of all time what they rest on."""
    counters: list[Difference] = []
    for table in COUNTED_TABLES:
        tell(table.name)
        counters += await table.compare(sor, sums, month)
    rows = await _row_differences(sor, month, tell)
    return counters + rows + ([] if month else await structure_faults(sor))


async def _row_differences(sor: SafeSqlor, month: str | None, tell: Tell) -> list[Difference]:
    """Return what rows say that they should not: their prices, amounts and the rest; the ledger is
    read once for all of it."""
    prices = await price_check(sor)
    of_prices: list[Difference] = []
    of_amounts: list[Difference] = []
    of_rows: list[Difference] = []
    async for part in row_slices(sor, month, tell):
        of_prices += await prices.faults(sor, part)
        of_amounts += await amount_faults(sor, part)
        of_rows += await row_faults(sor, part)
    return [*of_prices, *await prices.term_faults(sor), *of_amounts, *of_rows]


def run_command(argv: list[str]) -> int:
    """Compare all counters with the ledger; 0 when they agree (or do after a repair), else 1."""
    parser = argparse.ArgumentParser(
        prog="manage.py check-ledger",
        description="Recompute all counters from the ledger and print every difference. "
        "按账本重算全部计数，并列出差异。",
    )
    parser.add_argument(
        "--month", type=month_argument, help="only this quota month, YYYY-MM; 只核对这个配额月"
    )
    parser.add_argument("--repair", action="store_true",
                        help="print the differences, then set the counters right;"
                        " 先列出差异，再改正计数")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one line of JSON; 输出一行 JSON")
    options = parser.parse_args(argv)
    return asyncio.run(_run(options))


def month_argument(text: str) -> str:
    """Return *text*, a month that a command was told; argparse says what is none."""
    # A month that is none has no calls, and would be told to be right.
    try:
        month_bounds(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no month: give one such as 2026-11. 不是月份，请写成 2026-11 的形式。"
        ) from None
    return text


async def _run(options: argparse.Namespace) -> int:
    try:
        async with reading(snapshot=True) as sor:
            tell = Progress()
            sums = await sums_of(sor, options.month, tell)
            deviations = await differences(sor, sums, options.month, tell)
        _print(deviations, sums, as_json=options.json)
        if not deviations or not options.repair:
            return 1 if deviations else 0
        return await _repair(deviations)
    finally:
        await pools().close()


def _print(differences: list[Difference], sums: Sums, *, as_json: bool) -> None:
    if as_json:
        rows = [
            {name: getattr(item, name) for name in ("table", "key", "counter", "says", "should_be")}
            for item in differences
        ]
        print(to_json({"calls": sums.headers, "rows": sums.rows, "differences": rows}))
        return
    for item in differences:
        print(
            f"{item.table} {item.key} {item.counter}: says {_plain(item.says)},"
            f" should be {_plain(item.should_be)}"
        )
    print(
        f"{sums.headers} calls, {sums.rows} rows: {len(differences)} difference(s)."
        f" 共 {sums.headers} 次调用、{sums.rows} 行，差异 {len(differences)} 处。"
    )


async def _repair(differences: list[Difference]) -> int:
    remaining = 0
    counting_tables = {table.name for table in COUNTED_TABLES if table.counts}
    rebuilt_rows: set[tuple[str, str]] = set()
    for item in differences:
        table = COUNTED_TABLES.get(item.table)
        if table is not None and table.rebuild is not None:
            if (item.table, item.row_id) not in rebuilt_rows:
                await table.rebuild(item.row_id)
                print(f"{item.table} {item.key}: made anew. 已重算。")
            rebuilt_rows.add((item.table, item.row_id))
            continue
        if item.table not in counting_tables:
            remaining += 1
            print(f"{item.table} {item.key}: no counter, and left as it is. 不是计数，未改动。")
            continue
        value = await repair(item.table, item.row_id, item.counter, item.missing)
        print(f"{item.table} {item.key} {item.counter}: set to {_plain(value)}. 已改正。")
    return 1 if remaining else 0


def _plain(value: Value) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)
