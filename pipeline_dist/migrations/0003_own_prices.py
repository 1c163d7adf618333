"""Make own prices of the links' fixed prices, and give running calls their link's terms."""

import json
from decimal import Decimal
from hashlib import sha256

WHEN = "after"
FOR = "old data"

_LINKS = (
    "select l.id, l.distributor_id, l.pipeline_id, l.pricing_mode, l.fixed_prices, l.created_at,"
    " l.created_by, d.currency, d.code, p.code from distributor_pipeline l"
    " join distributors d on d.id = l.distributor_id join pipelines p on p.id = l.pipeline_id"
    " where l.fixed_prices is not null and l.fixed_prices <> '' order by l.id"
)
_INSERT = (
    "insert into pipeline_pricing (distributor_id, pipeline_id, enabled, effective_from,"
    " created_at, created_by, updated_at, updated_by, id, step_key, model, unit, pricing_type,"
    " unit_price, unit_size, package_size, package_price, currency)"
    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
# Everybody's prices of a line that apply now or later, or to a call of the pair whose end has not
# been told.
_GENERAL = (
    "select step_key, model, unit from pipeline_pricing"
    " where pipeline_id = %s and distributor_id = '' and enabled = 1 and currency = %s"
    " and (effective_to is null or effective_to > least(utc_timestamp(3), coalesce("
    "(select min(started_at) from pipeline_usage_log where distributor_id = %s"
    " and pipeline_id = %s and line_no = 0 and status in ('reserved', 'expired')"
    " and entry_no is null), utc_timestamp(3))))"
)
_CAPTURE = (
    "update pipeline_usage_log u join pipelines p on p.id = u.pipeline_id"
    " left join distributor_pipeline l"
    " on l.distributor_id = u.distributor_id and l.pipeline_id = u.pipeline_id"
    " set u.pricing_mode = coalesce(l.pricing_mode, 'inherit'),"
    " u.discount_rate = l.discount_rate, u.terms_no = coalesce(u.terms_no, p.terms_no)"
    " where u.line_no = 0 and u.status in ('reserved', 'expired') and u.entry_no is null"
    " and u.pricing_mode is null"
)


async def migrate(cursor):
    # A database that had no links with such a list does not have the column.
    await cursor.execute("show columns from distributor_pipeline like 'fixed_prices'")
    if await cursor.fetchone():
        await cursor.execute(_LINKS)
        for *link, distributor, pipeline in await cursor.fetchall():
            if await _make_prices(cursor, *link):
                yield (
                    f"{distributor} inherits prices of {pipeline} that its own do not cover,"
                    " as it was charged before"
                )
    await cursor.execute(_CAPTURE)


async def _make_prices(
    cursor, link_id, distributor_id, pipeline_id, mode, text, created_at, created_by, currency
):
    """Make a row of each fixed price of a link, from its making on; its number 0 is known to every
    call. Where the link's mode did not apply them, the rows are switched off. Return whether the
    link inherits now."""
    is_applied = mode == "fixed"
    stamps = (created_at, created_by, created_at, created_by)
    own = [_price(link_id, item, currency) for item in json.loads(text, parse_float=Decimal)]
    for price in own:
        values = (distributor_id, pipeline_id, is_applied, created_at, *stamps, *price)
        await cursor.execute(_INSERT, values)
    if not is_applied:
        return False
    # What had no fixed price was charged at everybody's, which the mode `fixed` does not do any
    # more: a link that needs them inherits them, own prices first, as it was.
    await cursor.execute(_GENERAL, (pipeline_id, currency, distributor_id, pipeline_id))
    if all(_is_covered(use, own) for use in await cursor.fetchall()):
        return False
    await cursor.execute(
        "update distributor_pipeline set pricing_mode = 'inherit' where id = %s", (link_id,)
    )
    return True


def _price(link_id, item, currency):
    """Return the values of a price by what it was in the list. Its id is what the ledger has as the
    pricing_id of what was charged at it."""
    step_key, model, unit = item.get("step_key") or "", item.get("model") or "", item["unit"]
    kind = item.get("pricing_type") or "unit"
    identity = f"{link_id}\0{step_key}\0{model}\0{unit}\0{kind}"
    of_unit = (item.get("unit_price"), item.get("unit_size") or 1, None, None)
    of_package = (None, 1, item.get("package_size"), item.get("package_price"))
    return (
        sha256(identity.encode()).hexdigest()[:32],
        *(step_key, model, unit, kind),
        *(of_unit if kind == "unit" else of_package),
        item.get("currency") or currency,
    )


def _is_covered(use, own):
    step_key, model, unit = use
    return any(
        price[3] == unit and price[1] in ("", step_key) and price[2] in ("", model) for price in own
    )
