"""From where a distributor may call: how the list is written, and how it is read."""

from typing import Any

import pytest

from app.schema.coercion import coerce
from app.schema.field_rules import CoercionError
from app.schema.validation import rule_of
from pipeline_dist.accounts.authentication import allowed_networks, is_ip_allowed

RULE = rule_of("distributors", "allowed_ips")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.1.2.3/8\n ::1, 10.0.0.0/8", "10.0.0.0/8,::1/128"),
        (["127.0.0.1"], "127.0.0.1/32"),
        ('["10.0.0.0/8", "::1"]', "10.0.0.0/8,::1/128"),
        ("::ffff:127.0.0.1", "127.0.0.1/32"), ("::FFFF:10.0.0.7/104", "10.0.0.0/8"),
        ("::ffff:0:0/96 0.0.0.0/0", "0.0.0.0/0"), (["::ffff:a00:1", "10.0.0.1"], "10.0.0.1/32"),
        ("::/0,fe80::/10", "::/0,fe80::/10"),
        ([], None), ("", None), (" , ", None), (["", " "], None), ("[]", None), ('[""]', None),
    ],
)  # fmt: skip
def test_networks_are_stored_in_one_form(text: Any, expected: str | None) -> None:
    assert coerce(RULE, text) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "10.0.0.0/33",
        "example.com",
        '["10.0.0.0/8", "x"]',
        ["x"],
        "fe80::1%eth0",
        "::ffff:0:0/95",
        "::/64",
        "10.0.0.1:80",
        "unknown",
    ],
)
def test_what_is_no_network_is_refused(wrong: Any) -> None:
    with pytest.raises(CoercionError) as caught:
        coerce(RULE, wrong)

    assert caught.value.entry.code == "bad_address"


@pytest.mark.parametrize(
    ("column", "inside", "outside"),
    [
        ("10.0.0.0/8,::1/128", ["10.9.8.7", "::1", "::ffff:10.9.8.7"], ["11.0.0.1", "::2", "x"]),
        # As others may have written it into the database.
        ("10.0.0.0/8, 192.168.1.7", ["10.1.1.1", "192.168.1.7"], ["192.168.1.8"]),
        ('["10.1.2.3/8"]', ["10.9.9.9"], ["127.0.0.1"]),
        ("10.0.0.0/8,soup", ["10.1.1.1"], ["127.0.0.1"]),
        ("::ffff:10.0.0.0/104", ["10.9.8.7", "::ffff:10.9.8.7"], ["11.0.0.1", "::10.9.8.7"]),
        ("fe80::/10", ["fe80::1%eth0"], ["10.1.1.1", "unknown", ""]),
        ("0.0.0.0/0,::/0", ["10.1.1.1", "::1"], ["unknown", "", "_hidden"]),
        ("soup", [], ["127.0.0.1", "10.1.1.1"]),
        (None, ["127.0.0.1", "::1"], []), ("", ["127.0.0.1"], []), ("[]", ["127.0.0.1"], []),
    ],
)  # fmt: skip
def test_who_may_call(column: str | None, inside: list[str], outside: list[str]) -> None:
    assert [ip for ip in inside if not is_ip_allowed(column, ip)] == []
    assert [ip for ip in outside if is_ip_allowed(column, ip)] == []


def test_the_networks_are_told_as_they_count() -> None:
    assert [str(one) for one in allowed_networks("10.1.2.3/8, soup")] == ["10.0.0.0/8"]
