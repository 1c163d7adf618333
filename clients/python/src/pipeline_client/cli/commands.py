"""What each command of the command line does; all return the exit code."""

import argparse
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from types import FrameType
from typing import Any

from pipeline_client.cli import words
from pipeline_client.cli.tables import table
from pipeline_client.clients import Client
from pipeline_client.models import Event
from pipeline_client.operations import Line
from pipeline_client.problems import PipelineError
from pipeline_client.records import Record, plain

DONE = 0
NOT_CALLED = 125
NOT_RUNNABLE = 126
NOT_THERE = 127
SECONDS_DECIMALS = Decimal("0.001")
PRICE_COLUMNS = ("step_key", "model", "unit", "unit_price", "unit_size")
USAGE_COLUMNS = (
    "entry_no", "entry_type", "started_at", "pipeline", "step_key", "model", "unit", "quantity",
    "amount", "currency", "call_no",
)  # fmt: skip
SUM_COLUMNS = (
    "day", "pipeline", "model", "step", "unit", "calls", "quantity", "amount", "currency",
)  # fmt: skip


def line_of(text: str) -> Line:
    """Return the line that *text* means; raises ArgumentTypeError."""
    name, _, count = text.rpartition("=")
    *before, unit = name.split("/")
    try:
        quantity = Decimal(count)
    except InvalidOperation:
        quantity = Decimal("nan")
    if not unit or len(before) > 2 or not quantity.is_finite():
        raise argparse.ArgumentTypeError(words.BAD_LINE(text=text))
    step_key, model = [""] * (2 - len(before)) + before
    return Line(unit, quantity, step_key, model)


def me(client: Client, options: argparse.Namespace) -> int:
    """Tell who the key belongs to, and what is left."""
    answer = client.me()
    if options.json:
        return _print_json(answer)
    names = ("code", "name", "status", "currency", "billing_mode", "balance", "time_zone",
             "api_key_prefix", "api_key_expires_at")  # fmt: skip
    rows = [{"member": _head(name), "value": getattr(answer, name)} for name in names]
    print(table(("member", "value"), [row for row in rows if row["value"] is not None]), end="\n\n")
    print(table(("scope", "limit", "used", "remaining", "resets_at"), _rows(answer.limits)))
    return DONE


def quote(client: Client, options: argparse.Namespace) -> int:
    """Tell what a call would cost now."""
    answer = client.quote(options.pipeline, options.lines)
    if options.json:
        return _print_json(answer)
    print(table((*PRICE_COLUMNS, "quantity", "amount"), _rows(answer.lines)))
    print(f"\n{words.TOTAL()}: {_plain_amount(answer.total)} {answer.currency}")
    if answer.refusal is not None:
        words.complain(f"{answer.refusal.code}: {answer.refusal.detail}")
    return DONE


def usage(client: Client, options: argparse.Namespace) -> int:
    """Tell what was used: lines, or sums."""
    span = {"from_": options.from_, "to": options.to, "month": options.month}
    if not options.by:
        return _print_list(client.usage(**span), USAGE_COLUMNS, options)
    answer = client.usage_sums(options.by, **span)
    if options.json:
        return _print_json(answer)
    print(table(SUM_COLUMNS, _rows(answer.rows)))
    total = answer.total
    print(f"\n{words.TOTAL()}: {_plain_amount(total.amount)} {answer.currency} ({total.calls})")
    return DONE


def calls(client: Client, options: argparse.Namespace) -> int:
    """List the calls."""
    listing = client.calls(
        status=options.status,
        pipeline=options.pipeline,
        client_ref=options.ref,
        from_=options.from_,
        to=options.to,
    )
    columns = ("started_at", "status", "pipeline", "amount", "currency", "client_ref", "call_no")
    return _print_list(listing, columns, options)


def statement(client: Client, options: argparse.Namespace) -> int:
    """Tell a statement, as a table, as JSON or as a file."""
    which = {"month": options.month, "number": options.number}
    if options.format:
        sys.stdout.buffer.write(client.statement_file(options.format, **which))
        sys.stdout.buffer.flush()
        return DONE
    answer = client.statement(**which)
    if options.json:
        return _print_json(answer)
    print(f"{answer.month}  {answer.status}  {answer.number or ''}".rstrip(), end="\n\n")
    columns = ("pipeline", *PRICE_COLUMNS, "calls", "quantity", "amount")
    rows = [*answer.lines, *answer.corrections, *answer.adjustments]
    print(table((*columns, "reason"), _rows(rows)))
    print(f"\n{words.TOTAL()}: {answer.total} {answer.currency}")
    return DONE


def tail(client: Client, options: argparse.Namespace) -> int:
    """Follow the events, or with `--once` tell those so far."""
    after = options.after
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        while True:
            for event in client.events(after):
                print(_event_text(event, options), flush=True)
                after = event.event_no
            if options.once:
                break
            time.sleep(options.every)
    return DONE


def call(client: Client, options: argparse.Namespace) -> int:
    """Run a command as a call: book its seconds, or cancel where it fails."""
    argv = options.command
    if not argv:
        words.complain(words.NO_COMMAND())
        return 2
    # Without a price the work could not be booked once it is done: refused before it begins.
    client.quote(
        options.pipeline, [Line(options.unit, 1, step_key=options.step, model=options.model)]
    )
    block = client.call(options.pipeline, client_ref=options.ref, lease_seconds=options.lease)
    code = NOT_CALLED
    try:
        with block:
            start = time.monotonic()
            code = _run(argv, {"PIPELINE_CALL_NO": block.call_no})
            seconds = Decimal(str(time.monotonic() - start)).quantize(SECONDS_DECIMALS)
            if code == 0:
                block.add(options.unit, seconds, step_key=options.step, model=options.model)
            else:
                block.cancel()
    except PipelineError as exc:
        if code == NOT_CALLED:
            raise
        sentence = words.CALL_NOT_BOOKED(call_no=block.call_no, problem=exc)
        words.complain(sentence)
        return code or NOT_CALLED
    _tell_call(block.call, options, code)
    return code


def _tell_call(booking: Any, options: argparse.Namespace, code: int) -> None:
    if options.json:
        print(json.dumps(plain(booking)), file=sys.stderr)
    elif code:
        words.complain(words.CALL_CANCELLED(call_no=booking.call_no, code=code))
    else:
        words.complain(
            words.CALL_BOOKED(
                call_no=booking.call_no,
                quantity=_plain_amount(booking.lines[0].quantity),
                unit=options.unit,
                amount=_plain_amount(booking.amount),
                currency=booking.currency,
            )
        )


def _run(argv: Sequence[str], more: dict[str, str]) -> int:
    """Run a command and return its exit code; what would end this program ends the command."""
    # The key is nobody's business but ours.
    env = {name: value for name, value in os.environ.items() if name != "PIPELINE_KEY"} | more
    with _signals() as pass_on:
        try:
            process = subprocess.Popen(argv, env=env)
        except FileNotFoundError as exc:
            words.complain(words.NOT_RUN(command=argv[0], problem=exc.strerror))
            return NOT_THERE
        except OSError as exc:
            words.complain(words.NOT_RUN(command=argv[0], problem=exc.strerror))
            return NOT_RUNNABLE
        pass_on(process)
        code = process.wait()
    return 128 - code if code < 0 else code


@contextlib.contextmanager
def _signals() -> Iterator[Callable[["subprocess.Popen[bytes]"], None]]:
    """
    Keep signals from ending this program; yield what is told of the command that gets them, also
    those that came before it was there. Ctrl-C at a terminal reaches it by itself.
    """
    processes: list[subprocess.Popen[bytes]] = []
    early_signals: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        if processes:
            processes[0].send_signal(number)
        else:
            early_signals.append(number)

    def pass_on(process: "subprocess.Popen[bytes]") -> None:
        processes.append(process)
        for number in early_signals:
            process.send_signal(number)

    # A function, and not SIG_IGN, which the command would inherit.
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda number, frame: None),
        signal.SIGTERM: signal.signal(signal.SIGTERM, forward),
    }
    try:
        yield pass_on
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_json(record: Record) -> int:
    print(json.dumps(plain(record), ensure_ascii=False))
    return DONE


def _print_list(
    records: Iterator[Record], columns: Sequence[str], options: argparse.Namespace
) -> int:
    """Print a list as a table; with `--json` a record a line, as they come."""
    first_records = itertools.islice(records, options.limit)
    if options.json:
        for record in first_records:
            print(json.dumps(plain(record), ensure_ascii=False))
    else:
        print(table(columns, _rows(first_records)))
    return DONE


def _rows(records: Iterable[Record]) -> list[dict[str, Any]]:
    return [vars(record) for record in records]


def _event_text(event: Event, options: argparse.Namespace) -> str:
    if options.json:
        return json.dumps(plain(event), ensure_ascii=False)
    return table(("event_no", "created_at", "type", "data"), [vars(event)]).rpartition("\n")[2]


def _head(name: str) -> str:
    return words.COLUMNS[name]() if name in words.COLUMNS else name


def _plain_amount(amount: Decimal | None) -> str:
    return format((amount or Decimal(0)).normalize(), "f")


COMMANDS = {
    "me": (me, words.OF_ME),
    "quote": (quote, words.OF_QUOTE),
    "call": (call, words.OF_CALL),
    "usage": (usage, words.OF_USAGE),
    "calls": (calls, words.OF_CALLS),
    "statement": (statement, words.OF_STATEMENT),
    "tail": (tail, words.OF_TAIL),
}
