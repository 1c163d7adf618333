"""What this process takes of the machine, as `/metrics` tells it; nothing where Linux does not."""

import os
import resource
import time
from contextlib import suppress
from pathlib import Path

from app.base.metrics import Counter, Gauge

_memory = Gauge(
    "pipeline_process_resident_memory_bytes", "Memory of one worker, by process", ["pid"]
)
_files = Gauge("pipeline_process_open_fds", "Open file descriptors, by process", ["pid"])
_max_files = Gauge(
    "pipeline_process_max_fds", "Highest number of file descriptors, by process", ["pid"]
)
_start = Gauge(
    "pipeline_process_start_time_seconds", "When a worker began, since 1970, by process", ["pid"]
)
_processor = Counter("pipeline_process_cpu_seconds", "Processor time of all workers")

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PID = str(os.getpid())
_start.child(_PID).set(time.time())


def measure_process() -> None:
    """Look at memory, descriptors and processor time."""
    with suppress(OSError):
        _memory.child(_PID).set(int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE)
        _files.child(_PID).set(sum(1 for _ in Path("/proc/self/fd").iterdir()))
    _max_files.child(_PID).set(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    _processor.child().value = time.process_time()
