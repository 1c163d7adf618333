"""
The rows of app_package_use: what is paid for and not used of packages, read, locked and written.

Whoever books holds the account's row first (a distributor's, or our own on a pipeline), which every
booking of that account locks; so these rows, the last that a transaction locks, and by one
statement in the order of their ids, are waited for by nobody who has others. Every transaction
that uses one writes it, its `lock_no` at least: on several database nodes a lock alone keeps
nobody apart, and of two that have written the same row one is taken back and tried again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import astuple, dataclass, field
from decimal import Decimal
from hashlib import sha256

from app.global_func import SafeSqlor, bulk_insert_tuples
from pipeline_ops.rules.packages import PackageUse, load_use
from pipeline_ops.rules.terms import MATCHES

TABLE = "app_package_use"


@dataclass(frozen=True, slots=True)
class PackageKey:
    """
    Whose packages and of what: the columns of a row, by which there is one.

    `distributor_id` is '' for calls of our own. `step_key` and `model` are those of the price, so
    that all prices of one kind share the row, own and general ones too. `month_key` is that of the
    ledger's rows.
    """

    distributor_id: str
    pipeline_id: str
    step_key: str
    model: str
    unit: str
    month_key: str

    @property
    def id(self) -> str:
        """The row's id, which follows from its key: two nodes make the same row."""
        return sha256("\0".join(astuple(self)).encode()).hexdigest()[:32]

    @property
    def match(self) -> str:
        """What the price names of the items that it is for."""
        return MATCHES[self.step_key != "", self.model != ""]


KEY_COLUMNS = ("distributor_id", "pipeline_id", "step_key", "model", "unit", "month_key")
_NOTHING = PackageUse(Decimal("0.000000"))


@dataclass(slots=True)
class Packages:
    """The packages of one account on one pipeline in one month, as far as they were read; those
    that were not have nothing left."""

    distributor_id: str
    pipeline_id: str
    month_key: str
    uses: Mapping[PackageKey, PackageUse] = field(default_factory=dict)

    def key(self, step_key: str, model: str, unit: str) -> PackageKey:
        """Return the key of what a price for this step, model and unit is charged on."""
        return PackageKey(
            self.distributor_id, self.pipeline_id, step_key, model, unit, self.month_key
        )

    def units_left(self, step_key: str, model: str, unit: str) -> Decimal | None:
        """Return what is left of those that were read; None of others, which nobody asked for."""
        use = self.uses.get(self.key(step_key, model, unit))
        return use.units_left if use is not None else None


async def read_uses(
    sor: SafeSqlor, keys: Collection[PackageKey], *, lock: bool = False
) -> dict[PackageKey, PackageUse]:
    """
    Return what is left of *keys*, by one statement; with *lock* locked until the transaction ends.

    A row that is not there yet has nothing left; the account's lock stands for it.
    """
    by_id = {key.id: key for key in keys}
    if not by_id:
        return {}
    rows = await sor.tuples(_LOCK if lock else _READ, {"ids": sorted(by_id)})
    return complete(
        keys, {by_id[row_id]: load_use(units, bought) for row_id, units, bought in rows}
    )


def complete(
    keys: Iterable[PackageKey], uses: Mapping[PackageKey, PackageUse]
) -> dict[PackageKey, PackageUse]:
    """Return the uses of all *keys*: one that is not in *uses*, those that have rows, has nothing
    left."""
    return {key: uses.get(key, _NOTHING) for key in keys}


async def save_uses(sor: SafeSqlor, uses: Mapping[PackageKey, PackageUse]) -> None:
    """Write *uses*, made or changed, whether or not anything is another than before."""
    rows: Iterable[tuple[object, ...]] = (
        (key.id, *astuple(key), use.units_left, use.dump(), 1)
        for key, use in sorted(uses.items(), key=lambda item: item[0].id)
    )
    await bulk_insert_tuples(sor, TABLE, _WRITTEN, rows, on_duplicate=_CHANGED)


_READ = "select id, units_left, bought from app_package_use where id in ${ids}$ order by id"
_LOCK = _READ + " for update"
# As the join of a statement that reads prices as r: their packages as u, of *month* and, where that
# is closed, of the months after it.
USE_OF_PRICE = (
    " left join app_package_use u on r.pricing_type = 'package'"
    " and u.distributor_id = ${distributor_id}$ and u.pipeline_id = r.pipeline_id"
    " and u.month_key >= ${month}$ and u.step_key = r.step_key and u.model = r.model"
    " and u.unit = r.unit"
)
_WRITTEN = ("id", *KEY_COLUMNS, "units_left", "bought", "lock_no")
_CHANGED = "units_left = values(units_left), bought = values(bought), lock_no = lock_no + 1"
