"""What stands on the operators' page, and in which order: what needs someone comes first."""

from dataclasses import replace

import pytest

from alerts.alert import Alert, Status
from alerts.incident import Hush, Incident, State, Taken
from alerts.inhibit import INHIBITION
from monitor.latest import Latest
from monitor.web.overview import IncidentView, Overview, ProbeView, backup_views, incident_views, probe_views
from probes.backup.verification import Verdict, Verification
from probes.base import Finding, Outcome, ProbeSettings, Result

NOW = 1_000_000.0


class Flat:
    """A history in which nothing ever happened."""

    def durations(self, probe, start, end):
        return []

    def downs(self, probe, start, end):
        return []


def incident(
    key: str, severity: str = "page", state: State = State.OPEN, runbook: str = "runbooks/SiteDown"
) -> Incident:
    labels = (("alertname", "SiteDown"), ("severity", severity))
    annotations = {"summary": f"{key} broke", "runbook_url": runbook}
    alert = Alert(labels, Status.FIRING, NOW - 60, NOW, annotations)
    ack = Taken("mei", NOW) if state is State.ACKED else None
    return Incident(key, key, labels, severity, NOW - 60, (alert,), state=state, ack=ack)


def overview(incidents: list[IncidentView], probes: list[ProbeView]) -> Overview:
    return Overview("here", NOW, "0", incidents, probes, [], [], ["console"])


def probes(**outcomes: Outcome | None) -> list[ProbeView]:
    latest = Latest()
    for name, outcome in outcomes.items():
        if outcome is not None:
            latest.put(Result(name, "http", NOW - 1, 0.0, 0.1, Finding(outcome, "a reason")))
    settings = [ProbeSettings(name=name, type="http") for name in outcomes]
    return probe_views(settings, latest, Flat(), NOW)


def test_what_wakes_people_comes_first_and_what_nobody_has_before_what_somebody_has():
    views = incident_views([incident("T", "ticket"), incident("A", state=State.ACKED), incident("O")], NOW)
    assert [view.key for view in views] == ["O", "A", "T"]
    assert views[1].acked_by == "mei"


def test_what_another_incident_holds_back_is_not_called_silenced():
    silenced = replace(incident("A", state=State.SILENCED), hush=Hush("deploy", "mei", NOW + 60))
    held = replace(silenced, key="B", hush=Hush("SiteDown (K7Q2) is open", INHIBITION, NOW + 60))
    assert [(view.state, view.standing) for view in incident_views([silenced, held, incident("C")], NOW)] == [
        ("open", "open"),
        ("silenced", "silenced"),
        ("silenced", "held back"),
    ]


def test_a_stale_incident_says_why_it_is_in_doubt():
    stale = replace(incident("A", state=State.STALE), doubt="Shopwatch restarted at 12:00")
    assert incident_views([stale], NOW)[0].doubt == "Shopwatch restarted at 12:00"
    assert incident_views([replace(stale, doubt="")], NOW)[0].doubt.startswith("Its source went quiet")
    assert incident_views([incident("A")], NOW)[0].doubt == ""


def test_runbooks_of_ours_open_here_and_others_where_they_are():
    assert incident_views([incident("A")], NOW)[0].runbook_url == "/runbooks/SiteDown"
    elsewhere = incident_views([incident("A", runbook="https://wiki.example/SiteDown")], NOW)
    assert elsewhere[0].runbook_url == "https://wiki.example/SiteDown"


def test_probes_that_need_someone_come_first():
    views = probes(a=Outcome.UP, b=None, c=Outcome.DEGRADED, d=Outcome.DOWN, e=Outcome.UNKNOWN)
    assert [view.name for view in views] == ["d", "e", "c", "b", "a"]
    assert views[3].outcome == "waiting"


@pytest.mark.parametrize(
    ("seen", "severity", "verdict", "state"),
    [
        ({"a": Outcome.UP}, None, "all well", "up"),
        ({"a": None}, None, "looking for the first time", "up"),
        ({"a": Outcome.DOWN}, None, "a not well, nobody paged yet", "down"),
        ({"a": Outcome.BLOCKED}, None, "a not well, nobody paged yet", "degraded"),
        ({"a": Outcome.UP}, "ticket", "1 ticket open", "degraded"),
        ({"a": Outcome.UP}, "page", "1 incident open", "down"),
    ],
)
def test_the_verdict(seen, severity, verdict, state):
    incidents = incident_views([incident("A", severity)], NOW) if severity else []
    view = overview(incidents, probes(**seen))
    assert (view.verdict, view.state) == (verdict, state)
    assert view.title.startswith("●") is (state == "down")


def test_backups_with_their_last_verdict():
    verified = Verification("db", "sqlite", Verdict.FAIL, NOW - 5, NOW, reasons=("truncated", "too old"), rto=1.5)
    views = backup_views([("db", "sqlite"), ("new", "sqlite")], {"db": verified}.get)
    assert (views[0].verdict, views[0].reason, views[0].duration) == ("fail", "truncated; too old", 1.5)
    assert (views[1].verdict, views[1].at) == ("waiting", None)
