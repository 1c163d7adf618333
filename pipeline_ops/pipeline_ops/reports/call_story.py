"""One call with all that explains its amount: each line's arithmetic, and how it was voided."""

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from app.global_func import (
    Actor,
    FieldRule,
    Row,
    add_names,
    check_params,
    reading,
    table,
)
from pipeline_ops.errors import CALLS_TOO_SLOW, UNKNOWN_CALL
from pipeline_ops.ledger.matches import MATCH_COLUMNS, PRICE_OF_ROW
from pipeline_ops.ledger.package_moves import PackageMove, package_moves
from pipeline_ops.ledger.states import EntryType
from pipeline_ops.ledger.tag_texts import tags_of
from pipeline_ops.reports.call_list import distributor_names
from pipeline_ops.rules.terms import PricingType, shown_price

_ASKED = {"call_no": FieldRule(kind="str", required=True, length=32)}
_NOTHING = Decimal(0).scaleb(-10)
_ROWS = (
    f"select u.*, {MATCH_COLUMNS}, u.matched as charged_as, r.unit_price as list_unit_price,"  # noqa: S608
    " r.package_price as list_package_price, r.effective_from, r.effective_to,"
    " r.distributor_id as price_owner, p.name as pipeline, p.code as pipeline_code"
    f" from pipeline_usage_log u{PRICE_OF_ROW} left join pipelines p on p.id = u.pipeline_id"
    " where u.call_no = ${call_no}$ and u.pipeline_id is not null order by u.line_no"
)
_CALL = (
    "id", "call_no", "lock_version", "distributor_id", "pipeline_id", "pipeline", "pipeline_code",
    "version_no", "status", "source", "client_ref", "request_id", "idempotency_key", "error",
    "remark",
    "started_at", "finished_at", "duration_ms", "lease_expires_at", "day_key", "month_key",
    "currency", "estimate", "pricing_mode", "discount_rate", "created_at", "created_by",
    "created_by_text", "voided_at", "voided_by", "voided_by_text", "void_reason", "entry_no",
)  # fmt: skip
_ITEM = (
    "id", "line_no", "step_key", "model", "unit", "quantity", "pricing_id", "pricing_type",
    "unit_size", "package_size", "price_scope", "matched", "effective_from", "effective_to",
    "amount", "currency", "month_key",
)  # fmt: skip
_REVERSAL = (
    "line_no", "step_key", "model", "unit", "quantity", "amount", "currency", "reason",
    "created_at", "created_by", "created_by_text", "entry_no", "month_key",
)  # fmt: skip
# Who voided it from where stands in the audit trail, with the number of the request.
_VOID_REQUEST = (
    "select request_id from app_audit where table_name = 'pipeline_usage_log'"
    " and row_id = ${id}$ and action = 'void' order by id desc limit 1"
)


async def usage_call(actor: Actor, params: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return `{call, items, reversals, amount, charge}` of the call `call_no`; raises NotFound.

    An item has its price as it was charged (`price`) and as it stands in the list (`list_price`,
    before the discount), how it was found, `exact` (what it comes to before it is rounded to ten
    decimals; None of packages) and `packages`: what was left before and after, and how many were
    bought. Of an archived call there are no items here: `archived` says so.
    """
    call_no = check_params(_ASKED, params)["call_no"]
    async with reading(snapshot=True, refusal=CALLS_TOO_SLOW) as sor:
        rows: list[Row] = await sor.sqlExe(_ROWS, {"call_no": call_no})
        if not rows:
            raise UNKNOWN_CALL(call_no=call_no)
        names = await distributor_names(sor, rows[:1])
        moves = await package_moves(sor, [_row_of_price(row) for row in rows])
        requests = await sor.firsts(_VOID_REQUEST, {"id": rows[0]["id"]})
    await add_names(table("pipeline_usage_log"), rows)
    header = rows[0]
    charges = [row for row in rows if row["entry_type"] == EntryType.CHARGE]
    return {
        "call": {name: header.get(name) for name in _CALL}
        | {
            "distributor": names.get(header["distributor_id"] or ""),
            "tags": tags_of(header["tags"]),
            "archived": header["archive_batch"] is not None,
            "void_request_id": requests[0] if requests else None,
        },
        "items": [_item(row, header, moves.get(row["id"])) for row in charges if row["unit"]],
        "reversals": [
            {name: row.get(name) for name in _REVERSAL} | _packages(moves.get(row["id"]))
            for row in rows
            if row["entry_type"] == EntryType.REVERSAL
        ],
        "amount": sum((row["amount"] for row in rows), _NOTHING),
        "charge": sum((row["amount"] for row in charges), _NOTHING),
    }


def _row_of_price(row: Row) -> dict[str, Any]:
    """Return *row* with what it keeps of its price, which tells the packages that it used."""
    return {**row, "matched": row["charged_as"]}


def _item(row: Row, header: Row, move: PackageMove | None) -> dict[str, Any]:
    is_package = row["pricing_type"] == PricingType.PACKAGE
    name = "package_price" if is_package else "unit_price"
    price, list_price = row[name], row[f"list_{name}"]
    # An own price has no discount, and one of before that was taken back has no list any more.
    is_discounted = list_price is not None and price is not None and price != list_price
    return {column: row[column] for column in _ITEM} | {
        "price": shown_price(price),
        "list_price": shown_price(list_price if list_price is not None else price),
        "discount_rate": header["discount_rate"] if is_discounted else None,
        "exact": None if is_package else _exact(row),
        **_packages(move),
    }


def _exact(row: Row) -> str | None:
    """Return what a line comes to before it is rounded, where more than ten decimals are needed for
    that: `quantity × price ÷ size`, to twenty."""
    if row["unit_price"] is None or not row["unit_size"]:
        return None
    top, bottom = (row["quantity"] * row["unit_price"]).as_integer_ratio()
    steps = top * 10**20 // (bottom * row["unit_size"])
    text = f"{Decimal(steps).scaleb(-20):.20f}".rstrip("0")
    return text if len(text.partition(".")[2]) > 10 else None


def _packages(move: PackageMove | None) -> dict[str, Any]:
    return {"packages": None if move is None else asdict(move)}
