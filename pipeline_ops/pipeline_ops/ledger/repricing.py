"""
Which price each charge of the ledger should have, chosen anew (money.md, section 1): by the time
when its call began, by the number that it began under and by its link's terms of then, all of which
its header keeps; and whether the terms on the row are those of that price.

Calls whose header does not keep them are older than prices that cannot change: their amounts are
worked out from the terms on their rows (amounts.py), and that is all that is known of them.
"""

from app.global_func import Row, SafeSqlor
from pipeline_ops.ledger.counted import Difference
from pipeline_ops.rules.terms import TERMS_COLUMNS, LinkTerms, PricingMode, Terms, terms_of

# A charge `u` and its header `h`.
_CHARGES = (
    " from pipeline_usage_log u"
    " join pipeline_usage_log h on h.call_no = u.call_no and h.line_no = 0"
    " where u.entry_type = 'charge' and u.pricing_id is not null and u.archive_batch is null"
    " and h.terms_no is not null and h.pricing_mode is not null"
)
# `LinkTerms.choose` among those that `DatedTerms.holds_at` lets in.
_DUE = (
    "(select r.id from pipeline_pricing r where r.pipeline_id = u.pipeline_id and r.enabled = 1"
    " and r.unit = u.unit and r.currency = u.currency"
    " and r.step_key in ('', u.step_key) and r.model in ('', u.model)"
    " and (r.distributor_id = '' and h.pricing_mode <> 'fixed'"
    " or r.distributor_id = u.distributor_id)"
    " and r.effective_from <= h.started_at and r.terms_no <= h.terms_no"
    " and (r.effective_to is null or r.effective_to > h.started_at or r.end_terms_no > h.terms_no)"
    " order by r.distributor_id <> '' desc, r.step_key <> '' desc, r.model <> '' desc limit 1)"
)
_WRONG_CHOICES = (
    f"select u.id, u.call_no, u.line_no, u.pricing_id, {_DUE} as due{_CHARGES}{{month}}"
    " having due is null or due <> u.pricing_id order by u.call_no, u.line_no"
)
# A row that says how its price was found is no older than what headers keep.
_WITHOUT_TERMS = (
    "select u.id, u.call_no, u.line_no, if(h.terms_no is null, 'terms_no', 'pricing_mode') as name"
    " from pipeline_usage_log u join pipeline_usage_log h"
    " on h.call_no = u.call_no and h.line_no = 0"
    " where u.entry_type = 'charge' and u.matched is not null"
    " and (h.terms_no is null or h.pricing_mode is null){month}"
)
# Distinct terms are few however many rows there are.
_APPLIED = ("pricing_type", "unit_price", "unit_size", "package_size", "package_price")
_TERMS = ", ".join("u." + name for name in _APPLIED)
_STORED_TERMS = (
    f"select u.pricing_id, h.pricing_mode, h.discount_rate, {_TERMS}, count(*) as calls,"
    f" min(concat(u.call_no, '/', u.line_no)) as first, min(u.id) as id{_CHARGES}{{month}}"
    f" group by u.pricing_id, h.pricing_mode, h.discount_rate, {_TERMS}"
)
_PRICES = f"select {', '.join(TERMS_COLUMNS)} from pipeline_pricing where id in ${{ids}}$"  # noqa: S608  constants


async def price_faults(sor: SafeSqlor, month: str | None) -> list[Difference]:
    """Return the charges that have another price than they should, and those whose terms are not
    their price's; with *month* only those of that month."""
    where, values = (" and u.month_key = ${month}$" if month else ""), {"month": month}
    faults = [
        Difference(
            "terms", f"{row['call_no']}/{row['line_no']}", "pricing_id", row["pricing_id"],
            row["due"] or "-", row["id"],
        )
        for row in await sor.sqlExe(_WRONG_CHOICES.format(month=where), values)
    ]  # fmt: skip
    faults += [
        Difference("terms", f"{row['call_no']}/{row['line_no']}", row["name"], None, 1, row["id"])
        for row in await sor.sqlExe(_WITHOUT_TERMS.format(month=where), values)
    ]
    terms = await sor.sqlExe(_STORED_TERMS.format(month=where), values)
    prices = await _prices(sor, sorted({row["pricing_id"] for row in terms}))
    return faults + [fault for row in terms for fault in _term_faults(row, prices)]


async def _prices(sor: SafeSqlor, ids: list[str]) -> dict[str, Terms]:
    rows = await sor.tuples(_PRICES, {"ids": ids}) if ids else []
    return {row[0]: terms_of(row) for row in rows}


def _term_faults(row: Row, prices: dict[str, Terms]) -> list[Difference]:
    """Return what differs between the terms on rows and those of their price; nothing of a price
    that is not there, which is another fault."""
    price = prices.get(row["pricing_id"])
    if price is None:
        return []
    key = f"{row['first']} (×{row['calls']})"
    mode, rate = row["pricing_mode"], row["discount_rate"]
    if mode == PricingMode.DISCOUNT and rate is None:
        return [Difference("terms", key, "discount_rate", None, 1, row["id"])]
    applied = LinkTerms(price.distributor_id or None, mode, rate).applied(price)
    return [
        Difference("terms", key, name, row[name], getattr(applied, name), row["id"])
        for name in _APPLIED
        if _says(row[name], name) != _says(getattr(applied, name), name)
    ]


def _says(value: object, name: str) -> object:
    # Packages have no unit, and the ledger says so by a 1 or by nothing.
    return (value or 1) if name == "unit_size" else value
