"""A stable hash of each name shares them among machines; one machine more moves no more names than it must."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.shard import Shard, _jump, read_shard, shard_of

NAMES = [f"probe-{number}" for number in range(3000)]


@pytest.mark.parametrize(
    ("key", "buckets", "bucket"),
    [(1, 1, 0), (42, 57, 43), (0xDEAD10CC, 1, 0), (0xDEAD10CC, 666, 361), (256, 1024, 520)],
)
def test_jumps_as_other_programs_do(key: int, buckets: int, bucket: int) -> None:
    """What the usual implementations in Go and C++ answer."""
    assert _jump(key, buckets) == bucket


def test_a_name_stays_where_it_is_for_ever() -> None:
    """A new version that shared them otherwise would leave probes unwatched while it is rolled out."""
    names = ("home", "checkout", "nightly-import", "資料庫")
    assert [shard_of(name, 3) for name in names] == [3, 2, 1, 1]


def test_every_machine_gets_its_part() -> None:
    counts = Counter(shard_of(name, 7) for name in NAMES)
    assert sorted(counts) == [1, 2, 3, 4, 5, 6, 7]
    assert max(counts.values()) < 1.3 * len(NAMES) / 7


@given(st.text(max_size=50), st.integers(1, 200))
def test_one_machine_more_only_takes_over(name: str, machines: int) -> None:
    before, after = shard_of(name, machines), shard_of(name, machines + 1)
    assert after in (before, machines + 1)
    assert [number for number in range(1, machines + 1) if Shard(number, machines).takes(name)] == [before]


def test_one_machine_more_takes_over_its_part() -> None:
    moved = sum(shard_of(name, 4) != shard_of(name, 3) for name in NAMES)
    assert 0.2 < moved / len(NAMES) < 0.3


@pytest.mark.parametrize(("text", "shard"), [("1/1", (1, 1)), ("2/3", (2, 3)), ("03/12", (3, 12))])
def test_reads_what_is_written(text: str, shard: tuple[int, int]) -> None:
    assert read_shard(text) == shard
    assert str(read_shard("03/12")) == "3/12"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("4/3", "shard 4/3 does not exist; there are 1/3 to 3/3"),
        ("0/3", "shard 0/3 does not exist; there are 1/3 to 3/3"),
        ("2/1", "shard 2/1 does not exist; there is only 1/1"),
        ("0/0", "shard 0/0: no machine would look at anything; write 1/1 for one that looks at all"),
        ("/3", "shard must be this machine's number and how many there are, such as 2/3, not '/3'"),
        ("2", "shard must be this machine's number and how many there are, such as 2/3, not '2'"),
        ("-1/3", "shard must be this machine's number and how many there are, such as 2/3, not '-1/3'"),
        ("2/3\n", "shard must be this machine's number and how many there are, such as 2/3, not '2/3\\n'"),
        ("٢/٣", "shard must be this machine's number and how many there are, such as 2/3, not '٢/٣'"),
    ],
)
def test_says_what_is_wrong_with_it(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="shard") as caught:
        read_shard(text)
    assert str(caught.value) == said
