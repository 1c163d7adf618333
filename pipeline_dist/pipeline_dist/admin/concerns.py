"""What of distributors should be looked at: keys that expire, months that are to be closed."""

from datetime import timedelta
from typing import Any

from app.global_func import TOO_SLOW, Actor, check_params, now, quota_day, quota_month, reading
from pipeline_dist.closing import overview
from pipeline_dist.closing.due import month_before
from pipeline_ops.reports.cache import slow_answer

MAX_DAYS_AHEAD = 30
MAX_SHOWN = 10
_EXPIRING = (
    "select k.distributor_id as id, d.name, k.name as key_name, k.prefix, k.expires_at"
    " from app_key k join distributors d on d.id = k.distributor_id and d.status = 'active'"
    " where k.hash is not null and k.revoked_at is null and k.sandbox = 0"
    " and k.expires_at > ${now}$ and k.expires_at <= ${until}$"
    " order by k.expires_at, d.name limit ${most}$"
)


async def distributor_concerns(actor: Actor, params: dict[str, Any]) -> dict[str, Any]:
    """Return {keys_expiring, statements_to_close}: keys that expire within a month, and months that
    are over and not closed, the first of each."""
    check_params({}, params)
    # Everybody's overview asks for it again and again.
    return await slow_answer(("distributor_concerns", quota_day(now())), _concerns)


async def _concerns() -> dict[str, Any]:
    moment = now()
    values = {"now": moment, "until": moment + timedelta(days=MAX_DAYS_AHEAD), "most": MAX_SHOWN}
    async with reading(refusal=TOO_SLOW) as sor:
        keys = await sor.sqlExe(_EXPIRING, values)
        months = await overview.months_to_close(sor, month_before(quota_month(moment)), MAX_SHOWN)
    return {"keys_expiring": [dict(row) for row in keys], "statements_to_close": months}
