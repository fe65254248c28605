"""What a person is told, whatever the channel."""

from dataclasses import replace

import pytest

from alerts.alert import Alert, Status
from alerts.decision import decide
from alerts.incident import Ack, Incident, Kind, Resolve
from alerts.oncall import Person
from alerts.page import Page, compose, figure, runbook_url
from alerts.silence import Silence
from tests.alerts.making import NOW, alert, context, labels

URL = "https://watch.shop.example"


def _incident(*alerts: Alert) -> Incident:
    incident = None
    for one in alerts or (alert(),):
        incident = decide(incident, one, NOW, context()).incident
    assert incident is not None
    return incident


def _page(incident: Incident, kind: Kind = Kind.PAGE, url: str = URL) -> Page:
    return compose(incident, kind, "line", [Person(name="mei", timezone="Asia/Taipei")], (), NOW, url)


def test_the_headline_is_the_summary_of_the_oldest_alert_that_fires() -> None:
    second = alert(started_at=NOW - 90, labels=labels("Older"), annotations={"summary": "Older trouble"})
    third = alert(labels=labels("Bare", disk="/var"), annotations={})
    page = _page(_incident(alert(), second, third))
    assert page.headline == "Older trouble"
    assert page.started_at == NOW - 90
    assert page.more == ("Shoppers cannot finish checkout", "Bare disk=/var, probe=checkout")
    assert page.zone == "Asia/Taipei"


def test_when_it_is_over_the_headline_stays() -> None:
    incident = _incident(alert(), alert(status=Status.RESOLVED))
    assert _page(incident).headline == "Shoppers cannot finish checkout"


def test_values_are_those_of_what_fires() -> None:
    assert _page(_incident(alert(value=0.93217))).values == (("value", "0.9322"),)
    two = _page(_incident(alert(value=1.0), alert(labels=labels("Two"), value=2.0, annotations={"summary": "Two"})))
    assert two.values == (("Shoppers cannot finish checkout", "1"), ("Two", "2"))
    assert _page(_incident(alert(value=None))).values == ()


def test_many_alerts_are_counted() -> None:
    alerts = [alert(labels=labels(f"A{number}"), annotations={"summary": f"A{number}"}) for number in range(15)]
    assert _page(_incident(*alerts)).more[-1] == "and 4 more"


@pytest.mark.parametrize(
    ("given", "url", "found"),
    [
        ("runbooks/X", URL, f"{URL}/runbooks/X"),
        ("/runbooks/X", URL + "/", f"{URL}/runbooks/X"),
        ("https://wiki.example/x", URL, "https://wiki.example/x"),
        ("javascript://x", URL, ""),
        ("runbooks/X", "", ""),
        ("", URL, ""),
    ],
)
def test_runbooks(given: str, url: str, found: str) -> None:
    assert runbook_url(alert(annotations={"runbook_url": given}), url) == found


def test_the_source_is_linked_only_when_it_is_a_link() -> None:
    assert _page(_incident(alert(generator_url="http://prometheus/graph"))).source_url == "http://prometheus/graph"
    assert _page(_incident(alert(generator_url="javascript:alert(1)"))).source_url == ""


def test_only_a_page_that_nobody_has_answered_rings() -> None:
    opened = _incident()
    assert _page(opened).rings
    assert not _page(opened, Kind.NEWS).rings
    acked = decide(opened, Ack("mei"), NOW, context()).incident
    resolved = decide(opened, Resolve("mei"), NOW, context()).incident
    silence = Silence("1", (), NOW - 1, NOW + 60, "deploy", "ana")
    silenced = decide(opened, alert(NOW + 1), NOW + 1, context(silences=(silence,))).incident
    for incident in (acked, resolved, silenced):
        assert incident is not None
        assert not _page(incident).rings
    assert acked is not None
    assert not _page(acked).can_ack


def test_an_incident_without_alerts_is_still_a_page() -> None:
    assert _page(replace(_incident(), alerts=())).headline == "an incident without an alert"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (12345.678, "12,346"), (0.000123456, "0.0001235"), (float("nan"), "nan"), (-3.0, "-3")],
)
def test_figures(value: float, text: str) -> None:
    assert figure(value) == text
