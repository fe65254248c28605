"""The samples in memory: exact, bounded, and readable while they grow."""

import struct
import threading
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.promql import Matcher
from alerts.promql.stale import STALE, is_stale
from monitor.samples import Columns, Samples
from monitor.samples.chunk import count, pack, span, unpack
from probes.base import Labels


def labels(name: str, **others: str) -> Labels:
    return tuple(sorted({"__name__": name, **others}.items()))


def named(name: str) -> tuple[Matcher, ...]:
    return (Matcher("__name__", "=", name),)


def bits(values: "array[float] | list[float]") -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


any_float = st.floats() | st.just(STALE) | st.just(-0.0) | st.integers(-(2**60), 2**60).map(float)
runs_of_values = (
    st.lists(any_float, min_size=1, max_size=200)
    | st.lists(st.integers(0, 300).map(float), min_size=1, max_size=200)
    | st.builds(lambda value, times: [value] * times, any_float, st.integers(1, 200))
)
distances = st.lists(st.integers(1, 20), min_size=200, max_size=200) | st.lists(
    st.integers(1, 2**33), min_size=200, max_size=200
)


@settings(deadline=None)
@given(st.integers(-(2**40), 2**40), distances, runs_of_values)
def test_a_chunk_gives_back_exactly_what_went_in(start: int, steps: list[int], values: list[float]) -> None:
    times = [start]
    for step in steps[: len(values) - 1]:
        times.append(times[-1] + step)
    packed = pack(times, array("d", values))
    assert span(packed) == (times[0], times[-1])
    assert count(packed) == len(times)
    got_times, got_values = unpack(packed)
    assert got_times == times
    assert bits(got_values) == bits(values)


def test_an_even_constant_chunk_is_tiny() -> None:
    assert len(pack(range(0, 120 * 15_000, 15_000), array("d", [1.0] * 120))) < 40


def test_counters_take_about_a_byte_a_sample() -> None:
    values = array("d", [float(index * 3 + index % 2) for index in range(120)])
    assert len(pack(range(0, 120 * 15_000, 15_000), values)) < 160


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 60_000), any_float), min_size=1, max_size=600),
    st.integers(-10_000, 3_000_000),
    st.integers(0, 3_000_000),
)
def test_a_series_reads_as_a_plain_list_would(steps: list[tuple[int, float]], after: int, length: int) -> None:
    samples = Samples(max_age=1e9)
    at, expected = 0, []
    for step, value in steps:
        at += step
        assert samples.append(labels("a"), at, value)
        expected.append((at, value))
    (series,) = samples.select(named("a"), 0, at)
    until = after + length
    inside = [(time, value) for time, value in expected if after < time <= until]
    times, values = series.window(after, until)
    assert list(times) == [time for time, _ in inside]
    assert bits(list(values)) == bits([value for _, value in inside])
    newest = series.latest(after, until)
    assert (newest is None) == (not inside)
    if newest is not None:
        assert newest[0] == inside[-1][0]
        assert bits([newest[1]]) == bits([inside[-1][1]])
    assert samples.sample_count == len(series.window(-1, at)[0]) == len(expected)


def test_a_long_pause_between_samples_is_kept() -> None:
    samples, month = Samples(max_age=1e9), 30 * 86_400_000
    for number in range(5):
        assert samples.append(labels("a"), number * month, number)
        assert samples.append(labels("a"), number * month + 1, number)
    (series,) = samples.select(named("a"), 0, 0)
    assert series.window(-1, 5 * month)[0] == [number * month + extra for number in range(5) for extra in (0, 1)]


def test_samples_out_of_order_are_refused_and_counted() -> None:
    samples = Samples()
    assert samples.append(labels("a"), 1000, 1)
    assert not samples.append(labels("a"), 1000, 2)
    assert not samples.append(labels("a"), 999, 2)
    assert samples.refused == {"order": 2, "series": 0, "samples": 0}
    assert samples.sample_count == 1


def test_the_stale_marker_survives() -> None:
    samples = Samples()
    for at in range(200):
        samples.append(labels("a"), at, STALE if at % 2 else 1.5)
    (series,) = samples.select(named("a"), 0, 0)
    assert [is_stale(value) for value in series.window(-1, 199)[1]] == [at % 2 == 1 for at in range(200)]


def test_old_samples_go_and_series_with_them() -> None:
    samples = Samples(max_age=3600)
    samples.append(labels("gone"), 0, 1)
    for tick in range(5 * 240):
        samples.append(labels("kept"), tick * 15_000, tick)
    assert [series.labels for series in samples.select((Matcher("__name__", "=~", ".+"),), 0, 0)] == [labels("kept")]
    (kept,) = samples.select(named("kept"), 0, 0)
    first = kept.window(-1, 10**12)[0][0]
    assert 3 * 3_600_000 < first < 4 * 3_600_000
    assert samples.sample_count == len(kept.window(-1, 10**12)[0])
    assert samples.evicted["age"] == 5 * 240 + 1 - samples.sample_count


def test_the_number_of_samples_is_bounded_by_forgetting_the_oldest() -> None:
    samples = Samples(max_age=1e9, max_samples=2000)
    for tick in range(1000):
        for name in ("a", "b", "c"):
            assert samples.append(labels(name), tick * 15_000, tick)
    assert samples.sample_count <= 2000
    assert samples.evicted["samples"] == 3000 - samples.sample_count
    (series,) = samples.select(named("a"), 0, 0)
    assert series.latest(0, 10**12) == (999 * 15_000, 999)


def test_samples_are_refused_when_nothing_can_be_forgotten() -> None:
    samples = Samples(max_samples=10)
    taken = [samples.append(labels("a", number=str(number)), 0, 1) for number in range(20)]
    assert taken == [True] * 10 + [False] * 10
    assert samples.refused["samples"] == 10


def test_the_number_of_series_is_bounded() -> None:
    samples = Samples(max_age=60, max_series=2)
    assert [samples.append(labels(name), 0, 1) for name in "abc"] == [True, True, False]
    assert samples.refused["series"] == 1
    assert samples.append(labels("c"), 120_000, 1), "series that have aged make room"
    assert samples.series_count == 1


def test_a_removed_series_is_gone_and_may_come_back() -> None:
    samples = Samples()
    samples.append(labels("a", x="1"), 5, 1)
    assert samples.select(named("a"), 0, 10)
    assert samples.remove(labels("a", x="1"))
    assert not samples.remove(labels("a", x="1"))
    assert samples.select(named("a"), 0, 10) == []
    assert (samples.series_count, samples.sample_count, samples.label_names()) == (0, 0, [])
    assert samples.append(labels("a", x="1"), 3, 1)
    assert len(samples.select(named("a"), 0, 10)) == 1


LABEL_SETS = [
    labels("up", job="a", instance="1"),
    labels("up", job="b", instance="1"),
    labels("up", instance="2"),
    labels("down", job="a"),
    labels("", job="c"),
]


def _name(one: Labels) -> str:
    return dict(one).get("__name__", "")


@pytest.mark.parametrize(
    "matchers",
    [
        [("__name__", "=", "up")],
        [("__name__", "=", "up"), ("job", "=", "")],
        [("__name__", "=~", "up|down"), ("job", "!=", "b")],
        [("job", "=~", ".+")],
        [("job", "=~", "a|b|c"), ("instance", "=", "1")],
        [("__name__", "!~", "u.*"), ("job", "=~", "[a-z]")],
        [("instance", "!=", "")],
        [("job", "=~", "a|")],
        [("nothing", "=", "x")],
        [("job", "=", "a"), ("job", "=", "b")],
    ],
)
def test_selecting_finds_what_looking_at_every_series_finds(matchers: list[tuple[str, str, str]]) -> None:
    samples = Samples()
    for one in LABEL_SETS:
        samples.append(one, 1, 1)
    conditions = tuple(Matcher(name, op, value) for name, op, value in matchers)  # type: ignore[arg-type]  # "=" etc.
    expected = [one for one in LABEL_SETS if all(condition.matches_labels(one) for condition in conditions)]
    selected = [series.labels for series in samples.select(conditions, 0, 1)]
    assert sorted(selected) == sorted(expected)
    assert sorted(selected, key=_name) == sorted(expected, key=_name), "of one name, the oldest first"
    samples.append(labels("up", job="a", instance="3"), 1, 1)
    found = {series.labels for series in samples.select(conditions, 0, 1)}
    new = labels("up", job="a", instance="3")
    assert found == {*expected, *([new] if all(condition.matches_labels(new) for condition in conditions) else [])}


def test_label_names_and_values() -> None:
    samples = Samples()
    for one in LABEL_SETS[:4]:
        samples.append(one, 1, 1)
    assert samples.label_names() == ["__name__", "instance", "job"]
    assert samples.label_values("job") == ["a", "b"]
    assert samples.label_values("nothing") == []


def test_readers_see_whole_samples_while_writers_append() -> None:
    samples, problems, stop = Samples(max_age=1e9), list[str](), threading.Event()
    names = [labels("a", number=str(number)) for number in range(20)]

    def write(half: int) -> None:
        for at in range(1, 600):
            for one in names[half::2]:
                samples.append(one, at, at)
        for number in range(300):
            samples.append(labels("b", number=str(number), half=str(half)), 1, 1)

    def read() -> None:
        while not stop.is_set():
            for series in samples.select((Matcher("__name__", "=~", "a|b"),), 0, 10**9):
                times, values = series.window(0, 10**9)
                if [float(time) for time in times] != list(values) or times != list(range(1, len(times) + 1)):
                    problems.append(f"{series.labels}: {times[:3]}… {values[:3]}…")
                newest = series.latest(0, 10**9)
                if newest is not None and newest[0] != newest[1]:
                    problems.append(f"{series.labels}: {newest}")

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(half,)) for half in (0, 1)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert problems == []
    assert samples.sample_count == 20 * 599 + 600


def test_a_whole_chunk_is_taken_in_as_if_its_samples_had_come() -> None:
    one = labels("a")
    samples = Samples(max_samples=1000)
    assert samples.last(one) is None
    assert samples.adopt(one, pack([1000, 2000], array("d", [1.0, 2.0])))
    assert samples.last(one) == 2.0
    assert not samples.append(one, 1999, 9.0)
    assert not samples.append(one, 2000, 9.0)
    assert samples.append(one, 3000, 3.0)
    assert samples.adopt(one, pack([4000, 5000], array("d", [4.0, 5.0])))
    assert samples.append(one, 6000, 6.0)
    (series,) = samples.select(named("a"), 0, 0)
    assert series.window(0, 9000) == ([1000, 2000, 3000, 4000, 5000, 6000], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert samples.sample_count == len(series.window(0, 9000)[0]) == 6


def test_a_chunk_that_is_not_later_is_refused() -> None:
    one = labels("a")
    samples = Samples()
    samples.adopt(one, pack([1000, 2000], array("d", [1.0, 2.0])))
    assert not samples.adopt(one, pack([2000, 3000], array("d", [1.0, 2.0])))
    samples.append(one, 4000, 1.0)
    assert not samples.adopt(one, pack([4000, 5000], array("d", [1.0, 2.0])))
    assert samples.refused["order"] == 4
    assert samples.sample_count == 3


def test_chunks_count_against_the_limits() -> None:
    samples = Samples(max_samples=3, max_series=2)
    assert samples.adopt(labels("a"), pack([1000, 2000], array("d", [1.0, 2.0])))
    assert samples.adopt(labels("b"), pack([1000, 2000], array("d", [1.0, 2.0])))
    assert samples.evicted["samples"] + samples.sample_count == 4
    assert not samples.adopt(labels("c"), pack([1000, 2000], array("d", [1.0, 2.0])))
    assert samples.refused["series"] == 1


NAMES = [labels(name, probe="home") for name in "abcdef"]
TOGETHER = {"ab": NAMES[:2], "abc": NAMES[:3], "cde": NAMES[2:5], "f": NAMES[5:]}
what_happens = st.lists(
    st.tuples(
        st.sampled_from([*TOGETHER, "one", "remove", "adopt", "late"]),
        st.integers(0, 5),
        st.integers(1, 90),
        st.lists(any_float, min_size=3, max_size=3),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(what_happens, st.integers(-1000, 200_000), st.integers(0, 200_000))
def test_series_on_sheets_read_as_plain_lists_would(story, after, length) -> None:  # type: ignore[no-untyped-def]
    samples = Samples(max_age=1e9)
    columns = {name: Columns(list(members)) for name, members in TOGETHER.items()}
    expected: dict[Labels, list[tuple[int, float]]] = {}
    at, refused = 0, 0
    for what, number, times, values in story:
        one = NAMES[number]
        for turn in range(times if what in TOGETHER else 1):
            at += 1000 + number
            row = [values[(place + turn) % 3] for place in range(3)]
            if what in TOGETHER:
                members = TOGETHER[what]
                assert samples.append_row(columns[what], at, row[: len(members)])
                for member, value in zip(members, row, strict=False):
                    expected.setdefault(member, []).append((at, value))
            elif what == "one":
                assert samples.append(one, at, row[0])
                expected.setdefault(one, []).append((at, row[0]))
            elif what == "remove":
                assert samples.remove(one) == (one in expected)
                expected.pop(one, None)
            elif what == "adopt":
                assert samples.adopt(one, pack([at - 500, at], array("d", row[:2])))
                expected.setdefault(one, []).extend([(at - 500, row[0]), (at, row[1])])
            elif one in expected:
                last = expected[one][-1][0]
                assert not samples.append(one, last, 1.0)
                refused += 1
    until = after + length
    assert samples.series_count == len(expected)
    assert samples.sample_count == sum(map(len, expected.values()))
    assert samples.refused == {"order": refused, "series": 0, "samples": 0}
    for series in samples.select((Matcher("probe", "=", "home"),), 0, at):
        inside = [(time, value) for time, value in expected[series.labels] if after < time <= until]
        found_times, found_values = series.window(after, until)
        assert list(found_times) == [time for time, _ in inside]
        assert bits(list(found_values)) == bits([value for _, value in inside])
        newest = series.latest(after, until)
        assert (newest is None) == (not inside)
        if newest is not None:
            assert newest[0] == inside[-1][0]
            assert bits([newest[1]]) == bits([inside[-1][1]])
        assert series.last_ms() == expected[series.labels][-1][0]
        assert len(series.window(-1, at)[0]) == len(expected[series.labels])


def test_a_row_that_is_not_later_is_refused_whole() -> None:
    samples, columns = Samples(), Columns(NAMES[:3])
    assert samples.append_row(columns, 1000, (1, 2, 3))
    assert not samples.append_row(columns, 1000, (4, 5, 6))
    assert not samples.append_row(Columns(NAMES[:2]), 1000, (4, 5))
    assert samples.refused["order"] == 5
    assert samples.sample_count == 3


def test_a_row_of_another_width_is_an_error_and_harms_nothing() -> None:
    samples, columns = Samples(), Columns(NAMES[:3])
    assert samples.append_row(columns, 1000, (1, 2, 3))
    with pytest.raises(ValueError, match="2 values does not fit on a sheet of 3"):
        samples.append_row(columns, 2000, (1, 2))
    assert samples.append_row(columns, 3000, (4, 5, 6))
    (series,) = samples.select(named("b"), 0, 3000)
    assert series.window(0, 3000) == ([1000, 3000], [2.0, 5.0])


def test_rows_are_bounded_like_samples() -> None:
    samples = Samples(max_age=1e9, max_samples=2000)
    columns = Columns(NAMES[:3])
    for tick in range(1000):
        assert samples.append_row(columns, tick * 15_000, (tick, 1, tick / 7))
    assert samples.sample_count <= 2000
    assert samples.evicted["samples"] == 3000 - samples.sample_count
    full = Samples(max_samples=2, max_series=2)
    assert not full.append_row(Columns(NAMES[:3]), 0, (1, 2, 3))
    assert full.refused == {"order": 0, "series": 1, "samples": 0}
    tight = Samples(max_samples=2)
    assert not tight.append_row(Columns(NAMES[:3]), 0, (1, 2, 3))
    assert tight.refused["samples"] == 3
    assert tight.series_count == 3
    tight.append_row(Columns([labels("x")]), 10, (1,))


def test_a_series_without_samples_may_take_its_place_on_a_sheet() -> None:
    tight, few = Samples(max_samples=2), Columns(NAMES[:3])
    assert not tight.append_row(few, 0, (1, 2, 3))
    tight.max_samples = 3
    assert tight.append(NAMES[0], 5, 1)
    assert tight.append_row(Columns(NAMES[:2]), 10, (4, 5))
    assert [tight.last(name) for name in NAMES[:3]] == [4.0, 5.0, None]


def test_rows_that_stopped_age_like_samples() -> None:
    samples, columns = Samples(max_age=3600), Columns(NAMES[:3])
    samples.append_row(columns, 0, (1, 2, 3))
    samples.append_row(columns, 10, (1, 2, 3))
    for tick in range(1, 5 * 240):
        samples.append(labels("kept"), tick * 15_000, tick)
    assert samples.series_count == 1
    assert samples.append_row(columns, 5 * 240 * 15_000, (1, 2, 3))
    assert samples.series_count == 4


def test_rows_months_apart_are_kept() -> None:
    samples, columns, month = Samples(max_age=1e9), Columns(NAMES[:2]), 30 * 86_400_000
    for number in range(5):
        assert samples.append_row(columns, number * month, (number, 1))
        assert samples.append_row(columns, number * month + 1, (number, 1))
    (series,) = samples.select(named("a"), 0, 0)
    assert series.window(-1, 5 * month)[0] == [number * month + extra for number in range(5) for extra in (0, 1)]


def test_columns_that_are_alike_or_stand_still_take_no_room() -> None:
    samples, columns = Samples(), Columns(NAMES[:5])
    for tick in range(200):
        samples.append_row(columns, tick * 15_000, (7, tick, tick / 7, -0.0 if tick % 2 else 0.0, tick))
    assert columns.sheet is not None
    assert columns.sheet.rows.layout.width == 3
    _, *alike = samples.select((Matcher("__name__", "=~", "a|b|e"),), 0, 10**9)
    assert alike[0].window(-1, 10**9) == alike[1].window(-1, 10**9)
    assert columns.sheet.rows.pages[0].chunk(1) == columns.sheet.rows.pages[0].chunk(4)


def test_columns_of_a_probe_share_its_labels() -> None:
    base = (("probe", "home"), ("location", "here"))
    samples, columns = Samples(), Columns([(("__name__", "b"), ("z", "1")), (("__name__", "a"),)], base)
    samples.append_row(columns, 1, (1, 2))
    samples.append(labels("a", probe="away"), 1, 3)
    expected = labels("a", probe="home", location="here"), labels("b", probe="home", location="here", z="1")
    assert sorted(columns.labels) == sorted(expected)
    assert sorted(one.labels for one in samples.select((Matcher("probe", "=", "home"),), 0, 1)) == sorted(expected)
    assert [one.labels for one in samples.select((*named("b"), Matcher("z", "=~", "1|2")), 0, 1)] == [expected[1]]
    assert samples.select((*named("b"), Matcher("location", "!=", "here")), 0, 1) == []
    assert samples.last(expected[0]) == 2.0
    assert samples.label_values("__name__") == ["a", "b"]
    assert samples.label_names() == ["__name__", "location", "probe", "z"]
    assert samples.remove(expected[1])
    assert samples.label_names() == ["__name__", "location", "probe"]
    assert samples.append(expected[0], 2, 5)
    assert [one.latest(0, 2) for one in samples.select(named("a"), 0, 1)] == [(1, 3.0), (2, 5.0)]


def test_readers_see_whole_rows_while_series_change_their_sheets() -> None:
    samples, problems, stop = Samples(max_age=1e9), list[str](), threading.Event()
    few, many = Columns(NAMES[:2]), Columns([NAMES[2], NAMES[1], NAMES[0]])

    def read() -> None:
        while not stop.is_set():
            for series in samples.select((Matcher("probe", "=", "home"),), 0, 10**9):
                factor = 1.0 + NAMES.index(series.labels)
                times, values = series.window(0, 10**9)
                if [time * factor for time in times] != list(values):
                    problems.append(f"{series.labels}: {times[-3:]}… {values[-3:]}…")
                if factor < 3 and times != list(range(1, len(times) + 1)):
                    problems.append(f"{series.labels}: {times}")
                newest = series.latest(0, 10**9)
                if newest is not None and newest[0] * factor != newest[1]:
                    problems.append(f"{series.labels}: {newest}")

    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in readers:
        thread.start()
    for at in range(1, 3000):
        if at // 100 % 3 == 0:
            samples.append_row(few, at, (at, at * 2))
        elif at // 100 % 3 == 1:
            samples.append_row(many, at, (at * 3, at * 2, at))
        else:
            samples.append(NAMES[0], at, at)
            samples.append(NAMES[1], at, at * 2)
    stop.set()
    for thread in readers:
        thread.join()
    assert problems == []
