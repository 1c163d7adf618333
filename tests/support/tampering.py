"""Changes of what the ledger's triggers keep: to see them noticed, or to go back to old rows."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.schema import tables as models
from tests.support.installation import Installation

TABLE = "pipeline_usage_log"


@contextmanager
def without_triggers(db: Installation) -> Iterator[None]:
    """Take the ledger's triggers away for a while."""
    triggers = models.table(TABLE).constraints.triggers
    for trigger in triggers:
        db.query(f"drop trigger {TABLE}_{trigger.name}")
    try:
        yield
    finally:
        for trigger in triggers:
            db.query(
                f"create trigger {TABLE}_{trigger.name} {trigger.moment} on {TABLE} for each row"
                f"\n{trigger.body}"
            )
