"""What the module offers: a table of contents, registered all or nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ahserver.serverenv import ServerEnv

from app.global_func import offer_editors, reading_endpoint, register, writing
from pipeline_core.draft.context import offer_pipeline_facts
from pipeline_core.transfer.parts import offer_parts
from pipeline_ops import endpoints
from pipeline_ops.calls.sweeper import run_sweeper
from pipeline_ops.reports import pipeline_figures, stats
from pipeline_ops.tables import capacities, facts, prices, transfer

EXPORTS = {
    "pipeline_pricing_create": writing(endpoints.pricing_create),
    "pipeline_pricing_update": writing(endpoints.pricing_update),
    "pipeline_pricing_delete": writing(endpoints.pricing_delete),
    "pipeline_capacity_create": writing(endpoints.capacity_create),
    "pipeline_capacity_update": writing(endpoints.capacity_update),
    "pipeline_capacity_delete": writing(endpoints.capacity_delete),
    "pipeline_usage_log_create": writing(endpoints.usage_log_create),
    "pipeline_usage_log_update": writing(endpoints.usage_log_update),
    "pipeline_usage_log_delete": writing(endpoints.usage_log_delete),
    "get_search_pipeline_id": reading_endpoint(endpoints.get_search_pipeline_id, raw=True),
    "usage_stats": reading_endpoint(stats.usage_stats),
    "pipeline_figures": reading_endpoint(pipeline_figures.pipeline_figures),
    "price_quote": reading_endpoint(endpoints.price_quote),
}


def load_pipeline_ops(env: Any = None) -> None:
    """Offer the module's endpoints to all `.dspy` files as `pipeline_ops_<name>`."""
    register(ServerEnv() if env is None else env, EXPORTS, owner="pipeline_ops")
    offer_parts(transfer.PARTS)
    offer_pipeline_facts("pipeline_ops", facts.FACTS)
    offer_editors({prices.TABLE: prices.update, capacities.TABLE: capacities.update})


def background_tasks() -> list[Callable[[asyncio.Event], Awaitable[None]]]:
    """What runs beside the requests in every worker, until the event is set."""
    return [run_sweeper]
