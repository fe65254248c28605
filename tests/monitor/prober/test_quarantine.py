import pytest

from monitor.prober.quarantine import Quarantine


def set_aside(times=2):
    quarantine = Quarantine()
    for _ in range(times):
        quarantine.hung("a", 1000.0)
    return quarantine


def test_once_may_be_bad_luck():
    quarantine = Quarantine()
    assert not quarantine
    assert quarantine.hung("a", 1000.0) == 0.0
    assert quarantine
    assert not quarantine.holds("a")
    assert quarantine.aside() == {}


def test_the_second_time_it_is_set_aside_and_others_are_not():
    quarantine = set_aside()
    quarantine.hung("b", 1000.0)
    assert quarantine.aside() == {"a": 1060.0}
    assert quarantine.holds("a")
    assert not quarantine.holds("b")
    assert not quarantine.holds("c")
    assert (quarantine.strikes("a"), quarantine.strikes("c")) == (2, 0)


@pytest.mark.parametrize(
    ("times", "pause"), [(2, 60.0), (3, 120.0), (4, 240.0), (7, 1920.0), (8, 3600.0), (99, 3600.0)]
)
def test_each_time_it_is_longer_but_never_more_than_an_hour(times, pause):
    assert set_aside(times).aside() == {"a": 1000.0 + pause}


def test_a_look_that_ends_frees_it_but_it_is_remembered():
    quarantine = set_aside(3)
    assert quarantine.looked("a")
    assert not quarantine.looked("a")
    assert not quarantine.holds("a")
    assert quarantine.hung("a", 2000.0) == 240.0


def test_after_ten_good_looks_all_is_forgotten():
    quarantine = set_aside(3)
    for _ in range(10):
        quarantine.looked("a")
    assert not quarantine
    assert quarantine.hung("a", 2000.0) == 0.0


def test_good_looks_count_from_the_last_time_on():
    quarantine = Quarantine()
    quarantine.hung("a", 1000.0)
    for _ in range(9):
        quarantine.looked("a")
    assert quarantine.hung("a", 2000.0) == 60.0


def test_a_changed_probe_begins_anew():
    quarantine = set_aside()
    quarantine.free("a")
    quarantine.free("nobody")
    assert not quarantine.holds("a")
    assert quarantine.hung("a", 1000.0) == 0.0
