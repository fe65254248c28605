"""The last resort: when an alert that should wake someone cannot be stored, the channels are told without the store."""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

from alerts.alert import Alert, Status
from alerts.duty import Duty
from alerts.incident import Kind, State
from alerts.notifiers import IMPLIED
from alerts.notifiers.base import AnyNotifier, NotifyError
from alerts.page import Page
from probes.base import Labels

_log = logging.getLogger(__name__)

#: How long an alert may wait to be stored, and how long to wait before channels that all failed are tried again.
PATIENCE = 10.0
#: What nobody told again for so long fires no more, as far as we know.
_FORGOTTEN = 300.0
#: The most alerts to remember, and to name in one message.
_MOST, _NAMED = 1000, 10
_LOOK_SECONDS = 1.0
#: In place of labels: what is not an alert.
_STEPS: Labels = ()


@dataclass(slots=True)
class _Waiting:
    alert: Alert | None
    since: float
    seen: float
    told: bool = False


class Outcry:
    """Knows which firing alerts wait to be stored, and tells every channel of those that wait too long, once each.

    Only what would page is told; what was recorded before is not. `notifiers` and `duty` answer the present config's.
    """

    def __init__(
        self, notifiers: Callable[[], Sequence[AnyNotifier]], duty: Callable[[], Duty], clock: Callable[[], float]
    ) -> None:
        self._notifiers, self._duty, self._clock = notifiers, duty, clock
        self._waiting: dict[Labels, _Waiting] = {}
        self._recorded: set[Labels] = set()
        self._reason = "the store does not answer"
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="outcry", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        self._thread.join()

    def expect(self, alerts: Sequence[Alert]) -> None:
        """These alerts are to be stored from now on."""
        with self._lock:
            for alert in alerts:
                if alert.status is not Status.FIRING:
                    self._waiting.pop(alert.labels, None)
                    self._recorded.discard(alert.labels)
                elif alert.labels not in self._recorded:
                    self._wait(alert.labels, alert)

    def stored(self, alert: Alert) -> None:
        """This one is on record, and people are told in the usual way."""
        with self._lock:
            self._waiting.pop(alert.labels, None)
            if len(self._recorded) >= 100 * _MOST:
                self._recorded.clear()
            if alert.status is Status.FIRING:
                self._recorded.add(alert.labels)

    def failed(self, reason: object) -> None:
        """Something could not be stored; those who wait go on waiting."""
        self._reason = str(reason)

    def steps_fail(self, reason: object) -> None:
        """The next steps of open incidents cannot be taken."""
        with self._lock:
            self._reason = str(reason)
            self._wait(_STEPS, None)

    def steps_go_on(self) -> None:
        """They can again."""
        with self._lock:
            self._waiting.pop(_STEPS, None)

    def look(self) -> None:
        """Tell what has waited too long."""
        now = self._clock()
        with self._lock:
            self._waiting = {key: one for key, one in self._waiting.items() if now - one.seen <= _FORGOTTEN}
            late = [one for one in self._waiting.values() if not one.told and now - one.since >= PATIENCE]
        late = [one for one in late if one.alert is None or self._pages(one.alert)]
        if late:
            heard = shout(self._notifiers(), self._page(late, now))
            for one in late:
                one.told, one.since = heard, now

    def _pages(self, alert: Alert) -> bool:
        return alert.label("severity") == "page" or self._duty().assign(alert.labels).plan.insists

    def _wait(self, key: Labels, alert: Alert | None) -> None:
        now = self._clock()
        if key in self._waiting:
            self._waiting[key].seen = now
        elif len(self._waiting) < _MOST:
            self._waiting[key] = _Waiting(alert, now, now)

    def _page(self, late: list[_Waiting], now: float) -> Page:
        duty = self._duty()
        plans = [duty.assign(one.alert.labels).plan for one in late if one.alert is not None]
        names = dict.fromkeys(name for plan in plans for name in duty.who(plan.steps[0].notify, now))
        people = [person for name in names if (person := duty.roster.person(name)) is not None]
        named = [_sentence(one.alert) for one in late]
        more = (f"and {len(named) - _NAMED} more",) if len(named) > _NAMED else ()
        line = f"Shopwatch cannot store: {self._reason}. Not recorded: {', '.join([*named[:_NAMED], *more])}"
        return Page(
            key="STORE",
            state=State.OPEN,
            kind=Kind.PAGE,
            line=line,
            severity="page",
            headline=f"Shopwatch cannot store, {named[0]}",
            description=f"{line}. No ack can be kept until it can store again.",
            started_at=min(one.since for one in late),
            at=now,
            people=tuple(people),
        )

    def _work(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            try:
                self.look()
            except Exception:  # the next look may go better
                _log.exception("what cannot be stored could not be told")


def shout(notifiers: Sequence[AnyNotifier], page: Page) -> bool:
    """Send a page through every channel at once; answers whether one that reaches people took it, if there is one."""
    pool = ThreadPoolExecutor(max(1, len(notifiers)), "outcry")
    sent = {one.name: pool.submit(_send, one, page) for one in notifiers}
    wait(sent.values(), timeout=max((one.patience for one in notifiers), default=0.0))
    pool.shutdown(wait=False)
    consoles = {one.name for one in notifiers if IMPLIED in (one.name, one.settings.type)}
    heard = {name for name, future in sent.items() if future.done() and future.result()}
    return bool(heard - consoles if sent.keys() - consoles else heard)


def _send(notifier: AnyNotifier, page: Page) -> bool:
    try:
        notifier.send(page, None)
    except NotifyError as error:
        _log.error("%s cannot be told either: %s", notifier.name, error)
        return False
    except Exception:
        _log.exception("%s failed in a way that it should not", notifier.name)
        return False
    _log.error("told %s past the store: %s", notifier.name, page.line)
    return True


def _sentence(alert: Alert | None) -> str:
    if alert is None:
        return "the next steps of open incidents"
    place = alert.label("probe") or alert.label("instance") or alert.label("job")
    return f"{alert.name} {place} fires".replace("  ", " ")
