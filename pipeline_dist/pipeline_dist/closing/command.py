"""`manage.py close-months`: close what is over, for one distributor or all, oldest first."""

import argparse
import asyncio

from app.global_func import (
    SYSTEM_ACTOR,
    AppError,
    now,
    pools,
    quota_month,
    reading,
    translate,
)
from pipeline_dist.closing.due import close_up_to, month_before
from pipeline_dist.reports.statement import check_month

_ALL = "select id, code from distributors where (${code}$ is null or code = ${code}$) order by code"


def run_command(argv: list[str]) -> int:
    """Close months; 0 when all that was asked for are closed, else 1."""
    parser = argparse.ArgumentParser(
        prog="manage.py close-months",
        description="Close every month up to one, oldest first: each gets its statement, for good."
        " 按先后关账至某月，每月生成不可更改的账单。",
    )
    parser.add_argument(
        "--until", help="the last month, YYYY-MM; by default the one before this; 最后一个月"
    )
    parser.add_argument("--distributor", help="the code of one distributor; 只关一个分销商（代码）")
    options = parser.parse_args(argv)
    until = check_month(options.until) if options.until else month_before(quota_month(now()))
    return asyncio.run(_run(until, options.distributor))


async def _run(until: str, code: str | None) -> int:
    try:
        async with reading() as sor:
            rows = await sor.sqlExe(_ALL, {"code": code})
        if not rows:
            print("There is no such distributor. 没有这个分销商。")
        failures = [row["code"] for row in rows if not await _close(row["id"], row["code"], until)]
        return 1 if failures or not rows else 0
    finally:
        await pools().close()


async def _close(distributor_id: str, code: str, until: str) -> bool:
    try:
        for month, result in await close_up_to(distributor_id, until, SYSTEM_ACTOR):
            if result is not None:
                print(f"{code} {month}: {result.number} {result.total:f} {result.currency}")
        print(f"{code}: closed up to {until}. 已关账至 {until}。")
        return True
    except AppError as exc:
        print(f"{code}: {translate(exc.text, 'en')} {translate(exc.text, 'zh')}")
        return False
