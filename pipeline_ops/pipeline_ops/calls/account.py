"""
Whose account a call goes on: the place where pipeline_dist hooks in.

This module may not import pipeline_dist, and a call that names a distributor must meet the
distributor's quotas, prices and limits. So pipeline_dist contributes the provider of accounts;
calls of our own, which name no distributor, go on `OwnAccount`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from app.global_func import Contributions, SafeSqlor, settings
from pipeline_ops.errors import NO_DISTRIBUTORS
from pipeline_ops.rules.terms import LinkTerms


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

    async def check(self, sor: SafeSqlor, moment: datetime) -> None:
        """Raise what refuses a call that begins at *moment*: spent, no quota left."""

    def consume(self, day: str, month: str) -> None:
        """Count one call of this day and month."""

    def release(self, day: str, month: str) -> None:
        """Take back one call that began on this day, in this month."""

    def charge(self, amount: Decimal) -> None:
        """Charge *amount*, or give it back where it is negative."""

    def settle(self) -> int:
        """Raise the account's `entry_no` and return it: the number of what is settled now."""

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

    async def check(self, sor: SafeSqlor, moment: datetime) -> None:
        """Refuse nothing."""

    def consume(self, day: str, month: str) -> None:
        """Count nothing."""

    def release(self, day: str, month: str) -> None:
        """Take nothing back."""

    def charge(self, amount: Decimal) -> None:
        """Charge nobody."""

    def settle(self) -> int:
        """Raise `entry_no` and return it."""
        self.entry_no += 1
        return self.entry_no

    async def save(self, sor: SafeSqlor) -> None:
        """Write `entry_no`."""
        await sor.sqlExe(
            "update app_own_entries set entry_no = ${entry_no}$ where id = ${pipeline_id}$",
            {"entry_no": self.entry_no, "pipeline_id": self.pipeline_id},
        )


@dataclass(frozen=True, slots=True)
class AccountProvider:
    """Who keeps distributors' accounts: `lock` (sor, distributor_id, pipeline_id) locks one."""

    lock: Callable[[SafeSqlor, str, str], Awaitable[Account]]


# One at most.
ACCOUNT_PROVIDER = Contributions(AccountProvider, lambda _: "of distributors")


async def lock_account(sor: SafeSqlor, distributor_id: str | None, pipeline_id: str) -> Account:
    """Lock the account of *distributor_id* for calls of this line; our own for None."""
    if distributor_id is None:
        return await _lock_own(sor, pipeline_id)
    for provider in ACCOUNT_PROVIDER:
        return await provider.lock(sor, distributor_id, pipeline_id)
    raise NO_DISTRIBUTORS()


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
