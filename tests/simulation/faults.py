"""What goes wrong in a run, and where: drawn from its seed, told by name."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiomysql

from tests.simulation.failures import deadlock, lock_wait

# Of each seed some of these are on. The first word says what happens, the rest where.
FAULTS = (
    "cut_before_first", "cut_before_commit", "cut_after_first", "cut_after_commit",
    "cut_before_other", "cut_after_other", "deadlock_first", "deadlock_commit", "deadlock_other",
    "lock_wait_first", "slow_first", "slow_commit", "slow_other", "restart", "kill_worker",
    "stranger", "client_leaves", "refuse_connection",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one message: `cuts_after` seconds of the database's work."""

    delay: float = 0.0
    cuts_before: bool = False
    cuts_after: float | None = None
    error: Callable[[], aiomysql.MySQLError] | None = None


NONE = Fault()


class Faults:
    """The faults of one run; off once its time is over."""

    def __init__(self, chance: random.Random, rates: dict[str, float]) -> None:
        self.rates = rates
        self.is_on = True
        # How often each has happened.
        self.counts: dict[str, int] = {}
        self._chance = chance

    def happens(self, name: str) -> bool:
        """Return whether the fault *name* happens now."""
        rate = self.rates.get(name)
        if rate is None or not self.is_on or self._chance.random() >= rate:
            return False
        self.counts[name] = self.counts.get(name, 0) + 1
        return True

    def way(self) -> float:
        """Return the seconds that a message takes."""
        return self._chance.uniform(0.0002, 0.003)

    def draw(self, texts: Sequence[str]) -> Fault:
        """Return what happens to a message of *texts*."""
        if not self.rates:
            return NONE
        place = "other"
        if texts[-1] == "commit":
            place = "commit"
        elif texts[0] == "start transaction":
            place = "first"
        if self.happens(f"cut_before_{place}"):
            return Fault(cuts_before=True)
        if self.happens(f"cut_after_{place}"):
            return Fault(cuts_after=self._chance.choice((0.0, 0.001, 1.0)))
        if self.happens(f"deadlock_{place}"):
            return Fault(error=deadlock)
        if self.happens(f"lock_wait_{place}"):
            return Fault(delay=5.0, error=lock_wait)
        if self.happens(f"slow_{place}"):
            return Fault(delay=self._chance.uniform(0.3, 7.0))
        return NONE
