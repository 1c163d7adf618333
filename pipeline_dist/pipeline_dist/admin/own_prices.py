"""What the window of a link's own prices shows."""

from typing import Any

from app.global_func import (
    TOO_SLOW,
    Actor,
    FieldRule,
    InvalidFields,
    Row,
    check_params,
    get_row,
    now,
    reading,
)
from pipeline_dist.errors import NOT_LINKED
from pipeline_ops.rules.price_changes import next_month
from pipeline_ops.rules.terms import EVERYBODY
from pipeline_ops.tables.own_prices import shown_prices
from pipeline_ops.tables.price_lists import FIELDS

_ID = FieldRule(kind="str", required=True, length=32)
_PAIR = {"distributor_id": _ID, "pipeline_id": _ID}
_LINK = (
    "select * from distributor_pipeline where distributor_id = ${distributor_id}$"
    " and pipeline_id = ${pipeline_id}$"
)
_SHOWN_OF_LINK = ("id", "lock_version", "pipeline_id", "pricing_mode", "discount_rate")
_SHOWN_OF_PRICE = ("id", "lock_version", *FIELDS, "effective_from", "effective_to")


async def own_prices(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """
    Return `{now, next_month, distributor, link, general, own, complete}` of a distributor and line.

    `general` are everybody's prices in force in the distributor's currency, `own` its own ones in
    force and to come. Raises NotFound, InvalidFields `not_linked`.
    """
    query = check_params(_PAIR, params)
    moment = now()
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        distributor = await get_row(sor, "distributors", query["distributor_id"])
        pipeline = await get_row(sor, "pipelines", query["pipeline_id"])
        link = await sor.one(_LINK, query)
        if link is None:
            raise InvalidFields([NOT_LINKED("distributor_id")])
        own, has_all_own = await shown_prices(sor, distributor["id"], pipeline["id"], moment)
        general, has_all_general = await shown_prices(sor, EVERYBODY, pipeline["id"], moment)
    in_force = [
        row
        for row in general
        if row["currency"] == distributor["currency"] and row["effective_from"] <= moment
    ]
    return {
        "now": moment,
        "next_month": next_month(moment),
        "distributor": {name: distributor[name] for name in ("id", "name", "currency")},
        "link": {"name": pipeline["name"], **{name: link[name] for name in _SHOWN_OF_LINK}},
        "general": [_view(row) for row in in_force],
        "own": [_view(row) for row in own],
        "complete": has_all_own and has_all_general,
    }


def _view(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in _SHOWN_OF_PRICE}
