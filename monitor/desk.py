"""The desk where every alert, click and timer is decided, one after the other, each in one transaction."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from alerts.alert import Alert
from alerts.duty import Duty
from alerts.incident import Ack, Decision, Resolve
from alerts.silence import Silence
from monitor.case import Case, Surroundings
from monitor.lasting import Lasting
from monitor.outcry import Outcry
from monitor.store import Store, StoreError, incidents
from monitor.store.lock import take_turns

_log = logging.getLogger(__name__)
T = TypeVar("T")
_Job = tuple[Callable[[Case], Any], "Future[Any]"]

_MOST_WAITING = 1000
_RETRY_SECONDS = 1.0
#: The wall clock may be set: never sleep longer on its word.
_LONGEST_SLEEP = 30.0


class Busy(Exception):
    """More is waiting to be decided than can be decided soon: ask again later."""


class Desk:
    """Decides events serially in one thread. What an event changes, its audit rows and what is to be told are written
    in one transaction, and a Future answers only after the commit. `wake` is called when there is something to tell.
    """

    def __init__(
        self,
        store: Store,
        duty: Duty,
        *,
        clock: Callable[[], float],
        registry: CollectorRegistry,
        surroundings: Surroundings | None = None,
        wake: Callable[[], None] = lambda: None,
        outcry: Outcry | None = None,
    ) -> None:
        self.duty = duty  # a reload replaces it
        self.story_level = logging.INFO  # how loud an incident's story is in the log
        self._store, self._clock, self._wake = store, clock, wake
        self._surroundings = surroundings or Surroundings()
        self._outcry = outcry or Outcry(lambda: (), lambda: self.duty, clock)
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="desk", daemon=True)
        self._next_due: float | None = clock()
        self._stuck = Lasting(_log, "the timers of incidents cannot be run")
        self._decisions = Counter(
            "shopwatch_decisions", "Events decided about incidents, by kind of event.", ["event"], registry=registry
        )
        self._failures = Counter(
            "shopwatch_decisions_failed", "Events that could not be decided or stored.", registry=registry
        )
        self._open = Gauge(
            "shopwatch_incidents_open",
            "Unresolved incidents, by state and severity.",
            ["state", "severity"],
            registry=registry,
        )
        waiting = Gauge("shopwatch_desk_waiting", "Events that wait to be decided.", registry=registry)
        waiting.set_function(self._jobs.qsize)
        self._counted: set[tuple[str, str]] = set()

    def start(self) -> None:
        """Begin to decide; timers that came due while we were down are first."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Decide what is waiting already, then end. A second call does nothing."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()

    def submit(self, *alerts: Alert) -> "Future[list[Decision | Exception]]":
        """Hand in alerts; together they are one transaction. Each is answered by its Decision, or by the exception that
        its decision raised: the others are decided all the same. Raises Busy; the Future raises StoreError.
        """
        future = self._put(lambda case: [self._one(case, alert) for alert in alerts])
        self._outcry.expect(alerts)
        future.add_done_callback(lambda done: self._settle(alerts, done))
        return future

    def _settle(self, alerts: Sequence[Alert], done: "Future[list[Decision | Exception]]") -> None:
        error = None if done.cancelled() else done.exception()
        for alert, answer in zip(alerts, [] if error or done.cancelled() else done.result(), strict=False):
            if isinstance(answer, Exception):
                error = answer
            else:
                self._outcry.stored(alert)
        if error is not None:
            self._outcry.failed(error)

    def act(self, key: str, event: Ack | Resolve) -> "Future[Decision]":
        """Hand in what a person did to an incident. Raises Busy; the Future raises NotKnown, StoreError."""
        return self._put(lambda case: case.act(key, event))

    def drill(self, to: str, by: str) -> "Future[Decision]":
        """Send a test page to a notifier or person, or to all. Raises Busy; the Future raises NotKnown, StoreError."""
        return self._put(lambda case: case.drill(to, by))

    def silence(self, silence: Silence) -> "Future[Silence]":
        """Begin a silence (its id is empty) or change one. Raises Busy; the Future raises NotKnown, StoreError."""
        return self._put(lambda case: case.silence(silence))

    def unsilence(self, silence_id: str) -> "Future[Silence]":
        """End a silence now. Raises Busy; the Future raises NotKnown, StoreError."""
        return self._put(lambda case: case.unsilence(silence_id))

    def _put(self, job: Callable[[Case], T]) -> "Future[T]":
        if self._jobs.qsize() >= _MOST_WAITING:
            raise Busy(f"{_MOST_WAITING} events are waiting to be decided; tell us again in a moment")
        future: Future[T] = Future()
        self._jobs.put((job, future))
        return future

    def _one(self, case: Case, alert: Alert) -> Decision | Exception:
        try:
            return case.alert(alert)
        except (DataError, IntegrityError) as error:
            return self._undecided(alert, error)
        except (StoreError, SQLAlchemyError):
            raise  # nothing can be stored, of no alert
        except Exception as error:
            return self._undecided(alert, error)

    def _undecided(self, alert: Alert, error: Exception) -> Exception:
        self._failures.inc()
        _log.error("the alert %s from %s could not be decided", alert.name, alert.source, exc_info=error)
        return error

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=self._patience())
            except queue.Empty:
                pass
            else:
                if job is None:
                    return
                self._run(*job)
            if self._next_due is not None and self._next_due <= self._clock():
                self._run_due()

    def _patience(self) -> float:
        """How many seconds to wait for an event before a timer may be due."""
        if self._next_due is None:
            return _LONGEST_SLEEP
        return min(max(0.0, self._next_due - self._clock()), _LONGEST_SLEEP)

    def _run(self, job: Callable[[Case], Any], future: "Future[Any]") -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            answer = self._transaction(job)
        except BaseException as error:  # whoever asked must hear of it, whatever it is
            future.set_exception(error)
        else:
            future.set_result(answer)

    def _run_due(self) -> None:
        try:
            self._transaction(Case.due)
            self._stuck.over()
            self._outcry.steps_go_on()
        except Exception as error:
            self._failures.inc()
            self._stuck.again(error, StoreError)
            self._outcry.steps_fail(error)
            self._next_due = self._clock() + _RETRY_SECONDS

    def _transaction(self, job: Callable[[Case], T]) -> T:
        def whole(connection: Connection) -> tuple[T, Case, float | None, dict[tuple[str, str], int]]:
            take_turns(connection)
            case = Case(connection, self.duty, self._surroundings, self._clock())
            answer = job(case)
            return answer, case, incidents.next_due(connection), incidents.census(connection)

        answer, case, self._next_due, census = self._store.transaction(whole)
        for event in case.events:
            self._decisions.labels(event).inc()
        for key, line in case.story:
            _log.log(self.story_level, "incident %s: %s", key, line)
        for labels in self._counted | census.keys():
            self._open.labels(*labels).set(census.get(labels, 0))
        self._counted |= census.keys()
        if case.told:
            self._wake()
        return answer
