"""Leave open what months are over: close them by manage.py close-months, or the page Statements."""

from zoneinfo import ZoneInfo

from app.base.clock import now
from app.base.settings import settings

WHEN = "after"
FOR = "old data"


async def migrate(cursor):
    # From this month on the workers close them; what was before is for people to look at first.
    month = now().astimezone(ZoneInfo(settings().quota_time_zone)).strftime("%Y-%m")
    await cursor.execute(
        "update distributors d set d.statements_from = %s where d.closed_month is null"
        " and exists (select 1 from pipeline_usage_log u where u.distributor_id = d.id"
        " and u.month_key < %s)",
        (month, month),
    )
    await cursor.execute(
        "select count(distinct u.distributor_id), min(u.month_key) from pipeline_usage_log u"
        " join distributors d on d.id = u.distributor_id where u.month_key < d.statements_from"
    )
    count, oldest = await cursor.fetchone()
    if count:
        yield (
            f"{count} distributor(s) have months that are over and stay open, the oldest"
            f" {oldest}. Look at their statements, then close them"
        )
