"""What sqlor's own object says about itself (kernel C8)."""

from contextlib import nullcontext

import pytest

from app.base.clock import now
from app.db.transactions import transaction
from tests.support.installation import Installation


@pytest.mark.parametrize("fails", [False, True])
async def test_nothing_is_left_to_commit_after_a_transaction(pool: Installation, fails: bool):
    """Upstream writes `datachanged` where it reads `dataChanged`: it never is false again."""
    row = {"id": f"changed-{fails}", "fails": 1, "last_at": now()}
    with pytest.raises(ValueError, match="on purpose") if fails else nullcontext():
        async with transaction() as sor:
            flags = [sor.dataChanged]
            await sor.C("app_login_attempt", row)
            flags.append(sor.dataChanged)
            if fails:
                raise ValueError("on purpose")
    flags.append(sor.dataChanged)

    assert flags == [False, True, False]
