"""A group's timetable: the phase fixed by its name, slots missed, a clock that is set."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.slots import Slots

T = 1_800_000_000.0


def test_slots_keep_their_phase_over_restarts():
    first = Slots("a.yml;g", 60.0, T).next
    assert T < first <= T + 60
    assert Slots("a.yml;g", 60.0, T + 3600).next == first + 3600
    assert Slots("a.yml;h", 60.0, T).next != first


def test_a_slot_is_taken_once():
    slots = Slots("g", 15.0, T)
    due = slots.next
    assert slots.take(due - 0.001) is None
    assert slots.take(due + 0.5) == due
    assert slots.take(due + 14.9) is None
    assert slots.take(due + 15) == due + 15
    assert (slots.scheduled, slots.missed) == (2, 0)


def test_slots_that_passed_meanwhile_are_missed_and_the_newest_is_taken():
    slots = Slots("g", 15.0, T)
    due = slots.next
    assert slots.take(due + 50) == due + 45
    assert (slots.scheduled, slots.missed) == (4, 3)


def test_a_clock_set_back_starts_the_timetable_anew():
    slots = Slots("g", 15.0, T)
    phase = slots.next % 15
    assert slots.take(T - 86400) is None
    assert T - 86400 < slots.next <= T - 86400 + 15
    assert abs(slots.next % 15 - phase) < 1e-3
    assert slots.missed == 0


@given(st.floats(0.1, 86400), st.lists(st.floats(0, 200_000), min_size=1, max_size=20))
def test_every_slot_is_counted_once(interval: float, steps: list[float]):
    slots = Slots("g", interval, T)
    first, now, taken = slots.next, T, 0
    for step in steps:
        now += step
        taken += slots.take(now) is not None
    assert slots.scheduled == taken + slots.missed
    assert abs(slots.next - (first + slots.scheduled * interval)) < 0.01
    assert slots.next > now
