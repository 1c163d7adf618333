"""An installation of a version before gets second factors by `migrate`, beside its workers."""

import pymysql
import pytest

from tests.support.installation import Installation


def test_migrate_adds_what_second_factors_need_and_keeps_sessions(database: Installation):
    session = (
        "insert into app_session (id, user_id, username, created_at, seen_at)"
        " values (%s, 'u', 'u', utc_timestamp(3), utc_timestamp(3))"
    )
    for table in ("app_second_factor", "app_recovery_code", "app_invitation"):
        database.query(f"drop table {table}")
    database.query("drop trigger app_session_second_factor")
    database.query("alter table app_session drop column second_factor")
    database.query(session, "a" * 64)

    plan = database.manage("migrate", "--plan").stdout
    database.manage("migrate")

    # Workers of before may go on.
    assert "must be stopped" not in plan
    database.query(session, "b" * 64)  # as a worker of before writes it
    assert {row["second_factor"] for row in database.query("select * from app_session")} == {0}
    database.query(
        "insert into app_second_factor (id, secret, created_at, confirmed_at)"
        " values ('u', 'x', now(), null)"
    )
    database.query(session, "c" * 64)  # what is being set up keeps nobody out
    database.query("update app_second_factor set confirmed_at = now()")
    with pytest.raises(pymysql.err.OperationalError, match="second factor"):
        database.query(session, "d" * 64)
