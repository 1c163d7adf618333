"""The packages that one batch of requests uses: locked together, changed in memory, written at
once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.global_func import SafeSqlor
from pipeline_ops.rules.package_use import PackageKey, Packages, read_uses, save_uses
from pipeline_ops.rules.packages import PackageUse
from pipeline_ops.rules.pricing import PricedLine, uses_after
from pipeline_ops.rules.terms import PricingType, Terms
from pipeline_ops.rules.usage_lines import UsageLine


@dataclass(slots=True)
class LockedPackages:
    """Rows of app_package_use by their keys, as the calls of the batch have left them so far."""

    uses: dict[PackageKey, PackageUse] = field(default_factory=dict)
    # By pipeline: step, model and unit of its prices per package.
    places: dict[str, set[tuple[str, str, str]]] = field(default_factory=dict)
    _keys_to_write: set[PackageKey] = field(default_factory=set)

    def add_price(self, pipeline_id: str, terms: Terms) -> None:
        """Note a price that calls of the batch may have."""
        if terms.pricing_type == PricingType.PACKAGE:
            places = self.places.setdefault(pipeline_id, set())
            places.add((terms.step_key, terms.model, terms.unit))

    def keys_of(self, packages: Packages, lines: Sequence[UsageLine]) -> set[PackageKey]:
        """Return which of *packages* any price may charge *lines* on; which one it will be is not
        known yet."""
        return {
            packages.key(step_key, model, unit)
            for step_key, model, unit in self.places.get(packages.pipeline_id, ())
            if any(
                line.unit == unit and step_key in ("", line.step_key) and model in ("", line.model)
                for line in lines
            )
        }

    async def lock(self, sor: SafeSqlor, keys: Iterable[PackageKey]) -> None:
        """
        Lock those of *keys* that are not locked yet, and read what is left of them.

        All that a batch may use are locked by one statement, after its other rows; one that is
        asked for later is locked then, which harms nobody: the distributor's row is held.
        """
        missing_keys = set(keys) - self.uses.keys()
        if missing_keys:
            self.uses |= await read_uses(sor, missing_keys, lock=True)

    def use(self, priced_lines: Iterable[PricedLine]) -> None:
        """Note what is left after the lines of a call that is let in or has ended."""
        uses = uses_after(priced_lines)
        self.uses |= uses
        self._keys_to_write |= uses.keys()

    async def save(self, sor: SafeSqlor) -> None:
        """Write all that calls have used, also what is as it was before."""
        await save_uses(sor, {key: self.uses[key] for key in self._keys_to_write})
