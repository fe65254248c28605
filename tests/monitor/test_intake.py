"""Results as they enter: shown, remembered, and a reason to look again only when an outcome changed."""

from alerts.promql import Matcher
from monitor.history import History
from monitor.intake import Intake
from monitor.latest import Latest
from monitor.metrics import Exposition
from monitor.prober.slots import Missed, Reason
from monitor.samples import Samples
from probes.base import Finding, Outcome, ProbeSettings, Result

NOW = 1_000_000.0


class Room:
    def __init__(self) -> None:
        self.now, self.changes = NOW, 0
        self.exposition, self.samples, self.latest = Exposition("here"), Samples(), Latest()
        self.intake = Intake(self.exposition, self.samples, self.latest, self._changed, lambda: self.now)
        settings = [ProbeSettings(name="home", type="http", every=1.0)]
        self.intake.remember(self.exposition.configure(settings, self.now), self.now)

    def _changed(self) -> None:
        self.changes += 1

    def see(self, *outcomes: Outcome) -> None:
        self.now += 1
        self.intake.take([Result("home", "http", self.now, 0.0, 0.25, Finding(outcome)) for outcome in outcomes])

    def value(self, name: str, **labels: str) -> float | None:
        wanted = (Matcher("__name__", "=", name), *(Matcher(key, "=", text) for key, text in labels.items()))
        found = self.samples.select(wanted, 0, round(self.now * 1000))
        newest = found[0].latest(0, round(self.now * 1000)) if found else None
        return newest[1] if newest else None


def test_a_result_is_shown_remembered_and_kept():
    room = Room()
    room.see(Outcome.DOWN)
    assert 'probe_success{probe="home",type="http",location="here"} 0.0' in room.exposition.text().decode()
    assert room.value("probe_success") == 0.0
    assert room.latest.failure("home") is not None


def test_only_a_changed_outcome_is_a_reason_to_look_at_the_rules():
    room = Room()
    for outcome in (Outcome.UP, Outcome.UP, Outcome.DOWN, Outcome.DOWN, Outcome.UP):
        room.see(outcome)
    assert room.changes == 3


def test_a_batch_with_a_change_in_the_middle_is_one_reason():
    room = Room()
    room.see(Outcome.UP)
    room.see(Outcome.DOWN, Outcome.UP)
    assert room.changes == 2
    assert room.latest.failure("home") is not None


def test_missed_slots_are_counted_and_remembered():
    room = Room()
    room.now += 1
    room.intake.missed([Missed("home", Reason.OVERLOAD, 3)])
    assert room.value("probe_missed_total", reason="overload") == 3.0


def test_charts_read_what_was_remembered():
    room = Room()
    for outcome in (Outcome.UP, Outcome.DOWN, Outcome.UP):
        room.see(outcome)
    history = History(room.samples)
    assert [value for _, value in history.durations("home", NOW, room.now)] == [0.25, 0.25, 0.25]
    assert list(history.downs("home", NOW, room.now)) == [NOW + 2]
    assert history.durations("other", NOW, room.now) == []


def test_a_chart_of_many_points_keeps_its_peaks():
    room = Room()
    for second in range(1000):
        room.now += 1
        took = 9.0 if second == 500 else 0.1
        room.intake.take([Result("home", "http", room.now, 0.0, took, Finding(Outcome.UP))])
    points = History(room.samples).durations("home", NOW, room.now)
    assert len(points) <= 240
    assert max(value or 0.0 for _, value in points) == 9.0
