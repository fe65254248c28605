"""A bundle: the samples of many series over one span of time, packed into one value of the store."""

import json
import zlib
from array import array
from collections.abc import Sequence
from struct import Struct, error
from typing import NamedTuple

from monitor.samples import chunk
from probes.base import Labels

_HEAD = Struct("<I")


class BundleUnreadable(Exception):
    """What the store gave back is no bundle; the message says what was met."""


class Bundle(NamedTuple):
    """Series with a packed chunk each (monitor.samples.chunk). Its samples lie in start_ms..end_ms, both included."""

    start_ms: int
    end_ms: int
    series: tuple[tuple[Labels, bytes], ...]

    @property
    def samples(self) -> int:
        """How many samples it holds."""
        return sum(chunk.count(packed) for _, packed in self.series)


def pack(times: Sequence[int], values: Sequence[float]) -> bytes:
    """One series' samples as a chunk."""
    return chunk.pack(times, array("d", values))


def encode(bundle: Bundle) -> bytes:
    """The bundle's series as bytes."""
    head = json.dumps([[labels, len(packed)] for labels, packed in bundle.series], ensure_ascii=False).encode()
    return zlib.compress(_HEAD.pack(len(head)) + head + b"".join(packed for _, packed in bundle.series), 6)


def decode(start_ms: int, end_ms: int, body: bytes) -> Bundle:
    """The bundle of these bytes. Raises BundleUnreadable."""
    try:
        plain = zlib.decompress(body)
        (length,) = _HEAD.unpack_from(plain)
        at = _HEAD.size + length
        series = []
        for labels, size in json.loads(plain[_HEAD.size : at]):
            packed = plain[at : at + size]
            chunk.unpack(packed)
            series.append((tuple((str(name), str(value)) for name, value in labels), packed))
            at += size
    except (zlib.error, error, ValueError, TypeError, IndexError, KeyError, OverflowError, ArithmeticError) as problem:
        raise BundleUnreadable(f"{type(problem).__name__}: {problem}") from None
    return Bundle(start_ms, end_ms, tuple(series))
