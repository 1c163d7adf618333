"""
A slow computer and a slow server, on purpose: what a test forgot to wait for shows under it.

With PIPELINE_TEST_SLOW=6 pages run six times slower than this machine could, and each answer takes
up to 0.3 s longer, another time each, so that two requests may be answered in the wrong order.
"""

import os
import random
import time

from playwright.sync_api import Page

FACTOR = int(os.environ.get("PIPELINE_TEST_SLOW", "1"))
MAX_DELAY_SECONDS = 0.3


def slow_down(page: Page) -> None:
    """Let *page* calculate slower, where asked for, and let it wait for each answer."""
    if FACTOR == 1:
        return
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": FACTOR})
    # Of the application's own answers each is later by as much; the bench's differ.
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False, "latency": 1000 * MAX_DELAY_SECONDS / 2,
            "downloadThroughput": -1, "uploadThroughput": -1,
        },
    )  # fmt: skip


def delay() -> None:
    """Let an answer of the bench wait, where asked for."""
    if FACTOR != 1:
        time.sleep(random.uniform(0, MAX_DELAY_SECONDS))
