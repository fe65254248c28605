import asyncio
import time
from collections import Counter

import pytest

from monitor.prober.rounds import Rounds
from monitor.prober.slots import cadence, schedule_clock, schedule_offset
from probes.base import Beat, Outcome, ProbeSettings
from tests.monitor.prober import kinds

pytestmark = pytest.mark.anyio


class Notes:
    def __init__(self):
        self.looks, self.lost = [], Counter()

    def seen(self, seen):
        self.looks.append(seen)

    def missed(self, probe, reason, count):
        self.lost[probe, reason.value] += count

    def of(self, name):
        return [seen for seen in self.looks if seen.probe == name]


@pytest.fixture
def notes():
    return Notes()


def trivial(name, every=0.05, **more):
    return kinds.TrivialProbe, ProbeSettings(name=name, type="trivial", every=every, timeout=0.5, **more)


def slow(name, takes, every=0.05, timeout=5.0):
    return kinds.SlowProbe, kinds.SlowSettings(name=name, takes=takes, every=every, timeout=timeout)


def new_clock():
    return schedule_clock(schedule_offset(time.time()))


async def test_every_slot_of_every_probe_ends_somewhere(notes):
    clock = new_clock()
    rounds = Rounds(notes, clock, "here")
    probes = [trivial(f"quick {n}", 0.1) for n in range(20)] + [slow(f"slow {n}", 0.25, 0.1) for n in range(5)]
    first = rounds.apply(probes)
    await asyncio.sleep(1.0)
    await rounds.close(grace=5.0)
    last = clock()
    for kind, settings in probes:
        name, slots = settings.name, cadence(settings.name, settings.every)
        ended = len(notes.of(name)) + sum(count for (probe, _), count in notes.lost.items() if probe == name)
        due_by_the_end = slots.latest(last) - slots.latest(first[name]) + 1
        stopped_before = due_by_the_end - ended  # slots that fell due while the last looks ended
        assert 0 <= stopped_before <= 0.5 / 0.1, name
        if kind is kinds.SlowProbe:
            assert notes.lost[name, "still_running"] >= 2


async def test_looks_begin_at_their_slots(notes):
    rounds = Rounds(notes, new_clock())
    rounds.apply([trivial("a", 0.05)])
    await asyncio.sleep(0.5)
    await rounds.close(1.0)
    slots = cadence("a", 0.05)
    for seen in notes.looks:
        assert slots.due(slots.latest(seen.due)) == pytest.approx(seen.due, abs=1e-6)
        assert seen.late >= 0
        assert seen.finding.samples[0].value == 1.0


async def test_a_look_that_takes_its_whole_interval_does_not_cost_the_next_slot(notes):
    rounds = Rounds(notes, new_clock())
    rounds.apply([slow("hangs", 60.0, every=0.4, timeout=0.4)])
    await asyncio.sleep(2.5)
    await rounds.close(0.0)
    assert not notes.lost
    assert len(notes.looks) >= 3
    assert {seen.finding.outcome for seen in notes.looks} == {Outcome.DOWN}


async def test_no_more_looks_run_than_there_is_room_for(notes):
    rounds = Rounds(notes, new_clock(), limit=2)
    rounds.apply([slow(f"slow {n}", 0.2, 0.1) for n in range(6)])
    most = 0
    for _ in range(100):
        await asyncio.sleep(0.01)
        most = max(most, rounds.running)
    await rounds.close(1.0)
    assert most == 2
    assert sum(count for (_, reason), count in notes.lost.items() if reason == "overload") > 0
    assert max(seen.late for seen in notes.looks) > 0.05
    assert len({seen.probe for seen in notes.looks}) > 2


async def test_a_look_that_waits_for_room_begins_late_but_begins(notes):
    rounds = Rounds(notes, new_clock(), limit=1)
    rounds.apply([slow("a", 0.15, 3600.0), slow("b", 0.15, 3600.0)])
    rounds._begin("a", rounds._clock())
    rounds._begin("b", rounds._clock())
    assert (rounds.running, rounds.waiting) == (1, 1)
    await asyncio.sleep(0.6)
    await rounds.close(1.0)
    assert [seen.probe for seen in notes.looks if not seen.extra] == ["a", "b"]
    assert notes.of("b")[0].late >= 0.1


async def test_a_standstill_of_the_loop_is_counted_and_marks_the_looks_it_touched(notes):
    rounds = Rounds(notes, new_clock())
    rounds.apply([slow("touched", 0.1, 1e7), trivial("often", 0.05)])
    rounds.look_now("touched")
    await asyncio.sleep(0.03)
    time.sleep(0.3)  # noqa: ASYNC251 - the standstill itself
    await asyncio.sleep(0.3)
    lag = rounds.lag.worst()
    await rounds.close(1.0)
    assert notes.lost["often", "overload"] >= 4
    assert lag >= 0.2
    (touched,) = notes.of("touched")
    marks = [sample.value for sample in touched.finding.samples if sample.name == "probe_prober_lag_seconds"]
    assert marks
    assert marks[0] >= 0.2
    assert not any(sample.name == "probe_prober_lag_seconds" for sample in notes.of("often")[0].finding.samples)


async def test_while_held_slots_are_missed_and_counted(notes):
    rounds = Rounds(notes, new_clock())
    rounds.apply([trivial("a")])
    rounds.held = True
    await asyncio.sleep(0.3)
    assert notes.looks == []
    assert notes.lost["a", "overload"] >= 3
    rounds.held = False
    await asyncio.sleep(0.3)
    await rounds.close(1.0)
    assert notes.looks


async def test_a_reload_lets_unchanged_probes_and_running_looks_alone(notes):
    opened, closed = Counter(), Counter()

    class Counting(kinds.SlowProbe):
        async def open(self):
            opened[self.settings.owner] += 1

        async def close(self):
            closed[self.settings.owner] += 1

    def probe(name, owner, takes=0.0, every=0.1):
        return Counting, kinds.SlowSettings(name=name, owner=owner, takes=takes, every=every)

    rounds = Rounds(notes, new_clock())
    same, old, gone = probe("same", "same"), probe("changed", "old", 0.4), probe("gone", "gone")
    assert set(rounds.apply([same, old, gone])) == {"same", "changed", "gone"}
    await asyncio.sleep(0.25)
    assert rounds.apply([same, probe("changed", "new")]) == {}  # it keeps its interval, so its slots
    before = len(notes.of("gone"))
    await asyncio.sleep(0.8)
    assert opened == {"same": 1, "old": 1, "new": 1, "gone": 1}
    assert closed == {"old": 1, "gone": 1}
    assert len(notes.of("gone")) == before
    assert notes.of("changed")[0].duration >= 0.39  # the running look was left to end
    assert set(rounds.apply([same, probe("changed", "new", every=0.2)])) == {"changed"}
    await rounds.close(1.0)
    assert closed == {"same": 1, "old": 1, "new": 1, "gone": 1}


async def test_a_passive_probe_is_told_of_the_newest_report_and_judged_at_once(notes):
    beats = {"job": (5.0, None)}
    rounds = Rounds(notes, new_clock(), beats=beats.__getitem__)
    rounds.apply([(kinds.WaitingProbe, ProbeSettings(name="job", type="waiting", every=86400.0))])
    rounds.look_now("job")
    await asyncio.sleep(0.05)
    beats["job"] = (5.0, Beat(6.0))
    rounds.look_now("job")
    rounds.look_now("nobody")
    await asyncio.sleep(0.05)
    await rounds.close(1.0)
    assert [seen.finding.outcome for seen in notes.looks] == [Outcome.DOWN, Outcome.UP]


async def test_closing_cuts_off_what_does_not_end_in_time(notes):
    rounds = Rounds(notes, new_clock())
    rounds.apply([slow("a", 60.0, 1e7, timeout=60.0)])
    rounds.look_now("a")
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await rounds.close(0.1)
    assert time.monotonic() - began < 5
    assert (notes.looks, rounds.running) == ([], 0)


async def test_slots_that_the_machine_slept_through_are_missed_for_that_reason(notes):
    steady, slept = new_clock(), [0.0]
    rounds = Rounds(notes, lambda: steady() + slept[0], asleep=lambda: slept[0])
    rounds.apply([trivial("a", 0.5)])
    await asyncio.sleep(0.1)
    slept[0] = 100.0
    await asyncio.sleep(1.3)
    await rounds.close(1.0)
    assert set(notes.lost) == {("a", "suspended")}
    assert 195 <= notes.lost["a", "suspended"] <= 201
    assert notes.looks[-1].due >= steady() + 98.0


async def test_a_probe_whose_first_slot_is_far_off_gives_a_first_word_soon(notes):
    now = time.time()
    names = [f"hourly {n}" for n in range(20)]
    far = [name for name in names if cadence(name, 3600.0).due(cadence(name, 3600.0).first(now)) - now > 60]
    rounds = Rounds(notes, schedule_clock(schedule_offset(now)))
    rounds.apply([trivial(name, every=3600.0) for name in far])
    await asyncio.sleep(10.5)
    await rounds.close(1.0)
    assert sorted(seen.probe for seen in notes.looks) == sorted(far)


def down(name, path="/nowhere", **more):
    return kinds.DownProbe, ProbeSettings(name=name, type="down", owner=str(path), timeout=0.05, **more)


async def test_a_probe_that_is_down_is_looked_at_sooner_until_it_is_up_again(notes, tmp_path):
    rounds = Rounds(notes, new_clock())
    rounds.apply([down("a", tmp_path / "up", every=1.0, while_failing=0.2), trivial("fine", 1.0, while_failing=0.2)])
    await asyncio.sleep(2.2)
    (tmp_path / "up").touch()
    await asyncio.sleep(1.3)
    await rounds.close(1.0)
    assert not any(seen.extra for seen in notes.of("fine"))
    looks = notes.of("a")
    first_up = next(n for n, seen in enumerate(looks) if seen.finding.outcome is Outcome.UP)
    assert sum(seen.extra for seen in looks[:first_up]) >= 3
    assert not any(seen.extra for seen in looks[first_up + 1 :])
    assert not notes.lost, "an extra look costs no slot"
    slots, cad = [seen.due for seen in looks if not seen.extra], cadence("a", 1.0)
    assert [cad.latest(due + 0.5) for due in slots] == list(
        range(cad.latest(slots[0] + 0.5), cad.latest(slots[0] + 0.5) + len(slots))
    )


async def test_a_failure_that_takes_its_whole_time_leaves_the_next_slot_alone(notes):
    rounds = Rounds(notes, new_clock())
    hanging = kinds.SlowSettings(name="hangs", takes=60.0, every=0.6, timeout=0.5, while_failing=0.05)
    rounds.apply([(kinds.SlowProbe, hanging)])
    await asyncio.sleep(2.0)
    await rounds.close(1.0)
    assert not notes.lost
    assert not any(seen.extra for seen in notes.looks)


async def test_no_extra_looks_where_the_room_is_taken(notes):
    rounds = Rounds(notes, new_clock(), limit=2)
    rounds.apply([slow("long", 5.0, 1e7), down("a", every=1e7, while_failing=0.05)])
    rounds._begin("long", rounds._clock())
    rounds._begin("a", rounds._clock())
    await asyncio.sleep(0.5)
    await rounds.close(0.0)
    assert len(notes.of("a")) == 1


async def test_whoever_asks_for_as_much_gets_no_extra_looks(notes):
    rounds = Rounds(notes, new_clock())
    rounds.apply([down("a", every=0.5, while_failing=0.5)])
    await asyncio.sleep(1.6)
    await rounds.close(1.0)
    assert len(notes.looks) >= 2
    assert not any(seen.extra for seen in notes.looks)
