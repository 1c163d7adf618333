"""Changes of a distributor's account by hand, which belong to no call: adjustments of its bill, and
top-ups of its balance."""

from decimal import Decimal
from typing import Any

from app.global_func import (
    Actor,
    Change,
    InvalidFields,
    Row,
    SafeSqlor,
    get_row,
    minor_units,
    now,
    quota_month,
    record_changes,
)
from pipeline_dist.accounts.distributors import TABLE
from pipeline_dist.accounts.rows import BillingMode, Distributor
from pipeline_dist.admission.account import DistributorAccount
from pipeline_dist.admission.rows import lock_distributors
from pipeline_dist.errors import CURRENCY_DECIMALS, NO_AMOUNT, NOT_PREPAID, REFERENCE_REUSED
from pipeline_dist.events.credits import credit_event
from pipeline_ops.ledger import credit_rows, entries as ledger
from pipeline_ops.ledger.states import EntryType

# What the audit trail calls them.
_ACTIONS = {EntryType.ADJUSTMENT: "adjust", EntryType.TOPUP: "topup"}


async def book_credit(
    sor: SafeSqlor,
    entry_type: EntryType,
    distributor_id: str,
    amount: Decimal,
    reason: str,
    reference: str | None,
    actor: Actor,
) -> Row:
    """
    Book *amount*, in the distributor's currency: an adjustment, which raises the bill (a credit,
    negative, lowers it), or a top-up of the balance (a negative one is paid back, or mends
    another). Return its row of the ledger; for a *reference* that was booked before, that one.

    Raises NotFound, InvalidFields (no amount, or one with more digits than the currency or the
    ledger has), Conflict `reference_reused` (booked before with another amount), `not_prepaid`.
    """
    await get_row(sor, TABLE, distributor_id)  # says so where it is gone
    (distributor,) = (await lock_distributors(sor, [distributor_id])).values()
    _check_amount(distributor, amount)
    if reference is not None:
        entry = await credit_rows.find_credit(sor, entry_type, distributor_id, reference)
        if entry is not None:
            if entry["amount"] != amount:
                raise REFERENCE_REUSED(reference=reference, amount=format(entry["amount"], "f"))
            return entry
    if entry_type == EntryType.TOPUP and distributor.billing_mode != BillingMode.PREPAID:
        raise NOT_PREPAID()
    entry = await _add_entry(
        sor, entry_type, distributor, amount, reason=reason, reference=reference,
        by=actor.user_id or "",
    )  # fmt: skip
    detail = {"amount": amount, "reason": reason, "reference": reference}
    change = Change(_ACTIONS[entry_type], ledger.TABLE, entry, detail=detail)
    await record_changes(sor, actor, change)
    return entry


async def _add_entry(
    sor: SafeSqlor, entry_type: EntryType, distributor: Distributor, amount: Decimal, **about: Any
) -> Row:
    """Settle *amount* now and save the distributor's counters; *about*: reason, reference, by."""
    account, moment = DistributorAccount(distributor, None), now()
    settlement = account.settle(moment)
    if entry_type == EntryType.TOPUP:
        distributor.balance += amount
        await _note_topup(sor, distributor, settlement.entry_no)
    else:
        account.charge(amount, settlement.spend_day)
    is_prepaid = distributor.billing_mode == BillingMode.PREPAID
    account.tell(
        credit_event(
            entry_type, distributor.id, entry_no=settlement.entry_no, amount=amount,
            currency=distributor.currency, balance=distributor.balance if is_prepaid else None,
            reason=about["reason"], reference=about["reference"],
        )
    )  # fmt: skip
    entry = await credit_rows.add_credit(
        sor,
        entry_type,
        distributor_id=distributor.id,
        entry_no=settlement.entry_no,
        month=account.month_of(quota_month(moment)),
        # What is paid in counts in no period of spending.
        spend_day=None if entry_type == EntryType.TOPUP else settlement.spend_day,
        amount=amount,
        currency=distributor.currency,
        moment=moment,
        **about,
    )
    await account.save(sor)
    return entry


async def _note_topup(sor: SafeSqlor, distributor: Distributor, entry_no: int) -> None:
    """Keep what the balance is after a top-up: thresholds go by that."""
    distributor.balance_base, distributor.balance_base_no = distributor.balance, entry_no
    await sor.sqlExe(
        "update distributors set balance_base = ${base}$, balance_base_no = ${entry_no}$"
        " where id = ${id}$",
        {"base": distributor.balance, "entry_no": entry_no, "id": distributor.id},
    )


def _check_amount(distributor: Distributor, amount: Decimal) -> None:
    decimals = minor_units(distributor.currency)
    if not amount:
        raise InvalidFields([NO_AMOUNT("amount")])
    if amount != round(amount, decimals):
        raise InvalidFields(
            [CURRENCY_DECIMALS("amount", currency=distributor.currency, most=decimals)]
        )
