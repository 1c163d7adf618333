"""A key makes and renews none that may more than itself, by whatever it is limited."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.base.errors import AppError
from pipeline_dist.accounts.api_key import KEY_COLUMNS, ApiKey
from pipeline_dist.accounts.key_powers import check_end, check_within

NOW = datetime(2026, 11, 30, tzinfo=UTC)
OF_ONE: dict[str, Any] = {
    "scopes": "admin,read", "pipelines": "a,b", "sandbox": 0, "rate_limit_per_minute": 10,
    "allowed_ips": "203.0.112.0/24,203.0.113.0/24,2001:db8::/32",
}  # fmt: skip


def key(**values: Any) -> ApiKey:
    columns: list[Any] = [values.get(name) for name in KEY_COLUMNS]
    return ApiKey(*columns)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"scopes": "read", "pipelines": "b", "rate_limit_per_minute": 9},
        # The two networks of the maker are one.
        {"allowed_ips": "203.0.112.0/23"},
        {"allowed_ips": "203.0.113.7/32,2001:db8:1::/48"},
        {"sandbox": 1},
    ],
)
def test_what_is_within(change: dict[str, Any]) -> None:
    check_within(key(**OF_ONE), OF_ONE | change)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"scopes": "read,calls"}, "calls"),
        ({"pipelines": "a,c"}, "c"),
        ({"pipelines": None}, "pipelines"),
        ({"rate_limit_per_minute": 11}, "rate_limit_per_minute"),
        ({"rate_limit_per_minute": None}, "rate_limit_per_minute"),
        ({"allowed_ips": None}, "allowed_ips"),
        ({"allowed_ips": "203.0.112.0/22"}, "allowed_ips"),
        ({"allowed_ips": "203.0.113.0/24,198.51.100.1/32"}, "allowed_ips"),
        ({"allowed_ips": "::/0"}, "allowed_ips"),
    ],
)
def test_what_is_beyond(change: dict[str, Any], what: str) -> None:
    with pytest.raises(AppError) as refusal:
        check_within(key(**OF_ONE), OF_ONE | change)
    assert (refusal.value.code, what in str(refusal.value)) == ("beyond_own_key", True)


def test_a_key_of_the_sandbox_makes_none_that_is_real() -> None:
    with pytest.raises(AppError):
        check_within(key(**OF_ONE | {"sandbox": 1}), OF_ONE)


@pytest.mark.parametrize("end", [None, NOW + timedelta(milliseconds=1)])
def test_none_outlives_its_maker(end: datetime | None) -> None:
    with pytest.raises(AppError):
        check_end(end, NOW)
    check_end(end, None)
    check_end(NOW, NOW)
