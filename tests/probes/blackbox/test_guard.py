"""Where /probe may go, checked on the address that a name resolves to."""

import pytest

from probes.blackbox.guard import Guard, GuardedResolver
from probes.net.errors import NetError
from tests.sockets import on_loop


def allowed(guard: Guard, host: str, ip: str) -> bool:
    try:
        guard.check(host, ip)
    except NetError as error:
        return not error.ours
    return True


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "169.254.169.254",
        "100.100.100.200",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
    ],
)
def test_what_is_refused_unless_its_network_is_named(ip: str) -> None:
    assert not allowed(Guard(), "shop.example", ip)
    assert not allowed(Guard(["shop.example"]), "shop.example", ip)


def test_networks_addresses_and_names() -> None:
    assert allowed(Guard(), "shop.example", "10.0.0.1")
    assert allowed(Guard(), "shop.example", "203.0.113.1")
    inside = Guard(["10.0.0.0/8", "2001:db8::1", "*.shop.example"])
    assert allowed(inside, "x", "10.9.9.9")
    assert allowed(inside, "x", "2001:db8::1")
    assert allowed(inside, "API.shop.example.", "203.0.113.1")
    assert not allowed(inside, "shop.example", "203.0.113.1")
    assert not allowed(inside, "shop.example.evil", "203.0.113.1")
    assert not allowed(inside, "x", "2001:db8::2")
    assert allowed(Guard(["127.0.0.0/8"]), "localhost", "127.0.0.1")


def test_a_network_with_host_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="has host bits set"):
        Guard(["10.0.0.1/8"])


@on_loop
async def test_the_resolver_takes_one_address_of_the_preferred_family_and_checks_it() -> None:
    here = Guard(["127.0.0.0/8", "::1"])
    assert await GuardedResolver(here, "ip4", True).resolve("localhost") == ("127.0.0.1",)
    assert await GuardedResolver(here, "ip6", True).resolve("127.0.0.1") == ("127.0.0.1",)
    with pytest.raises(NetError, match="has no address of ip6"):
        await GuardedResolver(here, "ip6", False).resolve("127.0.0.1")
    with pytest.raises(NetError, match=r"probing localhost \(127.0.0.1\) is not allowed here"):
        await GuardedResolver(Guard(), "ip4", True).resolve("localhost")
