from hypothesis import given
from hypothesis import strategies as st

from monitor.prober.heap import TimerHeap
from monitor.prober.slots import Cadence, cadence

START = 1.8e9
intervals = st.sampled_from([0.1, 0.25, 1.0, 3.0, 10.0, 15.0, 60.0, 3600.0])
steps = st.lists(st.one_of(st.floats(0, 0.5), st.floats(0, 500)), max_size=60)


@given(st.dictionaries(st.text(max_size=5), intervals, min_size=1, max_size=8), steps)
def test_every_slot_is_taken_or_skipped_exactly_once(probes, steps):
    heap, now = TimerHeap(), START
    first = {name: heap.put(name, cadence(name, interval), now) for name, interval in probes.items()}
    ended = dict.fromkeys(probes, 0)
    for step in steps:
        now += step
        for probe, due, skipped in heap.take(now):
            assert START <= due <= now < due + probes[probe]
            ended[probe] += 1 + skipped
    for name, interval in probes.items():
        slots = cadence(name, interval)
        fell_due = slots.latest(now) - slots.latest(first[name]) + 1
        assert ended[name] == max(0, fell_due)


@given(st.text(max_size=20), intervals, st.floats(0, 4e9), st.floats(0, 4e9))
def test_a_phase_is_the_same_whenever_one_starts(name, interval, start, later):
    one, other = (TimerHeap().put(name, cadence(name, interval), now) for now in (start, later))
    apart = (one - other) / interval
    assert abs(apart - round(apart)) * interval < 1e-5


@given(intervals, st.floats(0, 4e9))
def test_the_latest_slot_is_due_and_the_first_is_not_past(interval, now):
    slots = cadence("any", interval)
    assert slots.due(slots.latest(now)) <= now < slots.due(slots.latest(now) + 1)
    assert slots.due(slots.first(now) - 1) < now <= slots.due(slots.first(now))


def test_phases_are_pinned_for_ever():
    assert cadence("home", 15.0) == Cadence(15.0, 9.730920595)


def test_probes_are_taken_in_the_order_in_which_they_are_due():
    heap = TimerHeap()
    heap.put("second", Cadence(10.0, 2.0), START)
    heap.put("first", Cadence(10.0, 1.0), START)
    assert heap.next_due() == START + 1.0
    assert [turn.probe for turn in heap.take(START + 5)] == ["first", "second"]
    assert heap.take(START + 5) == []


def test_putting_the_same_cadence_again_leaves_the_slots_alone():
    heap = TimerHeap()
    assert heap.put("a", Cadence(10.0, 1.0), START) == START + 1.0
    assert heap.put("a", Cadence(10.0, 1.0), START + 5) is None
    assert heap.next_due() == START + 1.0


def test_another_cadence_replaces_the_slots():
    heap = TimerHeap()
    heap.put("a", Cadence(10.0, 1.0), START)
    assert heap.put("a", Cadence(5.0, 1.0), START + 2) == START + 6.0
    assert [turn.due for turn in heap.take(START + 10)] == [START + 6.0]


def test_a_dropped_probe_has_no_slots():
    heap = TimerHeap()
    heap.put("a", Cadence(10.0, 1.0), START)
    heap.drop("a")
    assert (heap.next_due(), heap.take(START + 100), len(heap)) == (None, [], 0)


def test_a_probe_put_again_after_a_drop_is_not_taken_twice():
    heap = TimerHeap()
    heap.put("a", Cadence(10.0, 1.0), START)
    heap.drop("a")
    heap.put("a", Cadence(10.0, 1.0), START)
    assert len(heap.take(START + 1)) == 1
