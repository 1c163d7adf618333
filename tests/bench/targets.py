"""What calls of a benchmark need: distributors with keys, pipelines with prices, links, limits."""

import secrets
from pathlib import Path
from typing import Any

from app.base.ids import new_id
from pipeline_dist.accounts import keys
from pipeline_dist.accounts.api_key import ALL_SCOPES, comma_list
from tests.bench.load import bookings, write_requests
from tests.bench.trace_ledger import (
    CURRENCY,
    MODELS,
    UNIT_SIZE,
    UNITS,
    Counters,
    World,
    amount,
    discount,
)
from tests.support.installation import Installation

# So large that no run of the benchmark reaches them; what they cost is what is measured.
MUCH = 10**12
LONG_AGO = "2020-01-01"
# A month that no worker closes by itself while something is measured.
NEVER = "9999-12"


def make_targets(
    installation: Installation, distributors: int, pipelines: int, file: Path
) -> list[tuple[str, str]]:
    """
    Pipelines with prices and every kind of quota, sold to distributors: each its own, or all to the
    only one; (API key, code of a pipeline) pairs. *file* gets requests that book on them.
    """
    targets: list[tuple[str, str]] = []
    run = secrets.token_hex(3)
    with installation.connect() as connection, connection.cursor() as cursor:
        buyers = [(new_id(), keys.mint()) for _ in range(distributors)]
        for number, (buyer, key) in enumerate(buyers):
            make_distributor(cursor, buyer, f"d-{run}-{number}", key)
        for number in range(pipelines):
            buyer, key = buyers[number % distributors]
            pipeline_id, code = new_id(), f"l-{run}-{number}"
            make_pipeline(cursor, pipeline_id, code)
            insert(
                cursor, "pipeline_pricing", id=new_id(), pipeline_id=pipeline_id, unit="call",
                pricing_type="unit", unit_price="0.01", effective_from=LONG_AGO,
            )  # fmt: skip
            make_link(cursor, buyer, pipeline_id)
            targets.append((key, code))
    write_requests(file, bookings(targets, "one_go"))
    return targets


def make_world_rows(installation: Installation, world: World) -> list[str]:
    """The pipelines, prices, distributors and links of a big ledger; the key of each
    distributor."""
    api_keys = [keys.mint() for _ in world.distributors]
    with installation.connect() as connection, connection.cursor() as cursor:
        for number, pipeline_id in enumerate(world.pipelines):
            make_pipeline(cursor, pipeline_id, f"line-{number}")
            for model, prices in MODELS.items():
                for unit, price in zip(UNITS, prices, strict=True):
                    insert(
                        cursor, "pipeline_pricing", id=world.price_id(number, model, unit),
                        pipeline_id=pipeline_id, model=model, unit=unit, pricing_type="unit",
                        unit_price=price, unit_size=UNIT_SIZE, currency=CURRENCY,
                        effective_from=LONG_AGO,
                    )  # fmt: skip
        for number, (buyer, key) in enumerate(zip(world.distributors, api_keys, strict=True)):
            make_distributor(cursor, buyer, f"reseller-{number}", key, currency=CURRENCY)
            percent = discount(number)
            terms = {"pricing_mode": "discount", "discount_rate": percent / 100}
            for pipeline_id in world.pipelines:
                make_link(cursor, buyer, pipeline_id, **(terms if percent < 100 else {}))
    return api_keys


def write_counters(installation: Installation, world: World, counters: Counters) -> None:
    """Let the rows of *world* count what the ledger says."""
    day, month = counters.day, counters.day[:7]
    with installation.connect() as connection, connection.cursor() as cursor:
        for who, (buyer, account) in enumerate(
            zip(world.distributors, counters.accounts, strict=True)
        ):
            cursor.execute(
                "update distributors set entry_no = %s, spend_used = %s, quota_key = %s,"
                " quota_used = %s where id = %s",
                (account.entry_no, amount(account.spending), month, account.calls[month], buyer),
            )
            for what, pipeline_id in enumerate(world.pipelines):
                calls = [counters.calls[who, what, period] for period in (day, month)]
                cursor.execute(
                    "update distributor_pipeline set day_key = %s, day_used = %s, month_key = %s,"
                    " month_used = %s where distributor_id = %s and pipeline_id = %s",
                    (day, calls[0], month, calls[1], buyer, pipeline_id),
                )
        for what, pipeline_id in enumerate(world.pipelines):
            calls = [counters.calls[-1, what, period] for period in (day, month)]
            cursor.execute(
                "update pipeline_capacity set day_key = %s, day_used = %s, month_key = %s,"
                " month_used = %s where pipeline_id = %s",
                (day, calls[0], month, calls[1], pipeline_id),
            )


def make_distributor(cursor: Any, distributor_id: str, code: str, key: str, **more: Any) -> None:
    """A distributor with every limit there is."""
    values = {"quota_period": "month", "quota_calls": MUCH, "spend_limit": 10**11} | more
    insert(
        cursor, "distributors", id=distributor_id, code=code, name=code.upper(), status="active",
        api_key_prefix=keys.prefix(key), api_key_hash=keys.digest(key), api_key_created_at=LONG_AGO,
        statements_from=NEVER, **values,
    )  # fmt: skip
    insert(
        cursor, "app_key", id=new_id(), distributor_id=distributor_id, name="default",
        prefix=keys.prefix(key), hash=keys.digest(key), made_at=LONG_AGO,
        scopes=comma_list(ALL_SCOPES),
    )  # fmt: skip


def make_pipeline(cursor: Any, pipeline_id: str, code: str) -> None:
    """A published pipeline with a capacity."""
    insert(
        cursor, "pipelines", id=pipeline_id, code=code, name=code, description="",
        status="published", current_version=1,
    )  # fmt: skip
    insert(
        cursor, "pipeline_capacity", id=new_id(), pipeline_id=pipeline_id, daily_quota=MUCH,
        monthly_quota=MUCH, max_concurrency=10**9,
    )  # fmt: skip


def make_link(cursor: Any, distributor_id: str, pipeline_id: str, **terms: Any) -> None:
    """The right of a distributor to a pipeline, with quotas."""
    insert(
        cursor, "distributor_pipeline", id=new_id(), distributor_id=distributor_id,
        pipeline_id=pipeline_id, daily_quota=MUCH, monthly_quota=MUCH, **terms,
    )  # fmt: skip


def insert(cursor: Any, table: str, **values: Any) -> None:
    """Insert a row with the stamps of a row that was made now."""
    names = ", ".join(values)
    marks = ", ".join(["%s"] * len(values))
    cursor.execute(
        f"insert into {table} ({names}, created_at, updated_at) values ({marks}, now(3), now(3))",
        tuple(values.values()),
    )
