"""What voiding calls would give back, before anybody has done it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.global_func import (
    Actor,
    AppError,
    FieldRule,
    InvalidFields,
    SafeSqlor,
    check_params,
    reading,
    translate,
)
from pipeline_ops.errors import CALLS_TOO_SLOW, TOO_MANY_VOIDS, UNKNOWN_CALL
from pipeline_ops.ledger.entries import call_rows
from pipeline_ops.ledger.package_rows import keys_of, refunds_of
from pipeline_ops.ledger.voidable import check_voidable
from pipeline_ops.reports.call_list import distributor_names
from pipeline_ops.rules.package_use import PackageKey, read_uses
from pipeline_ops.rules.packages import PackageUse

MAX_CALLS = 200
_ASKED = {"call_nos": FieldRule(kind="json", required=True, json="list")}
_NOTHING = Decimal(0).scaleb(-10)
_TOLD = (
    "id", "call_no", "lock_version", "distributor_id", "pipeline_id", "client_ref", "status",
    "started_at", "currency",
)  # fmt: skip
_PIPELINES = "select id, name from pipelines where id in ${ids}$"


async def usage_void_preview(actor: Actor, params: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return `{calls, refunds: [{currency, calls, amount}]}`: what voiding the calls `call_nos`, one
    after the other, would give back.

    Each call has `charge`, `refund` and `packages`: for each of its items on packages the `units`
    that come back, how many packages are `taken_back` for which `amount`, and the `units_left` for
    later calls. `refusal` says why one cannot be voided, in the reader's language. Nothing is
    locked: what others book meanwhile may change it. Raises NotFound for a number without a call.
    """
    call_nos = list(dict.fromkeys(map(str, check_params(_ASKED, params)["call_nos"].value)))
    if len(call_nos) > MAX_CALLS:
        raise InvalidFields([TOO_MANY_VOIDS("call_nos", most=MAX_CALLS)])
    uses: dict[PackageKey, PackageUse] = {}
    async with reading(snapshot=True, refusal=CALLS_TOO_SLOW) as sor:
        calls = [await _call(sor, call_no, uses, actor.lang) for call_no in call_nos]
        distributors = await distributor_names(sor, calls)
        ids = sorted({call["pipeline_id"] for call in calls})
        pipelines = dict(await sor.tuples(_PIPELINES, {"ids": ids})) if ids else {}
    for call in calls:
        call["distributor"] = distributors.get(call["distributor_id"] or "")
        call["pipeline"] = pipelines.get(call["pipeline_id"])
    return {"calls": calls, "refunds": _refunds(calls)}


async def _call(
    sor: SafeSqlor, call_no: str, uses: dict[PackageKey, PackageUse], lang: str
) -> dict[str, Any]:
    """Return what voiding one call gives back; *uses* are the packages as those before it would
    leave them."""
    rows = await call_rows(sor, call_no)
    if not rows or rows[0]["pipeline_id"] is None:
        raise UNKNOWN_CALL(call_no=call_no)
    header, charges = rows[0], [row for row in rows if row["entry_type"] == "charge"]
    call = {name: header[name] for name in _TOLD} | {
        "charge": sum((row["amount"] for row in charges), _NOTHING),
        "refund": _NOTHING,
        "packages": [],
        "refusal": None,
    }
    try:
        check_voidable(header)
    except AppError as exc:
        return call | {"refusal": translate(exc.text, lang)}
    keys = await keys_of(sor, rows)
    unread = {key for _, key in keys} - uses.keys()
    uses |= await read_uses(sor, unread)
    packages = [_package(row, key, uses) for row, key in keys]
    refunds = {package.pop("id"): package["amount"] for package in packages}
    refund = sum((refunds.get(row["id"], row["amount"]) for row in charges), _NOTHING)
    return call | {"refund": refund, "packages": packages}


def _package(
    row: Mapping[str, Any], key: PackageKey, uses: dict[PackageKey, PackageUse]
) -> dict[str, Any]:
    before = _count(uses[key])
    ((_, amount),) = refunds_of([(row, key)], uses).values()
    return {
        "id": row["id"],
        "unit": row["unit"],
        "units": row["quantity"],
        "package_size": row["package_size"],
        "taken_back": before - _count(uses[key]),
        "amount": amount,
        "units_left": uses[key].units_left,
    }


def _count(use: PackageUse) -> int:
    return sum(purchase.count for purchase in use.bought)


def _refunds(calls: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return by currency how many of *calls* can be voided, and what that gives back."""
    sums: dict[str, tuple[int, Decimal]] = {}
    for call in calls:
        if call["refusal"] is None:
            count, amount = sums.get(call["currency"], (0, _NOTHING))
            sums[call["currency"]] = (count + 1, amount + call["refund"])
    return [
        {"currency": currency, "calls": count, "amount": amount}
        for currency, (count, amount) in sorted(sums.items())
    ]
