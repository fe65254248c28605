"""Evaluates the alert rules on the clock, and once more soon after something changed, in a thread of its own.

Clock evaluations are Prometheus' own: each group at its interval, at a phase fixed by its name, at the time of its
slot. Glances are extra, and only hasten (alerts/rulestate.py says how): after `nudge`, every alert rule whose series
come straight from probes is looked at once more; when a pending alert's `for` ends between two slots, its rule is too.
A glance records no series, so that recorded series keep the spacing that their windows are made for; a rule on recorded
series waits for the clock, because nothing new could be seen. When a glance is due, monitor/timetable.py says.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from alerts.alert import EMBEDDED, Alert
from alerts.expression import metrics_of
from alerts.identity import core
from alerts.rule import Element, Query, RecordingRule, RuleFailed, RuleGroup, milliseconds
from alerts.rulegroup import Append, Failure, GroupRun, RuleRun
from alerts.rulememory import why_waiting
from alerts.rulestate import Surroundings
from monitor.rulecounts import GroupCounts, Measure, measures
from monitor.rulekeeper import RuleKeeper
from monitor.slots import Slots
from monitor.timetable import LONGEST_SLEEP, Glance, Timetable, first_end, has_ended, is_overdue

log = logging.getLogger(__name__)


class _Standing:
    """One group with its timetable and counts."""

    def __init__(self, group: RuleGroup, around: Surroundings, timer: Callable[[], float], now: float) -> None:
        self.run = GroupRun(group, around, timer)
        self.slots = Slots(group.key, group.interval, now)
        self.counts = GroupCounts(group)


class Evaluator:
    """Runs rule groups and tells `on_alerts` what fires and what is resolved, in the evaluator's thread.

    `query` answers PromQL at a time (milliseconds) and raises RuleFailed; `append` stores a sample. `heard` says
    whether a probe has reported since the start; `says`, asked in the evaluator's thread, what to tell of an alert now:
    itself, or None while it has to wait. `clock` is wall-clock seconds, `timer` monotonic seconds. What `on_alerts`
    raises is logged, and the same alerts are told again at the next evaluation.
    """

    def __init__(
        self,
        query: Query,
        append: Append,
        on_alerts: Callable[[list[Alert]], None],
        *,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
        keeper: RuleKeeper | None = None,
        heard: Callable[[str], bool] = lambda probe: True,
        around: Surroundings | None = None,
        says: Callable[[Alert], Alert | None] = lambda alert: alert,
    ) -> None:
        self._query, self._append, self._on_alerts, self._says = query, append, on_alerts, says
        self._clock, self._timer = clock, timer
        self._keeper, self._heard = keeper, heard
        self._around = around or Surroundings()
        self._groups: dict[str, _Standing] = {}
        self._recorded: set[str] = set()
        self._waiting: tuple[RuleGroup, ...] | None = None
        self._timetable = Timetable()
        self._started: int | None = None
        self._lock = threading.RLock()  # held while one group is evaluated: who reads its state waits for that
        self._wake = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def apply(self, groups: Iterable[RuleGroup]) -> None:
        """Evaluate these groups from now on. Rules that were there before keep their state. Returns at once."""
        with self._wake:
            self._waiting = tuple(groups)
            self._wake.notify()

    def nudge(self) -> None:
        """Look again soon: something changed. Callable from any thread, as often as one likes."""
        with self._wake:
            if self._timetable.nudge(self._clock()):
                self._wake.notify()

    def adopt(self) -> None:
        """Take up the rules at once, with what was kept of them before a restart. `start` does it too, but later."""
        self._adopt()

    def start(self) -> None:
        """Begin to evaluate."""
        self._thread = threading.Thread(target=self._work, name="rules", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the group that is being evaluated, keep the state, and end the thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    @contextmanager
    def standing(self) -> Iterator[Sequence[tuple[GroupRun, GroupCounts]]]:
        """Every group with its state, held still; for the web and for tests. Never call it in the event loop."""
        with self._lock:
            yield [(standing.run, standing.counts) for standing in self._groups.values()]

    def measures(self) -> list[Measure]:
        """The evaluator's own metrics, as they stand."""
        return measures([standing.counts for standing in list(self._groups.values())])

    def doubt(self, told: Alert) -> str:
        """Why an alert of ours was told neither as firing nor as over since the start; empty when there is no reason.

        Callable from any thread, and answers at once.
        """
        now, started = milliseconds(self._clock()), self._started
        if started is None or told.source != EMBEDDED:
            return ""
        labels = core(told.labels)
        waits = [one for standing in list(self._groups.values()) for one in standing.run.waiting()]
        left = [wait for alert, wait in waits if core(alert.labels) == labels and now < started + wait]
        return why_waiting(max(left), started) if left else ""

    def overdue(self) -> list[tuple[str, float]]:
        """The groups that should have been evaluated long ago, and for how many seconds they have been due."""
        now = self._clock()
        late = [(key, now - one.slots.next, one.run.group.interval) for key, one in list(self._groups.items())]
        return [(key, seconds) for key, seconds, interval in late if is_overdue(seconds, interval)]

    def run_due(self) -> float:
        """Evaluate whatever is due by now; answers how many seconds until something may be due again."""
        self._adopt()
        for standing in sorted(self._groups.values(), key=lambda standing: standing.slots.next):
            if self._stopping:
                return 0.0
            now = self._clock()
            slot = standing.slots.take(now)
            if slot is not None:
                self._evaluate(standing, slot, now)
        self._glance_if_due()
        return self._until_next()

    def _work(self) -> None:
        while not self._stopping:
            try:
                wait = self.run_due()
            except Exception:  # a bug here must not end the alerting: it is logged, and the next round tries again
                log.exception("evaluating rules failed")
                wait = LONGEST_SLEEP
            with self._wake:
                if not self._stopping and self._waiting is None and wait > 0:
                    self._wake.wait(wait)
        if self._keeper is not None:
            self._keep(self._clock())

    # Reload

    def _adopt(self) -> None:
        with self._wake:
            groups, self._waiting = self._waiting, None
        if groups is None:
            return
        now = self._clock()
        with self._lock:
            fresh: dict[str, _Standing] = {}
            for group in groups:
                old = self._groups.get(group.key)
                if old is not None and old.run.group == group:
                    fresh[group.key] = old
                    continue
                standing = fresh[group.key] = _Standing(group, self._around, self._timer, now)
                if old is not None:
                    standing.run.adopt(old.run)
                    standing.counts.adopt(old.counts)
            for key in self._groups.keys() - fresh.keys():
                for series in self._groups[key].run.leave():
                    self._append(series, milliseconds(now), None)
            self._groups = fresh
            rules = [rule for group in groups for rule in group.rules]
            recorded = {rule.record for rule in rules if isinstance(rule, RecordingRule)}
            self._recorded = recorded | {"ALERTS", "ALERTS_FOR_STATE"}
            if self._started is None:
                self._started = milliseconds(now)
                self._recall()

    def _recall(self) -> None:
        if self._keeper is None:
            return
        records = self._keeper.load()
        for standing in self._groups.values():
            standing.run.recall(records)

    # Evaluations

    def _evaluate(self, standing: _Standing, slot: float, now: float) -> None:
        at = milliseconds(slot)
        started = self._timer()
        with self._lock:
            standing.run.release(at, self._started or at, self._heard)
            failures = standing.run.evaluate(at, self._ask, self._append)
            told = standing.run.telling(at)
        standing.counts.evaluated(slot, now, self._timer() - started, failures, standing.run.samples, standing.slots)
        self._report(standing.run.group, failures)
        self._keep(now)  # before anybody is told: the store writes in order, and what was told must not be forgotten
        self._tell(standing, told)

    def _glance_if_due(self) -> None:
        glance = self._timetable.take(self._clock(), self._first_end)
        if glance is Glance.NOTHING:
            return
        started = self._timer()
        at = milliseconds(self._clock())
        for standing in self._groups.values():
            if self._stopping:
                return
            self._glance(standing, at, everything=glance is Glance.EVERYTHING)
        spent = self._timer() - started
        self._timetable.rest(self._clock(), spent)

    def _glance(self, standing: _Standing, at: int, *, everything: bool) -> None:
        started = self._timer()
        with self._lock:
            rules = [run for run in standing.run.rules if has_ended(run, at) or (everything and self._is_raw(run))]
            if not rules:
                return
            failures = standing.run.glance(at, self._ask, rules)
            told = standing.run.telling(at)
        standing.counts.glanced(self._timer() - started, failures)
        self._report(standing.run.group, failures)
        self._keep(at / 1000)
        self._tell(standing, told)

    def _is_raw(self, run: RuleRun) -> bool:
        """Whether the rule's series come straight from probes, as far as its expression tells."""
        names = metrics_of(run.rule.expr)
        return names is None or not names <= self._recorded

    def _ask(self, expr: str, at: int) -> list[Element]:
        try:
            return list(self._query(expr, at))
        except RuleFailed:
            raise
        except Exception as error:  # a bug in evaluating one expression must not take the other rules with it
            log.exception("evaluating %s failed", expr)
            raise RuleFailed(f"{type(error).__name__}: {error}") from error

    def _tell(self, standing: _Standing, alerts: list[Alert]) -> None:
        said = [(alert, self._says(alert)) for alert in alerts]
        telling = [words for _, words in said if words is not None]
        waiting = [alert for alert, words in said if words is not alert]
        if waiting:
            with self._lock:  # they are told as soon as they may be
                standing.run.untold(waiting)
        if not telling:
            return
        try:
            self._on_alerts(telling)
        except Exception:  # whoever is told may be in trouble; the alerts wait, and are told again
            log.exception("telling %d alerts of the rule group %s failed", len(telling), standing.run.group.name)
            with self._lock:
                standing.run.untold(telling)

    def _report(self, group: RuleGroup, failures: list[Failure]) -> None:
        for rule, reason in failures:
            log.warning("rule %s of group %s in %s failed: %s", rule.name, group.name, group.file, reason)

    def _keep(self, now: float) -> None:
        if self._keeper is not None:
            at = milliseconds(now)
            with self._lock:
                records = [kept for standing in self._groups.values() for kept in standing.run.keepsakes(at)]
            self._keeper.keep(records, at)

    # Time

    def _first_end(self) -> float:
        with self._lock:
            return first_end(standing.run for standing in self._groups.values())

    def _until_next(self) -> float:
        slot = min((standing.slots.next for standing in self._groups.values()), default=float("inf"))
        return self._timetable.until_next(self._clock(), slot, self._first_end())
