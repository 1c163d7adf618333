"""
Which process sends for a webhook: the one that has its lease, a time written on its row.

The lease is written, so that two processes on two database nodes do not both have it; it runs out
where its owner dies. What a delivery comes to is noted only by who still has it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.global_func import SafeSqlor, in_transaction, now, reading
from pipeline_dist.webhooks.manage import set_columns
from pipeline_dist.webhooks.rows import SELECT, Webhook

# Several times as long as a request may take; it is prolonged with each.
LEASE = timedelta(seconds=60)
# Everything that is done with a webhook sets `updated_at`: so who waits for longest comes first,
# and one that is slow or asks for much gets its next turn behind all others.
_DUE = (
    "select d.id, d.distributor_id from (select w.id, w.distributor_id, w.updated_at,"
    " row_number() over (partition by w.distributor_id order by w.updated_at, w.id) as place"
    " from app_webhook w left join app_event_counter c on c.id = w.distributor_id"
    " where (w.lease_until is null or w.lease_until < ${moment}$) and (w.waiting = 1"
    " or (w.enabled = 1 and (w.next_try_at is null or w.next_try_at <= ${moment}$)"
    " and w.sent_no < coalesce(c.last_no, 0)))) d"
    " where d.place <= ${of_one}$ order by d.updated_at, d.id limit ${most}$"
)
_TAKE = (
    "select id from app_webhook where id = ${id}$"
    " and (lease_until is null or lease_until < ${moment}$) for update"
)
_OF_OWNER = f"{SELECT} id = ${{id}}$ and lease_owner = ${{owner}}$ for update"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of *owner*, a process, to send for a webhook."""

    webhook_id: str
    owner: str

    async def hold(self, sor: SafeSqlor) -> Webhook | None:
        """Lock the webhook and prolong the lease; None where another has it, or it is deleted."""
        rows = await sor.tuples(_OF_OWNER, {"id": self.webhook_id, "owner": self.owner})
        if not rows:
            return None
        await sor.sqlExe(
            "update app_webhook set lease_until = ${until}$ where id = ${id}$",
            {"until": now() + LEASE, "id": self.webhook_id},
        )
        return Webhook(*rows[0])

    async def put_off(self, sor: SafeSqlor, until: datetime) -> None:
        """Give it back, and let nobody have it before *until*."""
        await set_columns(sor, self.webhook_id, {"lease_owner": None, "lease_until": until})

    async def release(self) -> None:
        """Give it back, if it is still held."""
        await in_transaction(
            lambda sor: sor.sqlExe(
                "update app_webhook set lease_owner = null, lease_until = null"
                " where id = ${id}$ and lease_owner = ${owner}$",
                {"id": self.webhook_id, "owner": self.owner},
            )
        )


async def due_webhooks(moment: datetime, most: int, of_one: int) -> list[tuple[str, str]]:
    """Return the ids of at most *most* webhooks that have something to send and no sender, each
    with its distributor's; who waits for longest first, and at most *of_one* of a distributor."""
    async with reading() as sor:
        rows = await sor.tuples(_DUE, {"moment": moment, "most": most, "of_one": of_one})
    return [(webhook_id, distributor_id) for webhook_id, distributor_id in rows]


async def take_lease(webhook_id: str, owner: str) -> Lease | None:
    """Take the lease of a webhook for *owner*; None where another was quicker."""
    moment = now()

    async def work(sor: SafeSqlor) -> bool:
        if not await sor.firsts(_TAKE, {"id": webhook_id, "moment": moment}):
            return False
        values = {"lease_owner": owner, "lease_until": moment + LEASE}
        await set_columns(sor, webhook_id, values)
        return True

    return Lease(webhook_id, owner) if await in_transaction(work) else None
