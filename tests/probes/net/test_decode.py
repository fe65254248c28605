"""Compressed bodies: unpacked to what was agreed and no further, however they are made."""

import gzip
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.blackbox.unpack import unpack
from probes.net.decode import can_unpack, decode
from probes.net.errors import NetError

RAW = -zlib.MAX_WBITS


def raw(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=RAW)
    return packer.compress(body) + packer.flush()


@given(st.binary(max_size=20_000), st.integers(min_value=0, max_value=3))
def test_what_was_packed_is_unpacked(body: bytes, more: int) -> None:
    members = gzip.compress(body) * (1 + more)
    assert decode(members, b"gzip", 10**6, "shop") == body * (1 + more)
    assert decode(zlib.compress(body), b"deflate", 10**6, "shop") == body
    assert decode(raw(body), b"deflate", 10**6, "shop") == body
    assert decode(gzip.compress(raw(body)), b"deflate, gzip", 10**6, "shop") == body
    assert unpack(members, "gzip", 10**6) == (body * (1 + more), "")
    assert unpack(raw(body), "deflate", 10**6) == (body, "")


@given(st.binary(min_size=1, max_size=5000), st.sampled_from([b"gzip", b"deflate", b"x-gzip, deflate"]))
def test_any_bytes_are_unpacked_or_refused(body: bytes, encoding: bytes) -> None:
    with suppress(NetError):
        assert len(decode(body, encoding, 1000, "shop")) <= 1000
    whole, _ = unpack(body, "gzip", 1000)
    assert len(whole) <= 1000


def test_a_bomb_costs_its_limit() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    with pytest.raises(NetError, match=r"unpacks to more than 1000 bytes \(max_body\)"):
        decode(bomb, b"gzip", 1000, "shop")
    whole, wrong = unpack(bomb, "gzip", 1000)
    assert (len(whole), wrong) == (1000, "transfer: the body unpacks to more than 1000 bytes (body_size_limit)")


def test_a_bomb_of_many_small_parts_is_refused() -> None:
    """Half a million empty gzip members unpack to nothing, and for each the rest used to be copied."""
    parts = gzip.compress(b"") * 500_000
    with pytest.raises(NetError, match="it has more than 10000 parts"):
        decode(parts, b"gzip", 10**6, "shop")


@pytest.mark.parametrize(
    ("body", "compression", "came", "wrong"),
    [
        (gzip.compress(b"hello") + b"what?", "gzip", b"hello", "transfer: the body is not gzip: Error -3"),
        (gzip.compress(b"hello")[:-9], "gzip", b"hello", "transfer: the body is not gzip: it ends too early"),
        (zlib.compress(b"hello"), "deflate", b"", "transfer: the body is not deflate: Error -3"),
        (b"hello", "identity", b"hello", ""),
        (b"hello", "", b"hello", ""),
        (b"", "gzip", b"", ""),
    ],
)
def test_as_far_as_it_goes(body: bytes, compression: str, came: bytes, wrong: str) -> None:
    unpacked, reason = unpack(body, compression, 1000)
    assert came.startswith(unpacked)
    assert reason.startswith(wrong)
    assert bool(reason) == bool(wrong)


def test_what_is_no_compression_at_all_is_left_as_it_is() -> None:
    """Servers write a charset there, or what they mean to be nothing; browsers show the body, and so does Go."""
    for word in (b"utf-8", b"none", b"UTF-8, gzip"):
        body = gzip.compress(b"hello") if b"gzip" in word else b"hello"
        assert decode(body, word, 1000, "shop") == b"hello"


def test_junk_behind_gzip_is_nobodys_business_in_a_browser() -> None:
    two = gzip.compress(b"hel") + gzip.compress(b"lo")
    for junk in (b"\0", b"\0" * 10_000, b"what?", b"\x1f", b"\n"):
        assert decode(two + junk, b"gzip", 1000, "shop") == b"hello"
    for wrong in (gzip.compress(b"hello")[:-1], two[:-1], b"junk" + two, two[:10] + b"what?" + two[15:]):
        with pytest.raises(NetError, match="sent a body that is not gzip"):
            decode(wrong, b"gzip", 1000, "shop")


def test_what_nobody_asked_for_is_told_by_name() -> None:
    assert can_unpack("gzip")
    assert not can_unpack("lzma")
    with pytest.raises(NetError, match="shop sent the body encoded as 'lzma', which was not asked for"):
        decode(b"x", b"lzma", 1000, "shop")


def test_br_is_unpacked_where_its_package_is() -> None:
    if not can_unpack("br"):
        with pytest.raises(NetError, match="encoded as 'br', which was not asked for"):
            decode(b"\x0b\x02\x80hello\x03", b"br", 1000, "shop")
        return
    assert decode(b"\x0b\x02\x80hello\x03", b"br", 1000, "shop") == b"hello"
    assert unpack(b"\x0b\x02\x80hello\x03", "br", 1000) == (b"hello", "")
