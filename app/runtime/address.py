"""
Where the workers of a run-time folder really listen.

Host and port may come from the environment of the start.sh that started them, which a command that
is run later does not have; so they are written down in `<var>/run/address.json`.
"""

import json
from dataclasses import replace
from pathlib import Path

from app.base.private_files import write_private
from app.base.settings import Settings
from app.runtime.workers import Workers


def record_address(config: Settings) -> None:
    """Write down where the workers that run listen."""
    text = json.dumps({"host": config.host, "port": config.port}) + "\n"
    file = _file(config.var_dir)
    # Where nothing changes, a full disk is no reason to fail.
    if not file.exists() or file.read_text("utf-8") != text:
        write_private(file, text)


def running_settings(config: Settings) -> Settings:
    """Return *config* with the host and port at which this folder's workers listen; as it is where
    none of them runs, or nobody wrote it down."""
    try:
        address = json.loads(_file(config.var_dir).read_text("utf-8"))
        host, port = str(address["host"]), int(address["port"])
    except (OSError, ValueError, LookupError, TypeError):
        return config
    return replace(config, host=host, port=port) if Workers(config.var_dir).running() else config


def _file(var_dir: Path) -> Path:
    return var_dir / "run" / "address.json"
