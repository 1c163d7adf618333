"""The one place that knows all three modules, in the order in which they build on each other."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pipeline_core.init import load_pipeline_core
from pipeline_dist.init import load_pipeline_dist
from pipeline_ops.init import background_tasks, load_pipeline_ops


def load_modules(env: Any) -> list[Callable[[asyncio.Event], Awaitable[None]]]:
    """
    Let the modules offer their functions in *env*, and to each other what they know.

    Return what shall run beside the requests.
    """
    load_pipeline_core(env)
    load_pipeline_ops(env)
    load_pipeline_dist(env)
    return list(background_tasks())
