"""
Logging: one JSON line per event, handed to Python's `logging`.

Replaces appPublic's logger, whose levels are inverted, which prints what it suppresses, opens the
log file for every line and takes 50 to 450 µs a call (findings LOG-1 to LOG-7). Our instance is put
into `MyLogger.instance` before anything logs.
"""

import json
import logging
import re
import time
from collections.abc import Mapping
from typing import Any

from appPublic.log import MyLogger

from app.base.log_file import LogFile, LogFileHandler
from app.base.log_options import LogOptions

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_LEVELS = {
    "clientinfo": logging.DEBUG,  # upstream writes whole requests and all SQL values at these
    "info": logging.DEBUG,
    "debug": logging.DEBUG,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "exception": logging.ERROR,
    "critical": logging.CRITICAL,
}


# What JSON leaves as it is, and terminals obey or UTF-8 has no bytes for: control characters,
# line separators, changes of direction, halves of surrogate pairs.
_UNSAFE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def single_line(text: str) -> str:
    """Return *text*, which is JSON, with all escaped that would end a line or mislead a reader."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class OneLineJson(logging.Formatter):
    """A log line that a person can read and `jq` can filter."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON; line breaks in values stay escaped."""
        line: dict[str, Any] = {
            "at": time_text(record.created),
            "level": record.levelname,
            "log": record.name,
        }
        line |= {key: value for key, value in vars(record).items() if key not in _PLAIN}
        line["message"] = record.getMessage()
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return single_line(json.dumps(line, ensure_ascii=False, default=str))


class HandOver(MyLogger.klass):
    """appPublic's logger, handing over to Python's."""

    def __init__(self) -> None:
        self.target = logging.getLogger("upstream")

    def log(self, levelname: str, message: Any, frame_info: Any) -> None:
        """Log *message* if its level is on; values stay escaped on one line."""
        level = _LEVELS.get(levelname, logging.DEBUG)
        if self.target.isEnabledFor(level):
            self.target.log(level, "%s", message)


_files: list[LogFile] = []


def set_up_logging(options: LogOptions) -> None:
    """Send all logging to standard error as JSON lines, as *options* say."""
    _files[:] = [LogFile(options.log_file_bytes, options.log_old_files)]
    handler = LogFileHandler(_files[0])
    handler.setFormatter(OneLineJson())
    logging.basicConfig(level=options.log_level, handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    MyLogger.instance = HandOver()


def log_file() -> LogFile:
    """Return the file that the lines of this process go to."""
    if not _files:
        _files.append(LogFile())
    return _files[0]


def reopen_logs() -> None:
    """Go on in a new file where somebody, such as logrotate, has moved the log file away."""
    log_file().reopen()


def time_text(seconds: float) -> str:
    """Return a moment, in seconds since 1970, as all log lines tell it: in UTC, so that lines of
    several workers and machines sort by it."""
    whole, fraction = divmod(seconds, 1)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{int(fraction * 1000):03d}Z"


def log_warning(logger: logging.Logger, action: str, message: str, **about: Any) -> None:
    """Log a warning whose *action* and details machines can filter by."""
    logger.warning(message, extra=_extra(action, about))


def log_info(logger: logging.Logger, action: str, message: str, **about: Any) -> None:
    """Log an information whose *action* and details machines can filter by."""
    logger.info(message, extra=_extra(action, about))


def log_error(
    logger: logging.Logger,
    action: str,
    message: str,
    *,
    exc_info: BaseException | None = None,
    **about: Any,
) -> None:
    """Log an error whose *action* and details machines can filter by, with the trace of
    *exc_info*."""
    logger.error(message, exc_info=exc_info, extra=_extra(action, about))


def _extra(action: str, about: Mapping[str, Any]) -> dict[str, Any]:
    return {"action": action} | {f"{key}_" if key in _PLAIN else key: about[key] for key in about}
