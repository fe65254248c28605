"""Which of several machines looks after what: they share one config, and a stable hash of each name decides."""

import re
from hashlib import blake2b
from typing import NamedTuple

_WRITTEN = re.compile(r"([0-9]{1,4})/([0-9]{1,4})", re.ASCII)


class Shard(NamedTuple):
    """One machine's number among all that share a location's probes, counted from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def alone(self) -> bool:
        """Whether nothing is shared."""
        return self.of == 1

    def takes(self, name: str) -> bool:
        """Whether this machine looks after what has this name."""
        return shard_of(name, self.of) == self.number


def read_shard(text: str) -> Shard:
    """The shard that a config names, such as 2/3. Raises ValueError with a sentence."""
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError(f"shard must be this machine's number and how many there are, such as 2/3, not {text!r}")
    shard = Shard(int(written[1]), int(written[2]))
    if not shard.of:
        raise ValueError(f"shard {text}: no machine would look at anything; write 1/1 for one that looks at all")
    if not 1 <= shard.number <= shard.of:
        there_are = "there is only 1/1" if shard.alone else f"there are 1/{shard.of} to {shard.of}/{shard.of}"
        raise ValueError(f"shard {text} does not exist; {there_are}")
    return shard


def shard_of(name: str, shards: int) -> int:
    """The number, from 1, of the shard that looks after a name: for ever the same one.

    Jump consistent hash (Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", arXiv:1406.2294): of N
    names, one machine more takes over N/machines, and none of the others exchange any.
    """
    # Its own hash, so that a machine's share spreads over its prober processes and over time as all names do.
    key = int.from_bytes(blake2b(name.encode(), digest_size=8, person=b"machine").digest(), "big")
    return _jump(key, shards) + 1


def _jump(key: int, buckets: int) -> int:
    """The bucket, from 0, of a 64-bit key: figure 1 of the paper."""
    bucket, following = 0, 0
    while following < buckets:
        bucket = following
        key = (key * 2862933555777941757 + 1) % 2**64
        following = int((bucket + 1) * (2**31 / ((key >> 33) + 1)))
    return bucket
