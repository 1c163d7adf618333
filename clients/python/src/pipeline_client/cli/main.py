"""`pipeline-client`: the distributor API at the command line."""

import argparse
import os
import sys
from collections.abc import Sequence

from pipeline_client.cli import words
from pipeline_client.cli.commands import COMMANDS, NOT_CALLED, line_of
from pipeline_client.cli.config import ConfigProblem, config_path, read_config
from pipeline_client.clients import Client
from pipeline_client.exchange import Retries
from pipeline_client.problems import NoAnswer, PipelineError, Problem

REFUSED, AGAIN_LATER, NO_KEY = 1, 3, 4
# A person waits.
RETRIES = Retries(tries=4, patience=20)
MAX_ROWS = 1_000_000


def main(argv: Sequence[str] | None = None) -> int:
    """Do what *argv* says; return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # What stands after -- is another program's, whatever it looks like.
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = parser().parse_args(arguments[:end])
    options.command = arguments[end + 1 :]
    command, _ = COMMANDS[options.name]
    failure = NOT_CALLED if options.name == "call" else 0
    try:
        config = read_config(options.url)
    except ConfigProblem as exc:
        words.complain(str(exc))
        return failure or NO_KEY
    language = "zh" if words.is_chinese() else "en"
    try:
        with Client(config.url, config.key, retries=RETRIES, language=language) as client:
            return command(client, options)
    except PipelineError as exc:
        code = _code_of(exc, config.url)
        return failure or code
    except BrokenPipeError:  # as by `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _code_of(problem: PipelineError, url: str) -> int:
    """Tell what went wrong, and return its exit code."""
    if isinstance(problem, NoAnswer):
        words.complain(words.NO_ANSWER(url=url, problem=problem))
        return AGAIN_LATER
    if not isinstance(problem, Problem):
        words.complain(words.NOT_UNDERSTOOD(problem=problem))
        return REFUSED
    words.complain(f"{problem.code}: {problem.detail}")
    for error in problem.errors:
        words.complain(f"  {error.pointer}: {error.detail}")
    if problem.status == 401:
        return NO_KEY
    return AGAIN_LATER if problem.passes_by_itself else REFUSED


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    whole = argparse.ArgumentParser(
        prog="pipeline-client",
        description=words.ABOUT(),
        epilog=words.EPILOGUE(path=config_path()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--url", help=words.OF_URL())
    whole.add_argument("--json", action="store_true", help=words.OF_JSON())
    commands = whole.add_subparsers(dest="name", required=True, metavar="COMMAND")
    parsers = {}
    for name, (_, about) in COMMANDS.items():
        parsers[name] = one = commands.add_parser(name, help=about(), description=about())
        # Before the command or behind it; what is not given here leaves alone what is there.
        one.add_argument("--url", default=argparse.SUPPRESS, help=words.OF_URL())
        one.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help=words.OF_JSON()
        )
    _add_calls(parsers["quote"], parsers["call"], parsers["calls"])
    _add_reports(parsers["usage"], parsers["statement"])
    add = parsers["tail"].add_argument
    add("--after", type=int, default=0, help=words.OF_AFTER())
    add("--once", action="store_true", help=words.OF_ONCE())
    add("--every", type=float, default=2.0, help=words.OF_EVERY())
    return whole


def _add_calls(
    quote: argparse.ArgumentParser, call: argparse.ArgumentParser, calls: argparse.ArgumentParser
) -> None:
    quote.add_argument("pipeline", help=words.OF_PIPELINE())
    quote.add_argument("lines", nargs="+", type=line_of, metavar="LINE", help=words.OF_LINE())
    call.epilog = words.OF_COMMAND()
    call.add_argument("pipeline", help=words.OF_PIPELINE())
    call.add_argument("--unit", default="second", help=words.OF_UNIT())
    call.add_argument("--step", default="")
    call.add_argument("--model", default="")
    call.add_argument("--ref", help=words.OF_REF())
    call.add_argument("--lease", type=int, default=60, help=words.OF_LEASE())
    calls.add_argument("--status", help=words.OF_STATUS())
    calls.add_argument("--pipeline", help=words.OF_PIPELINE())
    calls.add_argument("--ref", help=words.OF_REF())
    _add_span(calls)


def _add_reports(usage: argparse.ArgumentParser, statement: argparse.ArgumentParser) -> None:
    _add_span(usage)
    usage.add_argument("--month", help=words.OF_MONTH())
    usage.add_argument("--by", help=words.OF_BY())
    statement.add_argument("month", nargs="?", help=words.OF_MONTH())
    statement.add_argument("--number", help=words.OF_NUMBER())
    statement.add_argument("--format", choices=("csv", "xlsx"), help=words.OF_FORMAT())


def _add_span(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="from_", metavar="WHEN", help=words.OF_FROM())
    parser.add_argument("--to", metavar="WHEN", help=words.OF_FROM())
    parser.add_argument("--limit", type=int, default=MAX_ROWS, help=words.OF_LIMIT())


if __name__ == "__main__":
    sys.exit(main())
