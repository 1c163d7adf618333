"""Prices and capacity as they travel with a line: exported, imported, cloned."""

import json
from collections.abc import Mapping
from typing import Any

from app.global_func import (
    Actor,
    AppError,
    InvalidFields,
    SafeSqlor,
    TableService,
    canonical_json,
    check_new,
    table,
    to_json,
    translate,
)
from pipeline_core.transfer.parts import Part
from pipeline_ops.tables import capacities, prices

# A distributor's own prices stay: like its link, they belong to it and this installation.
_PRICES = "select * from pipeline_pricing where pipeline_id = ${id}$ and distributor_id = ''"
_CAPACITY = "select * from pipeline_capacity where pipeline_id = ${id}$"


async def read_prices(sor: SafeSqlor, pipeline_id: str) -> list[dict[str, Any]]:
    """Read the line's prices, always in the same order."""
    rows = await sor.sqlExe(_PRICES, {"id": pipeline_id})
    return sorted((_plain(prices.TABLE, row) for row in rows), key=canonical_json)


async def write_prices(
    sor: SafeSqlor, pipeline_id: str, data: Any, actor: Actor
) -> list[dict[str, Any]]:
    """Add prices to a line; what became of each."""
    return [
        # What came as one list was one before: in how many currencies, for which steps, is no
        # question.
        await _write(
            sor, prices.SERVICE, pipeline_id, {**row, **prices.CONFIRMED}, actor, row.get("unit")
        )
        if isinstance(row, dict)
        else _problem("", "bad_price", "A price must be an object, in braces.", actor)
        for row in (data if isinstance(data, list) else [data])
    ]


async def read_capacity(sor: SafeSqlor, pipeline_id: str) -> dict[str, Any] | None:
    """Read the line's capacity without its counters, or None."""
    row = await sor.one(_CAPACITY, {"id": pipeline_id})
    return None if row is None else _plain(capacities.TABLE, row)


async def write_capacity(
    sor: SafeSqlor, pipeline_id: str, data: Any, actor: Actor
) -> list[dict[str, Any]]:
    """Give a line its capacity; what became of it."""
    if not isinstance(data, dict):
        return [_problem("", "bad_capacity", "The capacity must be an object, in braces.", actor)]
    return [await _write(sor, capacities.SERVICE, pipeline_id, data, actor, "")]


PARTS = (
    Part("prices", read_prices, write_prices),
    Part("capacity", read_capacity, write_capacity),
)


def _plain(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what people set of a row, as JSON has it: no ids, no counters, nothing that is
    empty."""
    columns = table(name).columns
    values = {
        column: bool(value) if columns[column].boolean else value
        for column, value in row.items()
        if column in columns and not columns[column].server_set
        if column != "pipeline_id" and value not in (None, "")
    }
    result: dict[str, Any] = json.loads(to_json(values))
    return result


async def _write(
    sor: SafeSqlor,
    service: TableService,
    pipeline_id: str,
    row: Mapping[str, Any],
    actor: Actor,
    label: Any,
) -> dict[str, Any]:
    columns = table(service.table).columns
    # Ids and stamps of another line's row mean nothing here.
    own = {n: v for n, v in row.items() if n not in columns or not columns[n].server_set}
    try:
        values = check_new(service.table, {**own, "pipeline_id": pipeline_id}, extra=service.extra)
        await service.create(sor, values, actor)
    except InvalidFields as exc:
        problems = [
            {"code": p.code, "field": p.field, "message": translate(p.text, actor.lang)}
            for p in exc.problems
        ]
        return {"action": "problem", "label": str(label or ""), "problems": problems}
    except AppError as exc:
        if exc.status >= 500:
            raise
        problem = {"code": exc.code, "field": "", "message": translate(exc.text, actor.lang)}
        return {"action": "problem", "label": str(label or ""), "problems": [problem]}
    return {"action": "created", "label": str(label or ""), "problems": []}


def _problem(label: str, code: str, sentence: str, actor: Actor) -> dict[str, Any]:
    problem = {"code": code, "field": "", "message": translate(sentence, actor.lang)}
    return {"action": "problem", "label": label, "problems": [problem]}
