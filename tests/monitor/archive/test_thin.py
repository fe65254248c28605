"""Thinning keeps the newest of each stretch, and what a counter had counted before a reset."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from alerts.promql.stale import STALE, is_stale
from monitor.archive.thin import is_counter, thin


def test_the_newest_of_each_stretch_is_kept_and_the_stretch_ends_inclusive() -> None:
    times = [15_000, 30_000, 45_000, 60_000, 75_000, 120_000, 121_000]
    assert thin(times, [1, 2, 3, 4, 5, 6, 7], 60_000, counter=False) == ([60_000, 120_000, 121_000], [4, 6, 7])


def test_what_a_counter_had_before_its_reset_is_kept() -> None:
    times = list(range(1_000, 9_000, 1_000))
    values = [1.0, 2.0, 5.0, 0.0, 1.0, 4.0, 2.0, 3.0]
    assert thin(times, values, 60_000, counter=True)[1] == [1.0, 5.0, 0.0, 4.0, 2.0, 3.0]
    assert thin(times, values, 60_000, counter=False) == ([8_000], [3.0])


def test_a_reset_behind_a_stale_marker_is_seen_and_the_last_marker_stays() -> None:
    assert thin([1, 2, 3, 4], [9.0, STALE, 1.0, 2.0], 60_000, counter=True) == ([1, 3, 4], [9.0, 1.0, 2.0])
    assert thin([3, 4], [1.0, 2.0], 60_000, counter=True, before=9.0) == ([3, 4], [1.0, 2.0])
    times, values = thin([1, 2], [9.0, STALE], 60_000, counter=True, before=8.0)
    assert times == [2]
    assert is_stale(values[0])


def _increase(values: list[float]) -> float:
    """As Prometheus counts: a fall is a reset to zero."""
    return sum(b if b < a else b - a for a, b in pairwise(values))


@given(
    st.lists(st.tuples(st.integers(1, 40_000), st.integers(0, 20)), min_size=1, max_size=100),
    st.sampled_from([60_000, 180_000]),
    st.integers(0, 100),
)
def test_nothing_that_a_counter_counted_is_lost(steps: list[tuple[int, int]], resolution: int, half: int) -> None:
    times, values, now = [], [], 0
    for distance, value in steps:
        now += distance
        times.append(now)
        values.append(float(value))
    kept_times, kept = [0], [0.0]
    for part in (slice(0, half), slice(half, None)):  # in two batches, as they come
        more, found = thin(times[part], values[part], resolution, counter=True, before=kept[-1])
        kept_times, kept = kept_times + more, kept + found
    assert kept_times[-1] == times[-1]
    assert _increase(kept) == _increase([0.0, *values])


def test_names_that_count() -> None:
    assert all(map(is_counter, ("shop_orders_total", "a_bucket", "a_count", "a_sum")))
    assert not any(map(is_counter, ("probe_success", "slo:sli_error:ratio_rate5m")))
