"""
Settings: typed, complete, checked before anything starts.

`conf/config.json` (with `conf/local.json`) is read once, environment variables are laid over it,
and every problem is told at once with the place it is at. ahserver's own reader answers None for a
misspelt key and evaluates `$[python]$` in values; this one refuses unknown keys and only knows
`$[workdir]$`.
No secret has to stand in the file: see app/base/secrets.py.
"""

import os
import re
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.base.addresses import read_network
from app.base.config_file import config_files, read_config
from app.base.currencies import is_currency
from app.base.database_settings import (
    DatabaseSettings as DatabaseSettings,
    read_databases,
    read_entries,
)
from app.base.log_options import LogOptions
from app.base.options import option
from app.base.origins import Origin, read_origin
from app.base.secrets import secret
from app.base.service_options import ServiceOptions, SignInOptions
from app.base.settings_checks import (
    ConfigError as ConfigError,
    section,
    unknown_names,
    whole_number,
)

ROOT = Path(__file__).resolve().parents[2]


# What a step of type `script` may call: a name, with dots where it is in a package.
ROLE_NAME = re.compile(r"[^.\s]+\.\S+")
FUNCTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


@dataclass(frozen=True)
class Options(ServiceOptions, LogOptions, SignInOptions):
    """The section `pipeline` of conf/config.json."""

    quota_time_zone: str = option("Asia/Shanghai", "Zone whose midnight turns quota days")
    default_currency: str = option("CNY", "Currency of prices that name none; of ISO 4217")
    public_url: str = option("", "Outside address, e.g. https://pipeline.example.com")
    hsts_seconds: int = option(
        31_536_000,
        "Time for which browsers come by https only where public_url is; 0 ends it",
        least=0,
    )
    allowed_hosts: tuple[str, ...] = option((), "Further host names the server answers to")
    trusted_proxies: tuple[str, ...] = option((), "CIDRs whose X-Forwarded-For is believed")
    pool_size: int = option(
        16,
        "Database connections per worker and database, beside two for letting calls in",
        most=1000,
    )
    pool_wait_seconds: int = option(5, "Longest wait for a connection before 503")
    body_limit_bytes: int = option(1_048_576, "Largest request body")
    body_seconds: int = option(30, "Longest time a body may take to arrive")
    direct_answers: bool = option(
        True, "Answer programs' plain requests straight from the HTTP parser"
    )
    list_free_rows: int = option(
        100_000, "Rows up to which a list sorts by, searches and counts everything"
    )
    list_counted_rows: int = option(
        10_000, "Rows that the list of a larger table counts, sorts freely and has page numbers for"
    )
    remembered_seconds: int = option(
        5, "Longest time a worker goes by sessions, users and rights it has read", most=5
    )
    step_functions: tuple[str, ...] = option((), "Functions that script steps may name; empty: any")
    statement_sender: str = option("Pipeline", "Who statements are from: name, address, lines")
    statement_grace_days: int = option(
        3, "Days from a month's end until the worker closes it", least=0, most=366
    )
    backdating_days: int = option(
        35, "Days back to which programs may book calls that happened earlier", least=0, most=366
    )
    events_days: int = option(
        90,
        "Days for which distributors' events, and calls of the sandbox, are kept",
        least=90,
        most=3660,
    )
    webhooks_allow_private: bool = option(
        False, "Send webhooks also to private addresses and by http; for tests only"
    )
    report_seconds: int = option(
        20, "Longest time the database may look for one report or list before 503", most=3600
    )
    archive_folder: str = option("", "Folder of the ledger's archive; empty: var/archive")
    metrics_token: str = option("", "Bearer token of /metrics; empty: the generated one")


@dataclass(frozen=True)
class Settings:
    """Everything the application is told from outside."""

    root_dir: Path
    var_dir: Path
    host: str
    port: int
    workers: int
    options: Options
    given_password_key: str = field(repr=False)
    pipeline_database: DatabaseSettings
    sage_database: DatabaseSettings
    web_root: Path
    indexes: tuple[str, ...]
    processors: tuple[tuple[str, str], ...]

    @property
    def quota_time_zone(self) -> str:
        """Name of the zone whose midnight turns quota days and months."""
        return self.options.quota_time_zone

    @property
    def default_currency(self) -> str:
        """Currency of prices and distributors that name none."""
        return self.options.default_currency

    @property
    def public_url(self) -> str:
        """The address programs outside should use, without a trailing slash."""
        if self.options.public_url:
            return self.options.public_url.rstrip("/")
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host
        return f"http://{host}:{self.port}"

    @property
    def is_https(self) -> bool:
        """Whether browsers reach this by https: a proxy does it, and `public_url` says so."""
        return self.public_origin is not None and self.public_origin.scheme == "https"

    @property
    def public_origin(self) -> Origin | None:
        """The site that browsers know this as, where `public_url` tells it."""
        return read_origin(self.options.public_url)

    @property
    def is_behind_proxy(self) -> bool:
        """Whether requests of others come through a proxy, and so may look like local ones."""
        return bool(self.options.public_url or self.options.trusted_proxies)

    @property
    def password_key(self) -> str:
        """The key Sage's passwords are encoded with."""
        return self.given_password_key or secret(self.var_dir, "password_key")


@cache
def settings() -> Settings:
    """Return the settings of this process; raises ConfigError with every problem found."""
    return load_settings(os.environ)


def load_settings(env: Any) -> Settings:
    """Build settings from the configuration file and the environment *env*."""
    files = config_files(env, ROOT)
    raw, path = read_config(files), " with ".join(map(str, files))
    problems: list[str] = []
    unknown_names(raw, {"databases", "website", "pipeline", "password_key"}, "", problems)
    website = section(raw, "website", problems)
    unknown_names(
        website, {"host", "port", "workers", "paths", "indexes", "processors"}, "website.", problems
    )
    options = _options(section(raw, "pipeline", problems), problems)
    var_dir = Path(env.get("PIPELINE_VAR") or ROOT / "var").resolve()
    port = whole_number(
        env.get("PIPELINE_PORT") or website.get("port", 9090), "port", 1, 65535, problems
    )
    workers = whole_number(
        env.get("PIPELINE_WORKERS") or website.get("workers") or os.cpu_count() or 1,
        "workers",
        1,
        256,
        problems,
    )
    processors = _processors(website.get("processors"), problems)
    entries = read_entries(section(raw, "databases", problems), ROOT, problems)
    if problems:
        raise ConfigError(f"{path}: " + "; ".join(problems))
    key = str(raw.get("password_key") or "")
    pipeline, sage = read_databases(entries, env, var_dir, key, path)
    return Settings(
        root_dir=ROOT,
        var_dir=var_dir,
        host=env.get("PIPELINE_HOST") or website.get("host") or "127.0.0.1",
        port=port,
        workers=workers,
        options=options,
        given_password_key=key,
        pipeline_database=pipeline,
        sage_database=sage,
        web_root=_web_root(website),
        indexes=tuple(website.get("indexes") or ("index.ui", "index.dspy", "index.html")),
        processors=processors,
    )


_PROCESSORS = ((".dspy", "pipeline_dspy"), (".ui", "pipeline_ui"), (".tmpl", "pipeline_tmpl"))


def _options(members: dict[str, Any], problems: list[str]) -> Options:
    options_by_name = {f.name: f for f in fields(Options)}
    unknown_names(members, set(options_by_name), "pipeline.", problems)
    values: dict[str, Any] = {}
    for name, setting in members.items():
        default = options_by_name[name].default if name in options_by_name else None
        is_list = isinstance(default, tuple) and isinstance(setting, list)
        value = tuple(str(item) for item in setting) if is_list else setting
        if name in options_by_name and type(value) is not type(default):
            problems.append(f"pipeline.{name} must be {type(default).__name__}, not {value!r}")
        elif isinstance(default, int) and not isinstance(default, bool):
            low, high = options_by_name[name].metadata["range"]
            values[name] = whole_number(value, f"pipeline.{name}", low, high, problems)
        elif name in options_by_name:
            choices = options_by_name[name].metadata["choices"]
            if choices and value not in choices:
                problems.append(f"pipeline.{name} must be one of {', '.join(choices)}")
            values[name] = value
    options = Options(**values)
    try:
        ZoneInfo(options.quota_time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        problems.append(f"pipeline.quota_time_zone {options.quota_time_zone!r} is not a time zone")
    if not is_currency(options.default_currency):
        problems.append(
            f"pipeline.default_currency {options.default_currency!r} is no currency of ISO 4217"
        )
    if options.public_url and read_origin(options.public_url) is None:
        problems.append(
            f"pipeline.public_url {options.public_url!r} is not an address such as "
            "https://pipeline.example.com"
        )
    for cidr in options.trusted_proxies:
        try:
            read_network(cidr, strict=True)
        except ValueError:
            problems.append(f"pipeline.trusted_proxies: {cidr!r} is not a CIDR such as 10.0.0.0/8")
    if options.sage_url and read_origin(options.sage_url) is None:
        problems.append(
            f"pipeline.sage_url {options.sage_url!r} is not an address such as "
            "https://sage.example.com/users"
        )
    problems += [
        f"pipeline.second_factor_roles: {role!r} is not a role such as owner.superuser"
        for role in options.second_factor_roles
        if not ROLE_NAME.fullmatch(role)
    ]
    problems += [
        f"pipeline.step_functions: {function!r} is not the name of a function"
        for function in options.step_functions
        if not FUNCTION_NAME.fullmatch(function)
    ]
    return options


def _processors(value: Any, problems: list[str]) -> tuple[tuple[str, str], ...]:
    processors = value or _PROCESSORS
    pairs = isinstance(processors, list | tuple) and all(
        isinstance(pair, list | tuple) and [type(part) for part in pair] == [str, str]
        for pair in processors
    )
    if not pairs:
        problems.append('website.processors must be pairs such as [".dspy", "pipeline_dspy"]')
        return ()
    return tuple((suffix, name) for suffix, name in processors)


def _web_root(website: dict[str, Any]) -> Path:
    paths = website.get("paths") or [["$[workdir]$/app/wwwroot", ""]]
    return Path(str(paths[0][0]).replace("$[workdir]$", str(ROOT))).resolve()
