"""A bundle comes back as it went in; what is no bundle is refused, whatever it is."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.archive.bundle import Bundle, BundleUnreadable, decode, encode, pack


def test_what_goes_in_comes_out() -> None:
    one = ((("__name__", "shop_orders_total"), ("shop", "茶")), pack([1, 2, 3], [1.0, 2.5, 3.0]))
    two = ((("__name__", "b"),), pack([2], [float("inf")]))
    bundle = Bundle(1, 3, (one, two))
    assert decode(1, 3, encode(bundle)) == bundle
    assert bundle.samples == 4


@given(st.binary(max_size=200))
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(BundleUnreadable):
        decode(0, 1, body)


@given(st.data())
def test_a_flipped_byte_is_noticed(data: st.DataObject) -> None:
    bundle = Bundle(1, 3, (((("__name__", "a"),), pack([1, 2, 3], [1.0, 2.5, 3.0])),))
    body = bytearray(encode(bundle))
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(BundleUnreadable):
        assert decode(1, 3, bytes(body)) == bundle  # a bit that means nothing
