"""The mark that says a series has ended: a NaN of one exact bit pattern, as Prometheus writes it."""

import struct

_DOUBLE = struct.Struct("<d")
_BITS = (0x7FF0000000000002).to_bytes(8, "little")

#: The sample value that ends a series. It differs from other NaNs only in its bits, so never compute with it.
STALE: float = _DOUBLE.unpack(_BITS)[0]


def is_stale(value: float) -> bool:
    """Whether the value is the stale marker, and not a NaN that somebody measured."""
    return value != value and _DOUBLE.pack(value) == _BITS
