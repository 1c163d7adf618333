"""Keys changed straight in the database: what no form takes, such as a time that is over."""

from typing import Any

from tests.support.installation import Installation

REVOKED = "hash = null"
EXPIRED = "expires_at = utc_timestamp(3) - interval 1 second"
GRACE_OVER = "previous_expires_at = utc_timestamp(3) - interval 1 second"


def key_change(assignments: str) -> str:
    """The statement that sets columns of the keys of the distributor whose id it is given."""
    setters = ", ".join(f"k.{part.strip()}" for part in assignments.split(";"))
    return (
        "update app_key k join distributors d on d.id = k.distributor_id"
        f" set {setters}, d.keys_no = d.keys_no + 1 where d.id = %s"
    )


def change_keys(server: Installation, distributor: dict[str, Any] | str, assignments: str) -> None:
    """Set columns of a distributor's keys."""
    owner = distributor if isinstance(distributor, str) else distributor["id"]
    server.query(key_change(assignments), owner)
