"""Changes of what triggers keep: to see them noticed, or to go back to old rows."""

from collections.abc import Iterator
from contextlib import contextmanager

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
