"""
A full disk, told before and while the embedded database starts.

The server itself says so in its log only, and then waits until somebody makes room: whoever started
it would wait along.
"""

import re
import shutil
from pathlib import Path

# What an empty data folder takes with all tables, and what a start writes beside it.
INSTALL_BYTES, START_BYTES = 256 * 2**20, 32 * 2**20

_FULL = re.compile(r"disk (?:is |got )?full|no space left on device", re.IGNORECASE)


def shortage(folder: Path, needed_bytes: int) -> str:
    """Return what to tell of too little room on the disk of *folder*; "" where there is enough."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes >= needed_bytes:
        return ""
    return (
        f"The disk of {folder} is full: {free_bytes // 2**20} MB are free, and the embedded "
        f"database needs {needed_bytes // 2**20} MB to start. Make room there, or name a "
        "run-time folder on another disk by PIPELINE_VAR."
    )


def full_disk(folder: Path, log_text: str) -> str:
    """Return what to tell where the server's *log_text* says that it found no room; else ""."""
    if not _FULL.search(log_text):
        return ""
    return (
        f"The disk of {folder} became full while the embedded database started. Make room there, "
        "then start again."
    )
