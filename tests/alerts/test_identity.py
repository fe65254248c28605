"""One trouble is one incident, whichever way it was told."""

from alerts.identity import core, group, identity


def test_prometheus_adds_labels_that_do_not_make_another_alert() -> None:
    ours = (("alertname", "CheckoutFailing"), ("location", "taipei-1"), ("probe", "checkout"))
    added = {"job": "shopwatch", "instance": "127.0.0.1:9469", "prometheus": "a", "replica": "1", "monitor": "m"}
    theirs = tuple(sorted((dict(ours) | added).items()))
    assert core(theirs) == ours
    assert identity(core(theirs)) == identity(ours)


def test_another_exporters_instance_is_the_machine() -> None:
    one = (("alertname", "DiskFull"), ("instance", "web-1:9100"), ("job", "node"))
    two = (("alertname", "DiskFull"), ("instance", "web-2:9100"), ("job", "node"))
    assert core(one) == one
    assert identity(core(one)) != identity(core(two))


def test_our_own_alerts_about_ourselves_keep_no_scrape_labels() -> None:
    assert core((("alertname", "ShopwatchLate"), ("instance", "x:1"), ("job", "shopwatch"))) == (
        ("alertname", "ShopwatchLate"),
    )


def test_external_labels_can_be_named() -> None:
    assert core((("alertname", "A"), ("dc", "eu")), external={"dc"}) == (("alertname", "A"),)


def test_grouping() -> None:
    labels = (("alertname", "A"), ("probe", "p"), ("shop", "main"))
    assert group(labels, None) == labels
    assert group(labels, ("...",)) == labels
    assert group(labels, ("shop", "alertname", "tier")) == (("alertname", "A"), ("shop", "main"), ("tier", ""))


def test_a_value_cannot_pretend_to_be_another_label() -> None:
    assert identity((("a", 'b"], ["c", "d'),)) != identity((("a", "b"), ("c", "d")))
    assert identity((("a", "bc"),)) != identity((("ab", "c"),))
    assert identity((("a", "b"),), "one") != identity((("a", "b"),), "two")
    assert len(identity((("a", "\ud800\0"),))) == 32
