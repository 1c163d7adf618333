"""
What the audit trail says of people: who signed in, who could not, what became of passwords, second
factors and roles. Their records are Sage's: an entry has the user's id and name.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.base.actor import USERS, Actor
from app.base.clock import now
from app.db.sqlor import SafeSqlor
from app.db.transactions import in_transaction
from app.records.trail import record_event

# Of an hour so many failures are noted: an attack must not fill the table. The log has them all.
MAX_FAILURES = 200
_HOUR = timedelta(hours=1)
FAILED_SIGN_IN = "sign_in_failed"


async def note_event(
    sor: SafeSqlor,
    actor: Actor,
    action: str,
    user_id: str,
    username: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Note in the transaction of *sor* that *actor* did *action* to a user."""
    await record_event(sor, actor, action, USERS, user_id, username, detail)


async def note_failure(actor: Actor, user_id: str, username: str, reason: str) -> None:
    """
    Note that somebody could not sign in as this user, for *reason*, unless much was noted lately.

    What was typed and is no user's name is not kept (give ""): it may be a password.
    """

    async def work(sor: SafeSqlor) -> None:
        (count,) = await sor.firsts(
            "select count(*) from (select 1 from app_audit where table_name = ${table}$"
            " and created_at > ${since}$ and action = ${action}$ limit ${most}$) noted",
            {
                "table": USERS,
                "since": now() - _HOUR,
                "action": FAILED_SIGN_IN,
                "most": MAX_FAILURES,
            },
        )
        if count >= MAX_FAILURES:
            return
        detail = {"reason": reason}
        if count == MAX_FAILURES - 1:
            detail["further"] = "only the log tells more of this hour"
        await note_event(sor, actor, FAILED_SIGN_IN, user_id, username, detail)

    await in_transaction(work)
