"""What the module offers: a table of contents, registered all or nothing."""

from typing import Any

from app.global_func import Command, Deed, Module, reading_endpoint, table_endpoints, writing
from pipeline_ops import endpoints
from pipeline_ops.archiving.check import ARCHIVE
from pipeline_ops.archiving.months import CLOSED_MONTHS
from pipeline_ops.calls.account import ACCOUNT_PROVIDER
from pipeline_ops.calls.search import SEARCH
from pipeline_ops.calls.sweeper import SWEEPER
from pipeline_ops.ledger.counted import CAPACITIES, COUNTED_TABLES, OWN_ENTRIES
from pipeline_ops.ledger.package_check import PACKAGES
from pipeline_ops.ledger.past_counters import PAST_COUNTERS
from pipeline_ops.ledger.tag_check import CALL_TAGS
from pipeline_ops.reports import (
    call_list,
    call_story,
    concerns,
    pipeline_figures,
    stats,
    usage_figures,
    void_preview,
)
from pipeline_ops.reports.distributors import DISTRIBUTOR_STATEMENTS
from pipeline_ops.rollup.build import USAGE_FENCES
from pipeline_ops.rollup.check import USAGE_DAYS
from pipeline_ops.rollup.worker import ROLLUP
from pipeline_ops.tables import capacities, facts, price_choices, prices, step_prices, transfer
from pipeline_ops.tables.price_owners import PRICE_OWNERS

EXPORTS = {
    **table_endpoints(prices.SERVICE, delete=endpoints.pipeline_pricing_delete),
    **table_endpoints(capacities.SERVICE),
    "pipeline_usage_log_create": writing(endpoints.usage_log_create),
    "pipeline_usage_log_update": writing(endpoints.usage_log_update),
    "pipeline_usage_log_delete": writing(endpoints.usage_log_delete),
    "get_search_pipeline_id": reading_endpoint(endpoints.get_search_pipeline_id, raw=True),
    "usage_calls": reading_endpoint(call_list.usage_calls),
    "usage_calls_total": reading_endpoint(call_list.usage_calls_total),
    "usage_call": reading_endpoint(call_story.usage_call),
    "usage_void_preview": reading_endpoint(void_preview.usage_void_preview),
    "usage_stats": reading_endpoint(stats.usage_stats),
    "usage_concerns": reading_endpoint(concerns.usage_concerns),
    "usage_figures": reading_endpoint(usage_figures.usage_figures),
    "pipeline_figures": reading_endpoint(pipeline_figures.pipeline_figures),
    "price_quote": reading_endpoint(endpoints.price_quote),
    "price_percent": writing(endpoints.price_percent),
    "price_copy": writing(endpoints.price_copy),
    "price_choices": reading_endpoint(price_choices.price_choices),
    "price_preview": reading_endpoint(endpoints.price_preview),
}


MODULE = Module(
    name="pipeline_ops",
    endpoints=EXPORTS,
    commands=(
        Command(
            "check-ledger",
            "pipeline_ops.ledger.check",
            "recompute all counters from the ledger and print every difference",
            "按账本重算全部计数，并列出差异",
        ),
        Command(
            "archive",
            "pipeline_ops.archiving.command",
            "take closed months out of the ledger into Parquet files, verify them, put them back",
            "将已关账月份移入 Parquet 文件、核对或移回",
        ),
        Command(
            "usage-export",
            "pipeline_ops.archiving.export",
            "write the ledger of some months to a Parquet or CSV file",
            "将若干月份的账本导出为 Parquet 或 CSV 文件",
        ),
        Command(
            "usage-days",
            "pipeline_ops.rollup.command",
            "sum up all days of use that are over",
            "汇总已结束各日的使用量",
        ),
    ),
    background=(SWEEPER.run, ROLLUP.run),
    contributions=(
        facts.FACTS,
        step_prices.STEP_PRICES_OF_OPS,
        *transfer.PARTS,
        CAPACITIES,
        OWN_ENTRIES,
        PAST_COUNTERS,
        PACKAGES,
        CALL_TAGS,
        ARCHIVE,
        USAGE_DAYS,
        prices.SERVICE,
        capacities.SERVICE,
        SEARCH,
        Deed("See prices", "/pipeline_ops/pipeline_pricing/get_pipeline_pricing.dspy"),
        Deed("Change prices", "/pipeline_ops/api/pipeline_pricing_update.dspy"),
        Deed("See calls and amounts", "/pipeline_ops/api/usage_calls.dspy"),
        Deed("Void calls", "/pipeline_ops/api/pipeline_usage_log_delete.dspy"),
    ),
    accepts=(
        ACCOUNT_PROVIDER,
        CLOSED_MONTHS,
        COUNTED_TABLES,
        DISTRIBUTOR_STATEMENTS,
        PRICE_OWNERS,
        USAGE_FENCES,
    ),
)


def load_pipeline_ops(env: Any = None) -> Module:
    """Offer the module's endpoints to all `.dspy` files as `pipeline_ops_<name>`."""
    return MODULE.offer(env)
