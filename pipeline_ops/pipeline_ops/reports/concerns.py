"""What an operator should look at: limits nearly used up, lines that fail, prices that end."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app.global_func import (
    TOO_SLOW,
    Actor,
    SafeSqlor,
    check_params,
    now,
    quota_day,
    quota_month,
    reading,
)
from pipeline_ops.reports.cache import slow_answer
from pipeline_ops.reports.recent import last_hours
from pipeline_ops.reports.stats import near_limit

MAX_DAYS_AHEAD = 30
MAX_PRICES_SHOWN = 10


async def usage_concerns(actor: Actor, params: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return {now, since, near_limit, failing_lines, slow_lines, prices_ending}.

    Lines fail or are slow in the hours from `since` on. A price ends within a month with none after
    it for the same use. `now`: as in `usage_stats`.
    """
    check_params({}, params)
    return await slow_answer(("usage_concerns", quota_day(now())), _concerns)


async def _concerns() -> dict[str, Any]:
    moment = now()
    async with reading(snapshot=True, refusal=TOO_SLOW) as sor:
        hours = await last_hours(sor, moment)
        return {
            "now": moment,
            "since": hours.start,
            "near_limit": await near_limit(sor, quota_day(moment), quota_month(moment)),
            "prices_ending": await _prices_ending(sor, moment),
            **hours.pipelines_of_concern(),
        }


async def _prices_ending(sor: SafeSqlor, moment: datetime) -> list[dict[str, Any]]:
    until = moment + timedelta(days=MAX_DAYS_AHEAD)
    values = {"now": moment, "until": until, "most": MAX_PRICES_SHOWN}
    return [dict(row) for row in await sor.sqlExe(_ENDING, values)]


_ENDING = (
    "select r.id, r.pipeline_id, p.name, r.unit, r.step_key, r.model, r.effective_to,"
    " r.distributor_id <> '' as is_own"
    " from pipeline_pricing r join pipelines p on p.id = r.pipeline_id and p.status = 'published'"
    " where r.enabled = 1 and r.effective_to > ${now}$ and r.effective_to <= ${until}$"
    " and not exists (select 1 from pipeline_pricing n where n.pipeline_id = r.pipeline_id"
    " and n.distributor_id = r.distributor_id and n.unit = r.unit and n.step_key = r.step_key"
    " and n.model = r.model and n.enabled = 1 and n.effective_from <= r.effective_to"
    " and (n.effective_to is null or n.effective_to > r.effective_to))"
    " order by r.effective_to, p.name, r.unit limit ${most}$"
)
