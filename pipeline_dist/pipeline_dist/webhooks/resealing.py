"""Another key for the secrets of webhooks: what is sealed is sealed anew, and none is lost."""

from collections.abc import Sequence

from app.global_func import (
    SafeSqlor,
    in_transaction,
    reading,
    resealed_secret,
    secret_opens,
)

_SECRETS = "select id, secret, previous_secret from app_webhook"
# Of so many the rows are locked at once: who sends waits for them.
BATCH_SIZE = 100


async def reseal_secrets(keys: Sequence[str]) -> int:
    """Seal with the first of *keys* what is sealed with another one of them; return of how many
    webhooks. What none of them opens stays as it is."""
    async with reading() as sor:
        ids = await sor.firsts("select id from app_webhook order by id", {})
    count = 0
    for first in range(0, len(ids), BATCH_SIZE):
        batch = ids[first : first + BATCH_SIZE]
        count += await in_transaction(lambda sor, batch=batch: _reseal(sor, batch, keys))  # type: ignore[misc]
    return count


async def _reseal(sor: SafeSqlor, ids: Sequence[str], keys: Sequence[str]) -> int:
    rows = await sor.tuples(
        f"{_SECRETS} where id in ${{ids}}$ order by id for update", {"ids": list(ids)}
    )
    count = 0
    for webhook_id, *texts in rows:
        values = [resealed_secret(text, webhook_id, keys) for text in texts]
        if values == texts:
            continue
        await sor.sqlExe(
            "update app_webhook set secret = ${secret}$, previous_secret = ${previous}$"
            " where id = ${id}$",
            {"id": webhook_id, "secret": values[0], "previous": values[1]},
        )
        count += 1
    return count


async def unreadable_webhooks(sor: SafeSqlor, keys: Sequence[str]) -> list[str]:
    """Return the ids of webhooks whose secret none of *keys* opens: by these nothing is sent."""
    rows = await sor.tuples(f"{_SECRETS} order by id", {})
    return [webhook_id for webhook_id, text, _ in rows if not secret_opens(text, webhook_id, keys)]
