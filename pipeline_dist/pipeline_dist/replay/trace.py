"""What a replay is made of: a recorded trace of calls, and a list of models' prices."""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from app.global_func import AppError

TRACE_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
PRICE_COLUMNS = ("provider", "model", "input_usd_per_1m_tokens", "output_usd_per_1m_tokens")
PRICE_DECIMALS = 6
_AT_LINE = "{path}, line {line}: {problem}"
_UNREADABLE = "{path} cannot be read: {problem}"


class ReplayError(AppError):
    """A replay cannot go on; the sentence says why and what to do."""

    def __init__(self, template: str, **params: Any) -> None:
        super().__init__("replay_failed", template, **params)


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
            raise ReplayError(_AT_LINE, path=path, line=line, problem=exc) from None
        if min(tokens) < 0:
            raise ReplayError(
                "{path}, line {line}: tokens must not be negative.", path=path, line=line
            )
        calls.append(TraceCall(len(calls) + 1, seconds, *tokens))
    if not calls:
        raise ReplayError("{path} has no calls in it.", path=path)
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
        raise ReplayError("{path} has no prices for the model {model}.", path=path, model=model)
    if len(models) > 1:
        names = ", ".join(f"{provider}/{model}" for provider in models.values())
        raise ReplayError(
            "Providers ask different prices for {model}. Name one of: {named}",
            model=model,
            named=names,
        )
    (prices,) = models
    return ModelPrices(model, *prices)


def _price(path: Path, line: int, text: str) -> Decimal:
    try:
        price = Decimal(text)
        fits = price.is_finite() and 0 <= price == round(price, PRICE_DECIMALS)
    except (InvalidOperation, TypeError):
        fits = False
    if not fits:
        raise ReplayError(
            "{path}, line {line}: {text} is no price of at most {most} decimals.",
            path=path,
            line=line,
            text=text,
            most=PRICE_DECIMALS,
        )
    return price


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise ReplayError(
                    "{path} has no column {names}.", path=path, names=", ".join(missing)
                )
            for row in reader:
                if None in row:  # as an unquoted 1,200.50 makes it
                    raise ReplayError(
                        "{path}, line {line}: there are more cells than the first row names.",
                        path=path,
                        line=reader.line_num,
                    )
                yield reader.line_num, row
    except OSError as exc:
        raise ReplayError(_UNREADABLE, path=path, problem=exc.strerror) from None
    except (UnicodeDecodeError, csv.Error) as exc:
        raise ReplayError(_UNREADABLE, path=path, problem=exc) from None
