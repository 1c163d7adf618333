"""What a replay is made of: a recorded trace of calls, and a list of models' prices."""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from app.global_func import AppError
from pipeline_dist.replay.errors import (
    REPLAY_BAD_LINE,
    REPLAY_BAD_PRICE,
    REPLAY_FAILED,
    REPLAY_NEGATIVE_TOKENS,
    REPLAY_SEVERAL_PRICES,
    REPLAY_TOO_MANY_CELLS,
    REPLAY_WITHOUT_CALLS,
    REPLAY_WITHOUT_COLUMN,
    REPLAY_WITHOUT_PRICES,
)

TRACE_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
PRICE_COLUMNS = ("provider", "model", "input_usd_per_1m_tokens", "output_usd_per_1m_tokens")
PRICE_DECIMALS = 6


class ReplayError(AppError):
    """A replay cannot go on; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class TraceCall:
    """One recorded call; `row` counts from 1, `seconds` from the first call."""

    row: int
    seconds: float
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class ModelPrices:
    """What a model costs, in US dollars per 1,000,000 tokens."""

    model: str
    input_price: Decimal
    output_price: Decimal


def read_trace(path: Path) -> list[TraceCall]:
    """Read the calls of a trace in the order recorded; raises ReplayError naming the line."""
    calls: list[TraceCall] = []
    start: datetime | None = None
    for line, row in _rows(path, TRACE_COLUMNS):
        try:
            moment = datetime.fromisoformat(row["TIMESTAMP"].strip())
            start = start or moment
            tokens = int(row["ContextTokens"]), int(row["GeneratedTokens"])
            seconds = (moment - start).total_seconds()
        except (TypeError, ValueError) as exc:
            raise ReplayError(REPLAY_BAD_LINE, path=path, line=line, problem=exc) from None
        if min(tokens) < 0:
            raise ReplayError(REPLAY_NEGATIVE_TOKENS, path=path, line=line)
        calls.append(TraceCall(len(calls) + 1, seconds, *tokens))
    if not calls:
        raise ReplayError(REPLAY_WITHOUT_CALLS, path=path)
    return calls


def trace_mark(path: Path) -> str:
    """Return a few characters that stand for the content of a trace."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]


def read_prices(path: Path, model: str) -> ModelPrices:
    """
    Read the prices of *model*, which may be named `provider/model` where several providers have it.

    Raises ReplayError when there is no such model, or when providers ask different prices.
    """
    models: dict[tuple[Decimal, Decimal], str] = {}
    for line, row in _rows(path, PRICE_COLUMNS):
        if model not in (row["model"], f"{row['provider']}/{row['model']}"):
            continue
        prices = tuple(_price(path, line, row[name]) for name in PRICE_COLUMNS[2:])
        models.setdefault((prices[0], prices[1]), row["provider"])
    if not models:
        raise ReplayError(REPLAY_WITHOUT_PRICES, path=path, model=model)
    if len(models) > 1:
        names = ", ".join(f"{provider}/{model}" for provider in models.values())
        raise ReplayError(REPLAY_SEVERAL_PRICES, model=model, named=names)
    (prices,) = models
    return ModelPrices(model, *prices)


def _price(path: Path, line: int, text: str) -> Decimal:
    try:
        price = Decimal(text)
        fits = price.is_finite() and 0 <= price == round(price, PRICE_DECIMALS)
    except (InvalidOperation, TypeError):
        fits = False
    if not fits:
        raise ReplayError(REPLAY_BAD_PRICE, path=path, line=line, text=text, most=PRICE_DECIMALS)
    return price


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise ReplayError(REPLAY_WITHOUT_COLUMN, path=path, names=", ".join(missing))
            for row in reader:
                if None in row:  # as an unquoted 1,200.50 makes it
                    raise ReplayError(REPLAY_TOO_MANY_CELLS, path=path, line=reader.line_num)
                yield reader.line_num, row
    except OSError as exc:
        raise ReplayError(REPLAY_FAILED, path=path, problem=exc.strerror) from None
    except (UnicodeDecodeError, csv.Error) as exc:
        raise ReplayError(REPLAY_FAILED, path=path, problem=exc) from None
