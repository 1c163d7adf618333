"""Carry the packages that were bought and not used up over to app_package_use, month by month."""

import json

# What has been charged by the old rule is what check-ledger replays by it, so it is one code.
from pipeline_ops.ledger.package_replay import Replay
from pipeline_ops.rules.package_use import KEY_COLUMNS, PackageKey

WHEN = "after"
FOR = "old data"

_COLUMNS = (
    "id", "call_no", "line_no", "entry_type", "distributor_id", "pipeline_id", "step_key", "model",
    "unit", "quantity", "pricing_id", "matched", "pricing_type", "package_size", "package_price",
    "amount",
)  # fmt: skip
_THOSE = (
    " where c.distributor_id <=> %s and c.month_key = %s and c.pricing_type = 'package'"
    " and c.entry_type = 'charge' and c.matched is null"
)
_NAMES = "{0}." + ", {0}.".join(_COLUMNS) + ", c.month_key, {0}.entry_no"
_ROWS = (
    f"(select {_NAMES.format('c')} from pipeline_usage_log c{_THOSE})"  # noqa: S608  constants
    f" union all (select {_NAMES.format('r')} from pipeline_usage_log c"
    f" join pipeline_usage_log r on r.reverses = c.id{_THOSE} and r.matched is null)"
    " order by entry_no, line_no"
)
_WRITE = (
    f"insert into app_package_use (id, {', '.join(KEY_COLUMNS)}, units_left, bought, old_prices)"  # noqa: S608
    f" values (%s, {', '.join(['%s'] * len(KEY_COLUMNS))}, %s, %s, %s)"
    # Where it was done in part, what has been booked since is right.
    " on duplicate key update id = id"
)


async def migrate(cursor):
    # Portions: a distributor's month at a time, our own calls' too.
    months = await _rows(
        cursor,
        "select distinct distributor_id, month_key from pipeline_usage_log"
        " where pricing_type = 'package' and matched is null order by 1, 2",
    )
    for distributor_id, month in months:
        place = (distributor_id, month)
        rows = [
            dict(zip((*_COLUMNS, "month_key", "entry_no"), values, strict=True))
            for values in await _rows(cursor, _ROWS, place * 2)
        ]
        await _carry_over(cursor, rows)


async def _carry_over(cursor, rows):
    """Replay *rows* and write what is left. Those whose price cannot be told any more are left
    out: a void gives back what they cost, as it always did."""
    ids, old_keys = {}, {}
    for row in rows:
        price = (row["distributor_id"] or "", row["month_key"], row["pricing_id"])
        if price not in old_keys and (place := await _price_place(cursor, row)) is not None:
            key = PackageKey(price[0], row["pipeline_id"], *place, row["unit"], row["month_key"])
            old_keys[price] = key
            ids.setdefault(key, []).append(row["pricing_id"])
    replay = Replay(old_keys)
    for row in rows:
        replay.add(row)
    for key, use in replay.uses.items():
        columns = [getattr(key, name) for name in KEY_COLUMNS]
        values = [use.units_left, use.dump(), json.dumps(sorted(ids[key]))]
        await cursor.execute(_WRITE, (key.id, *columns, *values))


async def _price_place(cursor, row):
    """Return step and model of the price that *row* was charged by; None where it is gone. A link's
    fixed price is a row with the same id by now (0003)."""
    text = "select step_key, model from pipeline_pricing where id = %s"
    places = await _rows(cursor, text, (row["pricing_id"],))
    return places[0] if places else None


async def _rows(cursor, text, values=()):
    await cursor.execute(text, values)
    return await cursor.fetchall()
