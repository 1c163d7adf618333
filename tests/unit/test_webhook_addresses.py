"""Where webhooks may go."""

import errno
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from app.base.refusals import InvalidFields
from pipeline_dist.webhooks import addresses, messages
from pipeline_dist.webhooks.addresses import (
    NameUnknown,
    Place,
    PrivateAddress,
    PublicResolver,
    check_url,
    is_public,
)
from pipeline_dist.webhooks.delivery import MAX_FAILING, PAUSES, next_pause
from pipeline_dist.webhooks.lookups import Lookups
from pipeline_dist.webhooks.messages import Message, open_session, send

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "198.18.0.1", "192.0.2.1", "192.0.0.8", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe",
    "::127.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:1::1", "2001:db8::1", "no address",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "100.128.0.1"]


@pytest.fixture(autouse=True)
def _strict(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_private(monkeypatch, allows=False)


def allow_private(monkeypatch: pytest.MonkeyPatch, *, allows: bool) -> None:
    options = SimpleNamespace(options=SimpleNamespace(webhooks_allow_private=allows))
    monkeypatch.setattr(addresses, "settings", lambda: options)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "example.com", "https://", "https:///x",
        "https://user@example.com/", "https://u:p@example.com/", "https://example.com:0/",
        "https://example.com:99999/", "https://example.com/#x", "https://example.com/ x",
        "https://exa\nmple.com/", "https://" + "x" * 500, "https://127.0.0.1/", "https://[::1]/",
        "https://[::ffff:127.0.0.1]/", "https://169.254.169.254/latest/meta-data",
    ],
)  # fmt: skip
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(InvalidFields):
        check_url(url)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.1.", "127.0.0.0x1",
        "134744072", "1.2.3.4.5", "%31%32%37.0.0.1", "0X7F.1", "example.0x", "a..b",
    ],
)  # fmt: skip
@pytest.mark.parametrize("allows", [False, True])
async def test_hosts_that_only_system_calls_read_as_addresses(
    host: str, allows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the door with words that say it, and at sending, whoever may be sent to."""
    allow_private(monkeypatch, allows=allows)
    with pytest.raises(InvalidFields) as failure:
        check_url(f"https://{host}/")
    (problem,) = failure.value.problems
    assert problem.code == "bad_webhook_url"
    assert "by its name" in str(problem.text) or host == "a..b"
    async with open_session(Lookups()) as session:
        answer = await send(session, f"http://{host}:9/", Message("x", {}), ["whsec_MfKQ9r8G"])
    assert answer.error == "the address is not public"


@pytest.mark.parametrize(
    "url",
    ["https://example.com", "https://example.com:8443/x?y=z", "https://1.1.1.1/", "https://a-b.x2.example.com./",
     "https://[2606:4700:4700::1111]/", "https://xn--bcher-kva.example/"],
)  # fmt: skip
def test_addresses_that_are_taken(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.0.0.1"])
async def test_names_of_private_addresses_do_not_resolve(host: str) -> None:
    with pytest.raises(PrivateAddress):
        await PublicResolver(Lookups()).resolve(host, 443)


class _Book:
    """Knows a name in both families, or in that of IPv6 alone."""

    async def addresses(self, host: str, family: socket.AddressFamily) -> list[Place]:
        places = [(socket.AF_INET6, "2606:4700:4700::1111")]
        return places if host == "six.example.com" else [*places, (socket.AF_INET, "1.1.1.1")]


class _SocketWithoutIPv6(socket.socket):
    def connect(self, address: Any) -> None:
        raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")


async def test_addresses_of_ipv6_are_left_out_on_a_host_that_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "socket", _SocketWithoutIPv6)
    resolver = PublicResolver(_Book())
    results = await resolver.resolve("both.example.com", 443)
    assert [one["host"] for one in results] == ["1.1.1.1"]
    with pytest.raises(NameUnknown):
        await resolver.resolve("six.example.com", 443)
    # What is left is this host's own failure with an address of IPv4 only.
    failure = OSError(errno.EADDRNOTAVAIL, "")
    hosts = ("1.1.1.1", "both.example.com", "[2606:4700:4700::1111]")
    owned = [messages._is_own_failure(failure, f"https://{host}/x") for host in hosts]
    assert owned == [True, True, False]


def test_pauses_grow_and_go_by_what_the_receiver_asks() -> None:
    assert sorted(PAUSES) == list(PAUSES)
    assert all(0.8 * one <= next_pause(n + 1, None) <= 1.2 * one for n, one in enumerate(PAUSES))
    assert next_pause(1, 5000) == 5000
    assert next_pause(1000, None) < MAX_FAILING.total_seconds()
