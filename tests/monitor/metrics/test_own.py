"""What Shopwatch says of itself tells which machine says it: one machine's trouble is not another's, nor its end."""

from prometheus_client import Counter, Gauge

from alerts.identity import core
from monitor.metrics import Exposition


def labels_of(exposition, name):
    return [
        sample.labels
        for family in exposition.registry.collect()
        for sample in family.samples
        if sample.name == name and sample.value == 7
    ]


def gauge(exposition, name, **labels):
    made = Gauge(name, "A number of a test's.", list(labels), registry=exposition.registry)
    (made.labels(**labels) if labels else made).set(7)
    return labels_of(exposition, name)


def test_our_numbers_say_where_they_were_taken():
    assert gauge(Exposition("taipei-1"), "shopwatch_made_up") == [{"location": "taipei-1"}]
    assert gauge(Exposition("taipei-1", shard="2"), "shopwatch_made_up") == [{"location": "taipei-1", "shard": "2"}]
    assert gauge(Exposition("taipei-1"), "backup_made_up", backup="nightly") == [
        {"location": "taipei-1", "backup": "nightly"}
    ]


def test_what_a_number_says_itself_stays():
    assert gauge(Exposition("taipei-1"), "shopwatch_made_up", location="oslo") == [{"location": "oslo"}]


def test_numbers_about_the_shop_are_of_no_machine():
    assert gauge(Exposition("taipei-1"), "shop_made_up") == [{}]


def test_the_page_is_written_so_too():
    exposition = Exposition("taipei-1", shard="2")
    Counter("shopwatch_made_up", "A number of a test's.", ["why"], registry=exposition.registry).labels('a"b').inc(7)
    line = b'\nshopwatch_made_up_total{location="taipei-1",shard="2",why="a\\"b"} 7.0\n'
    assert line in exposition.text()
    assert line in exposition.openmetrics()


def test_the_same_trouble_of_two_machines_is_two_incidents():
    def alert(location):
        where = gauge(Exposition(location), "shopwatch_made_up")[0]
        scraped = {"alertname": "RulesFailing", "job": "shopwatch", "instance": f"{location}:9469", **where}
        return core(tuple(sorted(scraped.items())))

    assert alert("taipei-1") != alert("oslo")
    assert ("instance", "oslo:9469") not in alert("oslo")  # evaluated here, the alert has none, and is the same one
