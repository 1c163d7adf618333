"""The statements by which pipeline_ops asks the distributors' tables for its pages of use."""

from pipeline_ops.reports.distributors import DistributorStatements

_NEAR_LIMIT = (
    "select concat('distributor_', d.quota_period) as scope, d.id, d.name, d.quota_used as used,"
    " d.quota_calls as `limit` from distributors d where d.status = 'active'"
    " and d.quota_key in (${day}$, ${month}$) and d.quota_used >= d.quota_calls * ${near}$",
    "select 'spend' as scope, d.id, d.name, d.spend_used as used, d.spend_limit as `limit`"
    " from distributors d where d.status = 'active' and d.billing_mode = 'postpaid'"
    " and (d.spend_period = 'none' or d.spend_key in (${day}$, ${month}$))"
    " and d.spend_used >= d.spend_limit * ${near}$",
    "select 'link_day' as scope, l.id, concat(d.name, ' / ', p.name) as name, l.day_used as used,"
    " l.daily_quota as `limit` from distributor_pipeline l"
    " join distributors d on d.id = l.distributor_id join pipelines p on p.id = l.pipeline_id"
    " where l.enabled = 1 and l.day_key = ${day}$ and l.day_used >= l.daily_quota * ${near}$",
    "select 'link_month' as scope, l.id, concat(d.name, ' / ', p.name) as name,"
    " l.month_used as used, l.monthly_quota as `limit` from distributor_pipeline l"
    " join distributors d on d.id = l.distributor_id join pipelines p on p.id = l.pipeline_id"
    " where l.enabled = 1 and l.month_key = ${month}$"
    " and l.month_used >= l.monthly_quota * ${near}$",
)
STATEMENTS = DistributorStatements(
    names="select id, name from distributors where id in ${ids}$",
    all_ids="select id from distributors",
    near_limit=_NEAR_LIMIT,
)
