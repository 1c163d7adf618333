"""The settings of what is logged, and of how large the log files may become."""

from dataclasses import dataclass

from app.base.options import option

ALL_REQUESTS, NOTABLE_REQUESTS, NO_REQUESTS = "all", "notable", "off"


@dataclass(frozen=True)
class LogOptions:
    """The part of `Options` that is about logs; `request_log` has no part in `log_level`."""

    log_level: str = option(
        "INFO", "DEBUG, INFO, WARNING or ERROR", choices=("DEBUG", "INFO", "WARNING", "ERROR")
    )
    request_log: str = option(
        ALL_REQUESTS,
        "Requests that have a line in the log: all, notable (slow, or answered 5xx), off",
        choices=(ALL_REQUESTS, NOTABLE_REQUESTS, NO_REQUESTS),
    )
    request_log_slow_ms: int = option(1000, "From so many milliseconds a request is slow")
    log_file_bytes: int = option(
        52_428_800, "Size from which a worker's log file is put aside", least=65_536, most=2**40
    )
    log_old_files: int = option(5, "Log files of a worker that are kept aside", most=1000)
