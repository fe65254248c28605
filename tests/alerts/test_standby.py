"""Who tells of an alert: we, or the Prometheus in front; and what happens at each hand-over."""

import pytest
from pydantic import ValidationError

from alerts.alert import Alert, Status
from alerts.incident import Incident
from alerts.standby import SILENT, WATCHDOG, PrometheusSettings, Standby
from tests.alerts.making import NOW, alert, labels

FIVE = PrometheusSettings()


def named(name: str, **more: str) -> Alert:
    return alert(labels=labels(name, **more))


def told(standby: Standby, seen: Alert, at: float) -> bool:
    return standby.says(seen, at) is seen


def resolved(name: str, **more: str) -> Alert:
    return alert(NOW, Status.RESOLVED, labels=labels(name, **more))


def test_with_nobody_in_front_everything_is_told_but_the_watchdog():
    standby = Standby(None, NOW)
    assert told(standby, named("SiteDown"), NOW)
    assert told(standby, named("SiteSlow", severity="ticket"), NOW)
    assert not told(standby, named(WATCHDOG), NOW)
    assert not standby.stands_in(NOW + 1e6)


def test_while_the_watchdog_keeps_arriving_nothing_that_fires_is_told():
    standby = Standby(FIVE, NOW)
    for minute in range(60):
        standby.hear(named(WATCHDOG), NOW + 60 * minute)
        assert not told(standby, named("SiteDown"), NOW + 60 * minute + 59)
    assert standby.age(NOW + 59 * 60 + 7) == 7


def test_a_silent_watchdog_lets_pages_be_told_and_tickets_wait():
    standby = Standby(FIVE, NOW)
    standby.hear(named(WATCHDOG), NOW)
    assert not told(standby, named("SiteDown"), NOW + 300)
    assert standby.stands_in(NOW + 301)
    assert told(standby, named("SiteDown"), NOW + 301)
    assert not told(standby, named("SiteSlow", severity="ticket"), NOW + 301)


def test_nobody_is_silent_before_there_was_time_to_speak():
    standby = Standby(FIVE, NOW)
    assert not standby.stands_in(NOW + 299)
    standby = Standby(None, NOW)
    standby.apply(FIVE, NOW + 86400)  # a reload puts somebody in front
    assert not standby.stands_in(NOW + 86400 + 299)
    assert standby.stands_in(NOW + 86400 + 301)


def test_a_watchdog_that_is_resolved_is_no_sign_of_life():
    standby = Standby(FIVE, NOW)
    standby.hear(resolved(WATCHDOG), NOW + 200)
    assert standby.stands_in(NOW + 301)


def test_who_begins_a_story_ends_it_whoever_is_back():
    standby = Standby(FIVE, NOW)
    assert told(standby, named("SiteDown"), NOW + 301)
    standby.hear(named(WATCHDOG), NOW + 310)
    assert told(standby, named("SiteDown"), NOW + 370), "else it would go stale"
    assert not told(standby, named("CheckoutFailing"), NOW + 370), "this one is Prometheus' to tell"
    assert told(standby, resolved("SiteDown"), NOW + 400)
    assert not told(standby, named("SiteDown"), NOW + 460), "and so is the next one"


def test_an_end_is_always_told():
    standby = Standby(FIVE, NOW)
    standby.hear(named(WATCHDOG), NOW)
    assert told(standby, resolved("SiteDown"), NOW)
    assert told(standby, resolved("SiteSlow", severity="ticket"), NOW)


def test_a_restart_remembers_what_was_told_and_that_prometheus_was_silent():
    standby = Standby(FIVE, NOW)
    ours = Incident("A", "a", (), "page", NOW, alerts=(named("SiteDown"),))
    theirs = Incident("B", "b", (), "page", NOW, alerts=(alert(labels=labels("HostDown"), source="prometheus"),))
    over = Incident("C", "c", (), "page", NOW, alerts=(resolved("CheckoutFailing"),))
    standby.recall([ours, theirs, over])
    assert told(standby, named("SiteDown"), NOW + 1)
    assert not told(standby, named("HostDown"), NOW + 1)
    assert not told(standby, named("CheckoutFailing"), NOW + 1)
    assert not standby.stands_in(NOW + 1)
    standby.recall([Incident("D", "d", (), "page", NOW, alerts=(named(SILENT),))])
    assert standby.stands_in(NOW + 1)
    standby.hear(named(WATCHDOG), NOW + 2)
    assert not standby.stands_in(NOW + 2)


def test_an_end_that_we_told_is_taken_back_once_when_it_is_not_ours_to_tell():
    standby = Standby(FIVE, NOW)
    assert told(standby, resolved("SiteDown"), NOW + 10)
    back = standby.says(named("SiteDown"), NOW + 20)
    assert back is not None
    assert (back.status, back.ended_at, back.expires_at) == (Status.STALE, None, None)
    assert standby.says(named("SiteDown"), NOW + 30) is None
    assert standby.says(named("SiteDown"), NOW + 301).status is Status.FIRING
    standby = Standby(FIVE, NOW)
    standby.recall([Incident("A", "a", (), "page", NOW, alerts=(resolved("SiteDown"),))])
    assert standby.says(named("SiteDown"), NOW + 1).status is Status.STALE, "after a restart too"


def test_a_scrapes_labels_do_not_make_another_alert():
    standby = Standby(FIVE, NOW)
    assert told(standby, named("SiteDown", job="shopwatch", instance="a:9469"), NOW + 301)
    standby.hear(named(WATCHDOG), NOW + 302)
    assert told(standby, named("SiteDown"), NOW + 303)


def test_impatience_is_refused():
    with pytest.raises(ValidationError, match="5s is too short: Prometheus tells of its Watchdog once a minute"):
        PrometheusSettings(watchdog=5.0)
