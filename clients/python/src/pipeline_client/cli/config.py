"""Where the command line finds the system and the key."""

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from pipeline_client.cli import words


class ConfigProblem(Exception):
    """There is no key or no address, or others can read the file."""


@dataclass(frozen=True)
class Config:
    """Where the system answers, and the key."""

    url: str
    key: str


def config_path() -> Path:
    """Return the file of the configuration."""
    if own_path := os.environ.get("PIPELINE_CLIENT_CONFIG"):
        return Path(own_path)
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "pipeline-client"


def read_config(url: str | None) -> Config:
    """Return the configuration, *url* before all; raises ConfigProblem."""
    path = config_path()
    values = _values_of(path)
    url = url or os.environ.get("PIPELINE_URL") or values.get("url")
    key = os.environ.get("PIPELINE_KEY") or values.get("key")
    if not key:
        raise ConfigProblem(words.NO_KEY(path=path))
    if not url:
        raise ConfigProblem(words.NO_URL(path=path))
    return Config(url, key)


def _values_of(path: Path) -> dict[str, str]:
    """Return the file's lines `name=value`; raises ConfigProblem where others can read a key."""
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            lines = [line.partition("=") for line in file if not line.lstrip().startswith("#")]
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise ConfigProblem(f"{path}: {exc.strerror}") from None
    values = {name.strip(): value.strip() for name, _, value in lines}
    if sys.platform != "win32" and "key" in values and stat.S_IMODE(mode) & 0o077:
        raise ConfigProblem(words.OPEN_FILE(path=path))
    return values
