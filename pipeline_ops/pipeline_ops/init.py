"""What the module offers: a table of contents, registered all or nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ahserver.serverenv import ServerEnv

from app.global_func import offer_editors, reading_endpoint, register, writing
from pipeline_core.draft.context import offer_pipeline_facts
from pipeline_core.transfer.parts import offer_parts
from pipeline_ops import endpoints as admin_api
from pipeline_ops.calls.sweeper import run_sweeper
from pipeline_ops.reports import pipeline_figures as line_figures, stats
from pipeline_ops.tables import capacities, facts, prices, transfer as line_parts

EXPORTS = {
    "pipeline_pricing_create": writing(admin_api.pricing_create),
    "pipeline_pricing_update": writing(admin_api.pricing_update),
    "pipeline_pricing_delete": writing(admin_api.pricing_delete),
    "pipeline_capacity_create": writing(admin_api.capacity_create),
    "pipeline_capacity_update": writing(admin_api.capacity_update),
    "pipeline_capacity_delete": writing(admin_api.capacity_delete),
    "pipeline_usage_log_create": writing(admin_api.usage_log_create),
    "pipeline_usage_log_update": writing(admin_api.usage_log_update),
    "pipeline_usage_log_delete": writing(admin_api.usage_log_delete),
    "get_search_pipeline_id": reading_endpoint(admin_api.get_search_pipeline_id, raw=True),
    "usage_stats": reading_endpoint(stats.usage_stats),
    "pipeline_figures": reading_endpoint(line_figures.pipeline_figures),
    "price_quote": reading_endpoint(admin_api.price_quote),
}


def load_pipeline_ops(env: Any = None) -> None:
    """Offer the module's endpoints to all `.dspy` files as `pipeline_ops_<name>`."""
    register(ServerEnv() if env is None else env, EXPORTS, owner="pipeline_ops")
    offer_parts(line_parts.PARTS)
    offer_pipeline_facts("pipeline_ops", facts.FACTS)
    offer_editors({prices.TABLE: prices.update, capacities.TABLE: capacities.update})


def background_tasks() -> list[Callable[[asyncio.Event], Awaitable[None]]]:
    """What runs beside the requests in every worker, until the event is set."""
    return [run_sweeper]
