"""The tables of the simulated database, as the model files say: columns, defaults, unique keys."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `kind` is text, number, decimal, time or bytes; decimals of a decimal."""

    kind: str
    scale: Decimal
    default: Any

    def store(self, value: Any) -> Any:
        """Return *value* as the column keeps it: times as texts of UTC with milliseconds."""
        if value is None:
            return None
        if self.kind == "number":
            return int(value)
        if self.kind == "decimal":
            return Decimal(value).quantize(self.scale)
        return value


def as_answer(kind: str, value: Any) -> Any:
    """Return the *value* of a column of this *kind* as a connection gives it."""
    if kind == "time" and value is not None:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns, and each unique key with its name, the primary one first."""

    name: str
    columns: dict[str, Column]
    keys: dict[str, tuple[str, ...]]
    # What stands for a row of a left join that is not there.
    empty: Row

    def row_of(self, values: Row) -> Row:
        """Return a whole row with *values*."""
        row = {name: column.default for name, column in self.columns.items()}
        for name, value in values.items():
            row[name] = self.columns[name].store(value)
        return row

    def identity(self, row: Row) -> tuple[Any, ...]:
        """Return the primary key of *row*."""
        return tuple(row[name] for name in self.keys["PRIMARY"])


@cache
def model_tables() -> dict[str, Table]:
    """Return the tables of all model files, by name."""
    tables = {}
    for file in sorted(ROOT.glob("pipeline_*/models/*.json")):
        model = json.loads(file.read_text("utf-8"))
        name = model["summary"][0]["name"]
        columns = {field["name"]: _column(field) for field in model["fields"]}
        keys = {"PRIMARY": tuple(model["summary"][0]["primary"])}
        keys |= {
            f"{name}_{index['name']}": tuple(index["idxfields"])
            for index in model["indexes"]
            if index["idxtype"] == "unique"
        }
        tables[name] = Table(name, columns, keys, dict.fromkeys(columns))
    return tables


def _column(field: dict[str, Any]) -> Column:
    kind, scale = field["type"], Decimal(1)
    if kind.startswith("decimal"):
        scale = Decimal(1).scaleb(-int(kind.rstrip(")").split(",")[1]))
        kind = "decimal"
    elif kind.startswith("datetime"):
        kind = "time"
    elif kind.startswith(("int", "bigint", "tinyint", "smallint")):
        kind = "number"
    elif kind.startswith("varbinary"):
        kind = "bytes"
    else:
        kind = "text"
    column = Column(kind, scale, None)
    return Column(kind, scale, column.store(field.get("default")))
