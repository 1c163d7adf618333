"""Changes of what triggers keep: to see them noticed, or to go back to old rows."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.db.numbered import migration_files, read_migrations
from app.db.pool import raw_connection
from app.schema import tables as models
from tests.support.installation import Installation

TABLE = "pipeline_usage_log"


@contextmanager
def without_triggers(db: Installation, table: str = TABLE) -> Iterator[None]:
    """Take the triggers of *table*, the ledger's, away for a while."""
    triggers = models.table(table).constraints.triggers
    for trigger in triggers:
        db.query(f"drop trigger {table}_{trigger.name}")
    try:
        yield
    finally:
        for trigger in triggers:
            db.query(
                f"create trigger {table}_{trigger.name} {trigger.moment} on {table} for each row"
                f"\n{trigger.body}"
            )


async def run_migration(db: Installation, number: str) -> None:
    """Run the migration whose name begins with *number* as `migrate` does, which sets triggers
    after it has moved old data."""
    (migration,) = read_migrations([x for x in migration_files() if x.name.startswith(number)])
    with without_triggers(db):
        async with raw_connection() as connection:
            async with connection.cursor() as cursor:
                await migration.run(cursor)
            await connection.commit()
