"""Several Shopwatches on one PostgreSQL: whoever is told decides, and each page is sent once."""

import threading

import pytest

from alerts.alert import Status
from alerts.incident import Decision
from monitor.store import outbox
from tests.alerts.making import NOW, alert, labels
from tests.monitor.making import Remembering, room
from tests.servers import until

pytestmark = pytest.mark.integration


def test_each_page_is_sent_once_though_two_pagers_look(postgres_url: str) -> None:
    one, two = Remembering("slack"), Remembering("slack")
    with room(postgres_url, [one]) as first, room(postgres_url, [two]) as second:
        rooms = (first, second)

        def tell(number: int) -> None:
            for status in (Status.FIRING, Status.RESOLVED):
                for made in rooms:
                    told = alert(NOW + (status is Status.RESOLVED), status, labels=labels(str(number)))
                    assert isinstance(made.desk.submit(told).result(60)[0], Decision)

        threads = [threading.Thread(target=tell, args=(number,)) for number in range(25)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: first.store.transaction(outbox.backlog).pending == 0, "all pages", 60)
        sent = [page for notifier in (one, two) for page, _ in notifier.sent]
        transitions = [(page.key, line) for page in sent for line in page.line.split(". ")]
        assert len(transitions) == len(set(transitions))
        assert len({page.key for page in sent}) == 25
        assert len([line for _, line in transitions if line.startswith("Resolved")]) == 25


def test_when_one_dies_the_other_takes_over_its_pages(postgres_url: str) -> None:
    """The lease of the dead one ends by itself."""
    slack = Remembering("slack")
    with room(postgres_url, [slack], paging=False) as dead:
        dead.desk.submit(alert()).result(30)
        assert dead.store.transaction(lambda c: outbox.lease(c, "slack", "dead", NOW, 30.0)) is not None
    with room(postgres_url, [slack]) as living:
        living.pager.wake()
        assert slack.sent == []
        living.time.now += 31
        living.pager.wake()
        until(lambda: slack.sent, "the page")
        assert slack.sent[0][0].attempt == 1
