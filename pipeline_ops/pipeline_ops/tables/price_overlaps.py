"""Prices for the same use that would be in force at the same time: there is one at most."""

from app.global_func import Record, SafeSqlor, Values, iso
from pipeline_ops.errors import PRICE_OVERLAP, TIMES_OVERLAP
from pipeline_ops.rules.price_changes import KEY

_OVERLAPPING = (
    "select id, effective_from, effective_to from pipeline_pricing"  # noqa: S608  constants
    f" where {' and '.join(f'{name} = ${{{name}}}$' for name in KEY)}"
    " and enabled = 1 and id <> ${id}$"
    " and (effective_to is null or effective_to > ${effective_from}$)"
    " and (${effective_to}$ is null or effective_from < ${effective_to}$)"
    " order by effective_from limit 1"
)


async def overlapping(sor: SafeSqlor, price: Values) -> Record | None:
    """Return the first enabled price of the key of *price* that is in force while it is."""
    return await sor.one(_OVERLAPPING, {"id": "", "effective_to": None, **price})


async def check_overlap(sor: SafeSqlor, price: Values) -> None:
    """Raise Conflict `price_overlap` where another price is in force while *price* would be."""
    if not price["enabled"]:
        return
    other = await overlapping(sor, price)
    if other is None:
        return
    start, end = other["effective_from"], other["effective_to"]
    raise PRICE_OVERLAP(
        problems=[TIMES_OVERLAP("effective_from")],
        extra={"other": dict(other)},
        start=iso(start),
        end=iso(end) if end else "…",
    )
