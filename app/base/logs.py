"""
Logging: one JSON line per event, handed to Python's `logging`.

Replaces appPublic's logger, whose levels are inverted, which prints what it suppresses, opens the
log file for every line and takes 50 to 450 µs a call (findings LOG-1 to LOG-7). Our instance is put
into `MyLogger.instance` before anything logs.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from appPublic.log import MyLogger

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


class OneLineJson(logging.Formatter):
    """A log line that a person can read and `jq` can filter."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON; line breaks in values stay escaped."""
        line: dict[str, Any] = {
            "at": self.formatTime(record),
            "level": record.levelname,
            "log": record.name,
        }
        line |= {key: value for key, value in vars(record).items() if key not in _PLAIN}
        line["message"] = record.getMessage()
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        text = json.dumps(line, ensure_ascii=False, default=str)
        return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class QuietStream(logging.StreamHandler[TextIO]):
    """A stream that may be on a full disk: the application goes on without its log."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Do nothing: logging's own way is to write to the same full disk."""


class HandOver(MyLogger.klass):
    """appPublic's logger, handing over to Python's."""

    def __init__(self) -> None:
        self.target = logging.getLogger("upstream")

    def log(self, levelname: str, message: Any, frame_info: Any) -> None:
        """Log *message* if its level is on; values stay escaped on one line."""
        level = _LEVELS.get(levelname, logging.DEBUG)
        if self.target.isEnabledFor(level):
            self.target.log(level, "%s", message)


def set_up_logging(level: str) -> None:
    """Send all logging to standard error as JSON lines from *level* up."""
    handler = QuietStream(sys.stderr)
    handler.setFormatter(OneLineJson())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    MyLogger.instance = HandOver()
    _paths[:] = [_path_of_errors()]


def reopen_logs() -> None:
    """Go on in a new file where somebody, such as logrotate, has moved the log file away."""
    try:
        path = _paths[0] if _paths else ""
        if path.startswith("/") and path != _path_of_errors():
            file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
            for standard in (1, 2):
                os.dup2(file, standard)
            os.close(file)
    except OSError as exc:
        log_warning(logging.getLogger("pipeline.logs"), "not_reopened", str(exc))


_paths: list[str] = []


def _path_of_errors() -> str:
    try:
        return str(Path("/proc/self/fd/2").readlink())
    except OSError:
        return ""


def log_warning(logger: logging.Logger, action: str, message: str, **about: Any) -> None:
    """Log a warning whose *action* and details machines can filter by."""
    logger.warning(message, extra=_extra(action, about))


def log_info(logger: logging.Logger, action: str, message: str, **about: Any) -> None:
    """Log an information whose *action* and details machines can filter by."""
    logger.info(message, extra=_extra(action, about))


def _extra(action: str, about: Mapping[str, Any]) -> dict[str, Any]:
    return {"action": action} | {f"{key}_" if key in _PLAIN else key: about[key] for key in about}
