"""
A leak in every worker whose PYTHONPATH has this folder: `bash tests/run.sh soak --plant`.

TEST_LEAK says of what: `memory` (1 MB a second) or `files` (one a second).
"""

import os
import socket
import sys
import threading
import time
from typing import Any


def _leak(what: str) -> None:
    pile: list[Any] = []
    while True:
        pile.append(bytearray(2**20) if what == "memory" else socket.socket())
        time.sleep(1)


if "pipeline_app.py" in " ".join(sys.orig_argv):
    threading.Thread(target=_leak, args=(os.environ["TEST_LEAK"],), daemon=True).start()
