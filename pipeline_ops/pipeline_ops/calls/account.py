"""
Whose account a call goes on: the place where pipeline_dist hooks in.

This module may not import pipeline_dist, and a call that names a distributor must meet the
distributor's quotas, prices and limits. So pipeline_dist contributes the provider of accounts;
calls of our own, which name no distributor, go on `OwnAccount`.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from app.global_func import Contributions, SafeSqlor, quota_day, settings
from pipeline_ops.errors import NO_DISTRIBUTORS
from pipeline_ops.ledger.expiry import OverdueCall
from pipeline_ops.ledger.rows import CallHeader
from pipeline_ops.rules.terms import LinkTerms


class Settlement(NamedTuple):
    """The place in an account's order of settlement, and the quota day on which what is settled
    counts as spent."""

    entry_no: int
    spend_day: str


class Account(Protocol):
    """One side of a call, locked within the caller's transaction: asked first, charged, saved."""

    @property
    def distributor_id(self) -> str | None:
        """Whose it is; None for our own."""

    @property
    def currency(self) -> str:
        """The currency it is charged in."""

    @property
    def terms(self) -> LinkTerms:
        """On which terms it is charged now."""

    def check_link(self) -> None:
        """Raise what refuses any call of this account: that it does not have the line."""

    async def check(self, sor: SafeSqlor, moment: datetime, amount: Decimal) -> None:
        """Raise what refuses a call that began at *moment* and costs *amount*: spent, no quota
        left."""

    def month_of(self, month: str) -> str:
        """Return the month in whose statement stands what belongs to *month*: that one, or the
        open one, if it is closed for this account."""

    def consume(self, day: str, month: str) -> None:
        """Count one call of this day and month."""

    def release(self, day: str, month: str) -> None:
        """Take back one call that began on this day, in this month."""

    def charge(self, amount: Decimal, day: str | None) -> None:
        """Charge *amount*, which counts on *day* (`Settlement.spend_day`), or give it back where it
        is negative."""

    def release_estimate(self, estimate: Decimal) -> None:
        """Give back what was reserved for a call that no longer runs."""

    def settle(self, moment: datetime) -> Settlement:
        """Raise the account's `entry_no`: the number of what is settled now, at *moment*."""

    def tell_voided(self, header: CallHeader, amount: Decimal, reason: str) -> None:
        """Take note that a call was voided, and what is given back for it; written with the
        rest."""

    async def save(self, sor: SafeSqlor) -> None:
        """Write what has changed."""


class Reservations(Protocol):
    """What accounts have reserved for calls that run, locked within the caller's transaction."""

    def __contains__(self, distributor_id: object) -> bool:
        """Return whether this distributor's is locked."""

    def release(self, distributor_id: str, estimate: Decimal) -> None:
        """Give back the estimate of a call that no longer runs."""

    def tell_expired(self, calls: Sequence[OverdueCall]) -> None:
        """Take note that the lease of these *calls* ran out; written with the rest."""

    async def save(self, sor: SafeSqlor) -> None:
        """Write what has changed."""


@dataclass(slots=True)
class OwnAccount:
    """
    The account of calls without a distributor on a line: no limits, the line's own prices.

    `entry_no` is what its locked row says; not locked, for a look at prices, it settles nothing.
    """

    pipeline_id: str = ""
    entry_no: int = 0

    @property
    def distributor_id(self) -> None:
        """Nobody's."""

    @property
    def currency(self) -> str:
        """The system's own currency."""
        return settings().default_currency

    @property
    def terms(self) -> LinkTerms:
        """Everybody's prices as they are."""
        return LinkTerms()

    def check_link(self) -> None:
        """Refuse nothing."""

    async def check(self, sor: SafeSqlor, moment: datetime, amount: Decimal) -> None:
        """Refuse nothing."""

    def month_of(self, month: str) -> str:
        """Return *month*: without a statement it never closes."""
        return month

    def consume(self, day: str, month: str) -> None:
        """Count nothing."""

    def release(self, day: str, month: str) -> None:
        """Take nothing back."""

    def charge(self, amount: Decimal, day: str | None) -> None:
        """Charge nobody."""

    def release_estimate(self, estimate: Decimal) -> None:
        """Give nothing back."""

    def tell_voided(self, header: CallHeader, amount: Decimal, reason: str) -> None:
        """Tell nobody."""

    def settle(self, moment: datetime) -> Settlement:
        """Raise `entry_no` and return it."""
        self.entry_no += 1
        return Settlement(self.entry_no, quota_day(moment))

    async def save(self, sor: SafeSqlor) -> None:
        """Write `entry_no`."""
        await sor.sqlExe(
            "update app_own_entries set entry_no = ${entry_no}$ where id = ${pipeline_id}$",
            {"entry_no": self.entry_no, "pipeline_id": self.pipeline_id},
        )


@dataclass(frozen=True, slots=True)
class AccountProvider:
    """Who keeps distributors' accounts: `lock` (sor, distributor_id, pipeline_id) locks one,
    `lock_reservations` (sor, distributor_ids) what several have reserved."""

    lock: Callable[[SafeSqlor, str, str], Awaitable[Account]]
    lock_reservations: Callable[[SafeSqlor, Collection[str]], Awaitable[Reservations]]


# One at most.
ACCOUNT_PROVIDER = Contributions(AccountProvider, lambda _: "of distributors")


async def lock_account(sor: SafeSqlor, distributor_id: str | None, pipeline_id: str) -> Account:
    """Lock the account of *distributor_id* for calls of this line; our own for None."""
    if distributor_id is None:
        return await _lock_own(sor, pipeline_id)
    for provider in ACCOUNT_PROVIDER:
        return await provider.lock(sor, distributor_id, pipeline_id)
    raise NO_DISTRIBUTORS()


async def lock_reservations(
    sor: SafeSqlor, distributor_ids: Collection[str]
) -> Reservations | None:
    """Lock what these distributors have reserved; None where there are no distributors."""
    for provider in ACCOUNT_PROVIDER:
        return await provider.lock_reservations(sor, distributor_ids)
    return None


async def _lock_own(sor: SafeSqlor, pipeline_id: str) -> OwnAccount:
    """Lock our own account on a line; its row begins with the line's first call of our own."""
    values = {"pipeline_id": pipeline_id}
    await sor.sqlExe(
        "insert into app_own_entries (id, entry_no) values (${pipeline_id}$, 0)"
        " on duplicate key update entry_no = entry_no",
        values,
    )
    numbers = await sor.firsts(
        "select entry_no from app_own_entries where id = ${pipeline_id}$ for update", values
    )
    return OwnAccount(pipeline_id, numbers[0])
