"""What the admin endpoints of this module do: a request's parameters in, a record out."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from app.global_func import (
    BAD_CHOICE,
    NOTHING_TO_CHANGE,
    TOO_SLOW,
    Actor,
    Answer,
    FieldRule,
    InvalidFields,
    Message,
    any_case,
    check_delete,
    check_new,
    check_params,
    check_update,
    get_row,
    in_transaction,
    like_pattern,
    now,
    quota_month,
    reading,
    table,
    update_row,
)
from pipeline_ops.calls import booking as bookings
from pipeline_ops.calls.account import OwnAccount
from pipeline_ops.errors import (
    ARCHIVED_ROW,
    BOOKED_FOR_GOOD,
    LINES_OR_UNIT,
    PIPELINE_REQUIRED,
    PRICES_OR_CHANGES,
    UNIT_REQUIRED,
)
from pipeline_ops.ledger.states import OVER
from pipeline_ops.reports import price_preview as preview
from pipeline_ops.rules.line_steps import check_steps
from pipeline_ops.rules.months import MONTH_RULE
from pipeline_ops.rules.pricing import price_lines, total
from pipeline_ops.rules.usage_lines import UsageLine, check_lines
from pipeline_ops.tables import price_bulk, prices
from pipeline_ops.tables.trial_prices import check_trial

Params = Mapping[str, Any]
ALL = "全部"  # the generated pages' own word for "no filter"
MAX_MATCHES = 50

_EDITABLE = ("remark", "client_ref")
REASON = FieldRule(kind="str", length=500, required=True)
_QUOTE = {
    "pipeline_id": FieldRule(kind="str", required=True, length=32),
    "lines": FieldRule(kind="json", required=True, json="list"),
    "currency": FieldRule(kind="str", length=3, format="currency"),
}
_PREVIEW = {
    "month": replace(MONTH_RULE, required=True),
    "distributor_id": FieldRule(kind="str", length=32),
    "prices": FieldRule(kind="json", json="list"),
    "changes": FieldRule(kind="json", json="list"),
}


async def usage_log_create(actor: Actor, params: Params) -> Answer:
    """Book a call by hand: one item by step_key, model, unit and quantity, or several as
    `lines`."""
    values = check_new(bookings.TABLE, params, extra={"lines": FieldRule(kind="json", json="list")})
    if values["pipeline_id"] is None:
        raise InvalidFields([PIPELINE_REQUIRED("pipeline_id")])
    if values["status"] not in OVER:
        raise InvalidFields([BAD_CHOICE("status", choices=", ".join(OVER))])
    lines = _lines_to_book(values)
    record = await in_transaction(lambda sor: bookings.book(sor, values, lines, actor))
    return Answer(record, table=bookings.TABLE, message=Message("The call is booked."))


async def usage_log_update(actor: Actor, params: Params) -> Answer:
    """Change the remark or the client's own number of a call; nothing else of it ever changes."""
    key, lock_version, new_values = check_update(bookings.TABLE, params)

    async def work(sor: Any) -> dict[str, Any]:
        current = await get_row(sor, bookings.TABLE, key, lock=True)
        fixed = [n for n, value in new_values.items() if n not in _EDITABLE and value != current[n]]
        if fixed:
            raise InvalidFields(BOOKED_FOR_GOOD(name) for name in fixed)
        if current["archive_batch"] is not None:
            raise ARCHIVED_ROW()
        values = {name: new_values[name] for name in _EDITABLE if name in new_values}
        if not values:
            raise NOTHING_TO_CHANGE()
        return await update_row(sor, bookings.TABLE, key, lock_version, values, actor)

    return Answer(await in_transaction(work), table=bookings.TABLE)


async def usage_log_delete(actor: Actor, params: Params) -> Answer:
    """Void the call that a row belongs to; `reason` is kept."""
    key, lock_version, extra = check_delete(bookings.TABLE, params, extra={"reason": REASON})
    record = await in_transaction(
        lambda sor: bookings.void(sor, key, lock_version, extra["reason"], actor)
    )
    return Answer(record, table=bookings.TABLE, message=Message("The call is voided."))


async def pipeline_pricing_delete(actor: Actor, params: Params) -> Answer:
    """Delete a draft of a price; end one that is in force, and say so."""
    record = await prices.SERVICE.delete_from(params, actor, prices.SERVICE.with_way_back)
    is_gone = record["can_be_restored"]
    message = Message("Deleted." if is_gone else "The price ends now and stays in the list.")
    return Answer(record, table=prices.TABLE, message=message)


async def price_percent(actor: Actor, params: Params) -> dict[str, Any]:
    """Change prices by a percentage; see tables/price_bulk.py."""
    return await in_transaction(lambda sor: price_bulk.change_by_percent(sor, params, actor))


async def price_copy(actor: Actor, params: Params) -> dict[str, Any]:
    """Let a line have the prices of another; see tables/price_bulk.py."""
    return await in_transaction(lambda sor: price_bulk.copy_prices(sor, params, actor))


async def price_quote(actor: Actor, params: Params) -> dict[str, Any]:
    """Return what `lines` cost now at a line's own prices in `currency` (ours by default); books
    nothing."""
    query = check_params(_QUOTE, params)
    lines = check_lines(query["lines"].value)
    account, moment = OwnAccount(), now()
    currency = query["currency"] or account.currency
    async with reading(snapshot=True) as sor:
        pipeline = await get_row(sor, "pipelines", query["pipeline_id"])
        await check_steps(sor, pipeline["id"], pipeline["current_version"], lines)
        priced_lines = await price_lines(
            sor, account.terms, query["pipeline_id"], moment, lines, currency,
            month=account.month_of(quota_month(moment)),
        )  # fmt: skip
    return {
        "currency": currency,
        "total": total(priced_lines),
        "lines": [
            {
                "line_no": item.line_no,
                "step_key": item.usage.step_key,
                "model": item.usage.model,
                "unit": item.usage.unit,
                "quantity": item.usage.quantity,
                "pricing_id": item.terms.pricing_id,
                "pricing_type": item.terms.pricing_type,
                "unit_price": item.terms.unit_price,
                "unit_size": item.terms.unit_size,
                "package_size": item.terms.package_size,
                "package_price": item.terms.package_price,
                "price_scope": item.terms.price_scope,
                "matched": item.terms.matched,
                "amount": item.amount,
                "units_left": item.units_left,
            }
            for item in priced_lines
        ],
    }


async def price_preview(actor: Actor, params: Params) -> dict[str, Any]:
    """Return what `month` would have cost under `prices` and `changes` of prices, of one
    distributor or of all; books nothing. See reports/price_preview.py."""
    query = check_params(_PREVIEW, params)
    lists = {name: query[name].value if query[name] else [] for name in ("prices", "changes")}
    if not any(lists.values()):
        raise InvalidFields([PRICES_OR_CHANGES("prices")])
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        trial = await check_trial(sor, lists["prices"], lists["changes"])
        if query["distributor_id"] is not None:
            # Of a module above, whose tables the model names.
            owners = table(bookings.TABLE).columns["distributor_id"].references
            assert owners is not None
            await get_row(sor, owners, query["distributor_id"])
        return await preview.price_preview(sor, query["month"], query["distributor_id"], trial)


async def get_search_pipeline_id(actor: Actor, params: Params) -> list[dict[str, str]]:
    """Lines for a drop-down, first of all "every": by name or code, filtered by `q`."""
    text = str(params.get("q") or "").strip()[:128]
    name, pattern = any_case("name", like_pattern(text))
    code, _ = any_case("code", pattern)
    async with reading() as sor:
        rows = await sor.sqlExe(
            f"select id, name from pipelines where {name} like ${{pattern}}$"  # noqa: S608
            f" or {code} like ${{pattern}}$ order by name, id limit ${{most}}$",
            {"pattern": pattern, "most": MAX_MATCHES},
        )
    choices = [{"value": row["id"], "text": row["name"]} for row in rows]
    return [{"value": "", "text": ALL}, *choices]


def _lines_to_book(values: Mapping[str, Any]) -> list[UsageLine]:
    """Return the items of a booking, out of `lines` or of the row's own fields; raises
    InvalidFields."""
    single = UsageLine(
        step_key=values["step_key"],
        model=values["model"],
        unit=values["unit"],
        quantity=values["quantity"],
    )
    if values["lines"] is None:
        if single.unit:
            return [single]
        if single.quantity or single.step_key or single.model:
            raise InvalidFields([UNIT_REQUIRED("unit")])
        return []
    if single != UsageLine(unit="", quantity=Decimal(0)):
        raise InvalidFields([LINES_OR_UNIT("lines")])
    return check_lines(values["lines"].value)
