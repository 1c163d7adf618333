"""A report that takes too long is refused, and nothing of it is kept in the database."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.installation import Installation, write_config
from tests.support.selling import Reseller, make_pipeline, make_reseller


@pytest.fixture(scope="module")
def server(database: Installation) -> Iterator[Installation]:
    """Workers that give reports one second."""
    write_config(database.var_dir, report_seconds=1)
    database.start(workers=1)
    yield database
    database.stop()
    write_config(database.var_dir)


@pytest.fixture(scope="module")
def user(server: Installation) -> Reseller:
    pipeline = make_pipeline(server.admin, "slow", prices=[{"unit": "call", "unit_price": "1"}])
    user = make_reseller(server, pipeline, code="slow-user")
    user.begin(pipeline, status="succeeded", lines=[{"unit": "call", "quantity": 1}])
    return user


@pytest.fixture
def stuck(server: Installation) -> Iterator[None]:
    """The sums of days cannot be read."""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("lock tables app_usage_rollup write")
        yield
        cursor.execute("unlock tables")


def waiting(server: Installation) -> list[dict[str, Any]]:
    """The reports that the database is still at."""
    return server.query(
        "select id, info from information_schema.processlist"
        " where info like 'set statement%%built_day%%'"
    )


def check_refusal(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, "too_slow")


@pytest.mark.usefixtures("stuck")
@pytest.mark.parametrize(
    "path", ["usage?group_by=day", "usage?month=2026-01", "usage", "statement", "statement.csv"]
)
def test_the_api_says_what_to_narrow(server: Installation, user: Reseller, path: str) -> None:
    english = user.client.get(f"/pipeline_dist/v1/{path}")
    chinese = user.client.get(f"/pipeline_dist/v1/{path}", headers={"Accept-Language": "zh"})

    check_refusal(english)
    assert "1 s" in english.json()["detail"]
    assert "shorter time" in english.json()["detail"]
    assert "缩小范围" in chinese.json()["detail"]
    assert waiting(server) == []


@pytest.mark.usefixtures("stuck")
def test_so_do_the_pages(server: Installation, user: Reseller) -> None:
    row = server.query("select id from distributors where code = 'slow-user'")[0]
    for path in (
        f"pipeline_dist/api/distributor_overview.dspy?id={row['id']}",
        f"pipeline_dist/api/distributor_usage.dspy?distributor_id={row['id']}",
        "pipeline_ops/api/usage_stats.dspy",
    ):
        check_refusal(server.admin.get(f"/{path}"))
    assert waiting(server) == []


def test_the_connections_go_on(server: Installation, user: Reseller) -> None:
    """As many as the pool has, and more, are ended; then each serves again."""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("lock tables app_usage_rollup write")
        for _ in range(3):
            check_refusal(user.client.get("/pipeline_dist/v1/usage?group_by=day"))
        cursor.execute("unlock tables")

    for _ in range(5):
        answer = user.client.get("/pipeline_dist/v1/usage?group_by=day")
        assert answer.status_code == 200
        assert answer.json()["total"]["amount"] == "1.0000000000"
