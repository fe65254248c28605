"""A desk with its store, a clock that tests turn, and notifiers that remember."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from alerts.duty import Duty
from alerts.notifiers.base import Notifier, NotifierSettings, Receipt
from alerts.page import Page
from monitor.case import Surroundings
from monitor.desk import Desk
from monitor.pager import Pager
from monitor.store import Store, incidents
from monitor.store.incidents import Stored
from tests.alerts.making import DUTY, NOW


class Time:
    """A clock that stands until it is turned."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Now(Time):
    """The wall clock, for programs that live by it."""

    def __call__(self) -> float:
        return time.time()


class Remembering(Notifier[NotifierSettings]):
    """A channel in memory; `trouble` may raise, or wait."""

    settings_model = NotifierSettings
    workers = 4

    def __init__(self, name: str, trouble: Callable[[Page], None] = lambda page: None) -> None:
        super().__init__(NotifierSettings(name=name, type="remembering"))
        self.trouble = trouble
        self.sent: list[tuple[Page, Receipt | None]] = []
        self.closed = threading.Event()

    def send(self, page: Page, previous: Receipt | None) -> Receipt:
        self.trouble(page)
        self.sent.append((page, previous))
        return Receipt(self.name, page.at, {"number": str(len(self.sent))})

    def close(self) -> None:
        self.closed.set()

    @property
    def lines(self) -> list[str]:
        return [page.line for page, _ in self.sent]


class Room:
    """A store, a desk and a pager, as the service wires them."""

    def __init__(self, url: str, duty: Duty, notifiers: list[Any], around: Surroundings, clock: Time) -> None:
        self.time = clock
        self.registry = CollectorRegistry()
        self.store = Store(url)
        self.pager = Pager(
            self.store,
            notifiers,
            roster=lambda: duty.roster,
            external_url="https://watch.shop.example",
            clock=clock,
            registry=self.registry,
        )
        self.desk = Desk(
            self.store, duty, clock=clock, registry=self.registry, surroundings=around, wake=self.pager.wake
        )

    def incident(self, key: str) -> Stored:
        stored = self.store.transaction(lambda connection: incidents.by_key(connection, key))
        assert stored is not None
        return stored

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    def pass_time(self, seconds: float) -> None:
        """Turn the clock, and let the desk see it."""
        self.time.now += seconds
        self.desk.submit().result(30)
        self.pager.wake()


@contextmanager
def room(
    url: str | Path,
    notifiers: list[Any] | None = None,
    duty: Duty = DUTY,
    around: Surroundings | None = None,
    clock: Time | None = None,
    paging: bool = True,
) -> Iterator[Room]:
    """A started room; stopped in reverse at the end."""
    names = tuple(notifier.name for notifier in notifiers or ())
    duty = replace(duty, notifiers=names or duty.notifiers)
    url = f"sqlite:{url}/state.db" if isinstance(url, Path) else url
    made = Room(url, duty, notifiers or [], around or Surroundings(), clock or Time())
    made.desk.start()
    if paging:
        made.pager.start()
    try:
        yield made
    finally:
        made.desk.stop()
        if paging:
            made.pager.stop()
        made.store.close()
