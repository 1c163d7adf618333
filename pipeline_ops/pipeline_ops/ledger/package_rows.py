"""
Rows of the ledger that were charged on packages: on which ones, and what a void gives back.

A row has the call's own step and model; `matched` tells which of them its price names, and so
which packages it used. Rows of before that was kept counted by the sum of units under their price:
where the packages of such a price were carried over, `app_package_use.old_prices` names it.
"""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from app.global_func import SafeSqlor
from pipeline_ops.rules.package_use import PackageKey, Packages, read_uses, save_uses
from pipeline_ops.rules.packages import PackageUse, release
from pipeline_ops.rules.pricing import to_amount
from pipeline_ops.rules.terms import MATCHES, PricingType

# (distributor_id, month_key, pricing_id) of rows of before -> the packages that go on for them.
OldKeys = Mapping[tuple[str, str, str], PackageKey]


def key_of(row: Mapping[str, Any], old_keys: OldKeys) -> PackageKey | None:
    """Return the packages that *row* was charged on; None of a price per unit, and of a row of
    before whose packages were not carried over."""
    if row["pricing_type"] != PricingType.PACKAGE:
        return None
    packages = Packages(row["distributor_id"] or "", row["pipeline_id"], row["month_key"])
    if row["matched"] is None:
        price = (packages.distributor_id, packages.month_key, row["pricing_id"])
        return old_keys.get(price)
    has_step, has_model = next(names for names, word in MATCHES.items() if word == row["matched"])
    return packages.key(
        row["step_key"] if has_step else "", row["model"] if has_model else "", row["unit"]
    )


async def read_old_keys(
    sor: SafeSqlor, *, distributor_id: str | None = None, month: str | None = None
) -> dict[tuple[str, str, str], PackageKey]:
    """Return which packages go on for which prices of before: all, or of one distributor ('' is
    our own), or of one month."""
    text = _OLD
    if distributor_id is not None:
        text += " and distributor_id = ${distributor_id}$"
    if month is not None:
        text += " and month_key = ${month}$"
    return {
        (key[0], key[5], pricing_id): PackageKey(*key)
        for ids, *key in await sor.tuples(text, {"distributor_id": distributor_id, "month": month})
        for pricing_id in json.loads(ids)
    }


async def release_packages(
    sor: SafeSqlor, rows: Iterable[Mapping[str, Any]]
) -> dict[str, tuple[str, Decimal]]:
    """
    Put the units of a call that is voided back: lock its packages, the last rows that the
    transaction locks, and write them. *rows* are the call's, whose account is locked.

    Return, by the ids of the rows that were charged on packages, what their price names and the
    amount that is given back; it is of packages that are free now, whoever paid for them.
    """
    keys = await keys_of(sor, rows)
    uses = await read_uses(sor, {key for _, key in keys}, lock=True)
    refunds = refunds_of(keys, uses)
    await save_uses(sor, uses)
    return refunds


async def keys_of(
    sor: SafeSqlor, rows: Iterable[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], PackageKey]]:
    """Return those of *rows*, of one account, that were charged on packages, each with these."""
    items = [row for row in rows if row["pricing_type"] == PricingType.PACKAGE]
    old_keys: OldKeys = {}
    if any(row["matched"] is None for row in items):
        old_keys = await read_old_keys(sor, distributor_id=items[0]["distributor_id"] or "")
    return [(row, key) for row in items if (key := key_of(row, old_keys)) is not None]


def refunds_of(
    keys: Iterable[tuple[Mapping[str, Any], PackageKey]], uses: dict[PackageKey, PackageUse]
) -> dict[str, tuple[str, Decimal]]:
    """Put the units of the rows of *keys* back into *uses*; return what `release_packages`
    does."""
    refunds: dict[str, tuple[str, Decimal]] = {}
    for row, key in keys:
        uses[key], refund = release(uses[key], row["quantity"])
        refunds[row["id"]] = (key.match, to_amount(refund))
    return refunds


_OLD = (
    "select old_prices, distributor_id, pipeline_id, step_key, model, unit, month_key"
    " from app_package_use where old_prices is not null"
)
