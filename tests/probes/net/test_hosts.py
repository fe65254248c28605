"""/etc/hosts and resolv.conf, read as the C library reads them."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from probes.net.hosts import ResolverConfig, Watched, parse_hosts, parse_resolv_conf

HOSTS = """
127.0.0.1 localhost Shop.Local # ours
::1       localhost
# 10.0.0.9 gone
not-an-address name
10.0.0.1
10.0.0.2 shop.local shop.local
"""


def test_hosts() -> None:
    assert parse_hosts(HOSTS) == {"localhost": ("127.0.0.1", "::1"), "shop.local": ("127.0.0.1", "10.0.0.2")}


def test_resolv_conf() -> None:
    text = "nameserver 10.0.0.1\nnameserver ::1\nnameserver a\nnameserver b\nsearch shop. x\noptions rotate ndots:5\n"
    config = parse_resolv_conf(text)
    assert config == ResolverConfig((("10.0.0.1", 53), ("::1", 53), ("a", 53)), ("shop", "x"), 5)
    assert parse_resolv_conf("") == ResolverConfig((("127.0.0.1", 53),), (), 1)


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    assert parse_resolv_conf(text).servers
    assert all(parse_hosts(text).values())


def test_a_changed_file_is_read_again_after_a_few_seconds_and_a_missing_one_is_empty(tmp_path: Path) -> None:
    path, now = tmp_path / "hosts", [0.0]
    watched = Watched(path, parse_hosts, clock=lambda: now[0])
    assert watched.read() == {}
    path.write_text("10.0.0.1 a")
    assert watched.read() == {}
    now[0] = 6.0
    assert watched.read() == {"a": ("10.0.0.1",)}
    path.write_text("10.0.0.2 a")
    os.utime(path, ns=(1, 1))
    now[0] = 12.0
    assert watched.read() == {"a": ("10.0.0.2",)}
    path.unlink()
    now[0] = 18.0
    assert watched.read() == {}
