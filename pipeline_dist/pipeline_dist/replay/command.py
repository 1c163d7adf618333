"""`manage.py replay`: send a recorded trace of calls through the HTTP API."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from app.global_func import local_url, pools, running_settings, settings
from pipeline_dist.replay.sender import Sender, Totals
from pipeline_dist.replay.setup import make_target
from pipeline_dist.replay.trace import read_prices, read_trace, trace_mark

DEFAULT_MODEL = "claude-haiku-4-5"
DEFAULT_CONCURRENCY = 8
_BAR_CHARACTERS = 30
_REDRAW_SECONDS = 0.2


def run_command(argv: list[str]) -> int:
    """Replay a trace; 0 when every call is booked, else 1. Raises ReplayError before it starts."""
    return asyncio.run(_replay(_parser().parse_args(argv)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage.py replay",
        description="Send a recorded trace of calls through the HTTP API. Running it again with"
        " the same prefix books nothing new. 把记录下来的调用序列经 HTTP 接口重放；"
        "以同一前缀再次运行不会重复记账。",
    )
    add = parser.add_argument
    add("--trace", type=Path, required=True, help="CSV: TIMESTAMP,ContextTokens,GeneratedTokens")
    add("--prices", type=Path, required=True, help="CSV: USD per 1,000,000 tokens 模型价格表")
    add("--model", default=DEFAULT_MODEL, help=f"({DEFAULT_MODEL}) 模型")
    add("--speed", type=_speed, default=0.0, help="0: as fast as it goes; 1: as recorded 速度")
    add("--prefix", help="of the idempotency keys; by default from the trace 幂等键前缀")
    add("--json", action="store_true", help="end with one line of JSON 末行输出 JSON")
    add("--base-url", help="(this installation's own address) 服务地址")
    add("--concurrency", type=_concurrency, default=DEFAULT_CONCURRENCY, help="calls at once 并发")
    return parser


async def _replay(options: argparse.Namespace) -> int:
    calls = read_trace(options.trace)
    prices = read_prices(options.prices, options.model)
    try:
        target = await make_target(prices)
    finally:
        await pools().close()
    prefix = options.prefix or f"replay-{trace_mark(options.trace)}"
    start = time.monotonic()
    sender = Sender(
        options.base_url or _own_address(), target, prefix, _progress(len(calls), start, sys.stderr)
    )
    await sender.send(calls, speed=options.speed, concurrency=options.concurrency)
    _tell(sender.totals, target.pipeline, time.monotonic() - start, as_json=options.json)
    return 1 if sender.totals.failure_count else 0


def _tell(totals: Totals, pipeline: str, seconds: float, *, as_json: bool) -> None:
    rate = round(totals.calls / seconds, 1)
    for failure in totals.failures:
        print(failure, file=sys.stderr)
    print(
        f"{pipeline}: {totals.calls} calls ({totals.bookings} newly booked,"
        f" {totals.failure_count} failed), {totals.amount} USD, {seconds:.1f} s, {rate} calls/s."
        f" 共 {totals.calls} 次调用，新记账 {totals.bookings} 次，失败 {totals.failure_count} 次。",
        file=sys.stderr if as_json else sys.stdout,
    )
    if as_json:
        figures = {"pipeline": pipeline, "calls": totals.calls}
        print(json.dumps(figures | {"amount": str(totals.amount), "calls_per_second": rate}))


def _own_address() -> str:
    return local_url(running_settings(settings()))


def _progress(total: int, start: float, out: TextIO) -> Callable[[Totals], None]:
    """Draws a bar on a terminal; elsewhere a line for each tenth."""
    state = {"at": start, "tenths": 0}

    def draw(totals: Totals) -> None:
        now, tenths = time.monotonic(), totals.finished_count * 10 // total
        rate = totals.finished_count / max(now - start, 0.001)
        if out.isatty():
            if now - state["at"] < _REDRAW_SECONDS and totals.finished_count < total:
                return
            state["at"] = now
            filled = totals.finished_count * _BAR_CHARACTERS // total
            bar = "#" * filled + "-" * (_BAR_CHARACTERS - filled)
            end = "\n" if totals.finished_count == total else ""
            print(
                f"\r[{bar}] {totals.finished_count}/{total} {rate:.0f}/s",
                end=end,
                file=out,
                flush=True,
            )
        elif tenths > state["tenths"]:
            state["tenths"] = tenths
            print(f"{totals.finished_count}/{total} {rate:.0f}/s", file=out, flush=True)

    return draw


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 <= speed <= 1_000_000:
        raise argparse.ArgumentTypeError("give 0, or how many times as fast as recorded")
    return speed


def _concurrency(text: str) -> int:
    count = int(text)
    if not 1 <= count <= 256:
        raise argparse.ArgumentTypeError("give a number from 1 to 256")
    return count
