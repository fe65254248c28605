from hypothesis import given
from hypothesis import strategies as st

from monitor.prober.ledger import Ledger
from monitor.prober.slots import Cadence

SLOTS = Cadence(10.0, 1.0)


def test_what_a_dead_prober_left_open_is_found_when_the_next_one_begins():
    ledger = Ledger()
    assert ledger.open("a", SLOTS, 101.0) == 0
    ledger.account("a", due=101.0)
    ledger.account("a")
    # 101 and 111 are accounted for; 121, 131 and 141 fell due meanwhile
    assert ledger.open("a", SLOTS, 151.0) == 3
    assert ledger.open("a", SLOTS, 151.0) == 0


def test_without_a_prober_slots_are_closed_as_they_fall_due():
    ledger = Ledger()
    ledger.open("a", SLOTS, 101.0)
    assert [ledger.settle("a", now) for now in (100.0, 101.0, 105.0, 111.0, 140.0)] == [0, 1, 0, 1, 2]
    assert ledger.open("a", SLOTS, 151.0) == 1


def test_an_older_cadence_s_last_slot_is_not_counted_for_the_new_one():
    ledger = Ledger()
    ledger.open("a", SLOTS, 101.0)
    ledger.open("a", Cadence(5.0, 0.0), 115.0)
    ledger.account("a", due=111.0)
    assert ledger.settle("a", 115.0) == 1


def test_a_closed_or_unknown_probe_misses_nothing():
    ledger = Ledger()
    ledger.open("a", SLOTS, 101.0)
    ledger.close("a")
    ledger.account("a")
    assert ledger.settle("a", 1000.0) == 0


@given(st.lists(st.tuples(st.sampled_from(["ended", "died", "down"]), st.integers(0, 5)), max_size=40))
def test_at_the_end_every_slot_is_accounted_for_once(story):
    ledger, now, ended = Ledger(), 101.0, 0
    ledger.open("a", SLOTS, now)
    served = 0
    for event, count in story:
        if event == "ended":
            now += 10.0 * count
            ledger.account("a", count)
            ended, served = ended + count, served + count
        elif event == "down":
            now += 10.0 * count
            ended += ledger.settle("a", now - 0.5)
        else:
            now += 10.0 * count
            ended += ledger.open("a", SLOTS, now)
        assert ended == round((now - 101.0) / 10.0)
