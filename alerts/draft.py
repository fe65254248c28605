"""An incident while it is being decided: what changes, what is written down, who is told, put together step by step."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from alerts.alert import Alert, Status, speaker
from alerts.escalation import Position
from alerts.incident import (
    Audit,
    Context,
    Decision,
    Hush,
    Incident,
    Kind,
    State,
    Taken,
    Telling,
    Told,
    standing,
)
from alerts.silence import covering
from probes.base import Evidence, Outcome

_NUMBERS = re.compile(r"\d+([.,:]\d+)*")
#: Why an incident is stale, where nothing better is known.
WENT_QUIET = "Its source went quiet: nobody knows whether it is mended"


class Draft:
    """Collects the changes of one event; `settle` draws the conclusions that follow from every event alike."""

    def __init__(self, incident: Incident, now: float, context: Context) -> None:
        self.incident = incident
        self.now = now
        self.context = context
        self._audit: list[Audit] = []
        self._lines: list[tuple[Kind, str]] = []
        self._pages: dict[str, tuple[str, ...]] = {}

    def change(self, **changes: Any) -> None:
        """Change facts of the incident."""
        self.incident = replace(self.incident, **changes)

    def note(self, kind: str, text: str, who: str = "") -> None:
        """Write a line into the incident's story."""
        self._audit.append(Audit(self.now, kind, text, who))

    def news(self, line: str) -> None:
        """Tell everyone who was told before, without waking anybody."""
        self._lines.append((Kind.NEWS, line))

    def hear(self, alert: Alert, severity: str) -> None:
        """Keep a source's newest word about an alert."""
        others = [old for old in self.incident.alerts if (old.labels, old.source) != (alert.labels, alert.source)]
        self.change(alerts=(*others, alert), severity=severity)

    def resolve(self, taken: Taken) -> None:
        """It is over, because every source says so or because a person does."""
        self.change(resolved=taken, stale_since=None, doubt="", hush=None)
        line = f"Resolved by {taken.by}" if taken.via else "Resolved: it is mended"
        self.note("resolved", line if taken.via else f"every alert is over, says {speaker(taken.by)}", who=taken.by)
        self._lines.append((Kind.RESOLVED, line))

    def settle(self, reason: str) -> Decision:
        """Draw the conclusions: what expired, what is over, stale, silenced, to be paged; and when to look again."""
        before = self.incident
        self._expire()
        self._compare_with_sources()
        if self.incident.resolved is None:
            self._hush()
            self._escalate()
            self._refresh_evidence()
        tellings = self._tellings()
        changed = bool(tellings or self._audit)
        self.change(state=self._state(), next_at=self._next_at(), version=before.version + changed)
        reasons = "; ".join(line.text for line in self._audit)
        return Decision(self.incident, tellings, tuple(self._audit), reasons or reason or "nothing has changed")

    def _expire(self) -> None:
        alerts = tuple(self._aged(alert) for alert in self.incident.alerts)
        if alerts != self.incident.alerts:
            self.change(alerts=alerts)

    def _aged(self, alert: Alert) -> Alert:
        expired = alert.expires_at is not None and alert.expires_at <= self.now
        if alert.status is Status.FIRING and expired:
            return replace(alert, status=Status.STALE)
        # Its source said "resolved" while the probe was not to be seen; now it is seen again, and the word counts.
        if alert.status is Status.STALE and alert.ended_at is not None and not self.context.quiet(alert.labels):
            return replace(alert, status=Status.RESOLVED)
        return alert

    def _compare_with_sources(self) -> None:
        found = set(standing(self.incident.alerts).values())
        if Status.FIRING in found:
            self._fires()
        elif self.incident.resolved is None and Status.STALE in found:
            self._is_stale()
        elif self.incident.resolved is None:
            last = max(self.incident.alerts, key=lambda alert: alert.told_at)
            self.resolve(Taken(last.source, self.now))

    def _fires(self) -> None:
        resolved = self.incident.resolved
        if resolved is not None:
            if resolved.via and self.now - resolved.at < self.context.policy.grace:
                return  # a person said it is over: sources get a moment to see it
            self._reopen(resolved)
        elif self.incident.stale_since is not None:
            back = "Looked at again: still firing" if self.incident.doubt else "Its source is back: still firing"
            self.change(stale_since=None, doubt="")
            self.note("firing", "its source speaks again: still firing")
            self.news(back)

    def _is_stale(self) -> None:
        stale = [alert for alert in self.incident.alerts if alert.status is Status.STALE]
        doubt = next(filter(None, map(self.context.doubt, stale)), "")
        if self.incident.stale_since is None:
            self.change(stale_since=self.now)
        elif doubt == self.incident.doubt:
            return
        self.change(doubt=doubt)
        line = doubt or f"{WENT_QUIET}, so it stays open"
        self.note("stale", line)
        self.news(line)

    def _reopen(self, resolved: Taken) -> None:
        """The same trouble again, in the same message. Whoever read that it was over may be asleep again, so it pages
        anew, unless it was over for no more than a moment: then whoever has it, or is being paged, still is. What fails
        at another step than before, or in another way, is another matter.
        """
        line = f"Fires again, though {resolved.by} said it was over" if resolved.via else "Fires again"
        old, new = self.incident.evidence, self.context.evidence
        if new is not None:
            line += f": {new.summary.rstrip('.')}"
        self.change(resolved=None)
        self.note("reopened", line)
        self.news(line)
        if not self.context.plan.insists:
            return
        moved = None not in (old, new) and _kind(old) != _kind(new)  # whoever has it knows of another trouble
        flickered = not resolved.via and self.now - resolved.at < self.context.policy.flicker and not moved
        if flickered and self.incident.ack is not None:
            return
        self.change(ack=None)
        if not (flickered and self.incident.due_at is not None and self.incident.due_at > self.now):
            self._begin_anew()

    def _begin_anew(self) -> None:
        self.change(position=None, due_at=None, exhausted=False, round=self.incident.round + 1)

    def _hush(self) -> None:
        muted = covering(self.context.silences, [alert.labels for alert in self.incident.unsettled], self.now)
        hush = None
        if muted:
            first = min(muted, key=lambda silence: silence.ends_at)
            hush = Hush(first.reason, first.by, first.ends_at)
        old = self.incident.hush
        if hush == old:
            return
        self.change(hush=hush)
        if hush is None:
            self.note("unsilenced", "the silence is over, and it still needs someone")
            self.news("The silence is over")
            if self.incident.ack is None and self.context.plan.insists:
                self._begin_anew()
        elif old is None:
            line = f"Silenced by {hush.by}: {hush.reason}"
            self.note("silenced", line, who=hush.by)
            self.news(line)

    def _escalate(self) -> None:
        incident, plan = self.incident, self.context.plan
        if incident.ack is not None or incident.hush is not None:
            return
        if incident.position is None:
            self._page(Position(0))
        elif plan.insists and incident.due_at is not None and incident.due_at <= self.now:
            following = plan.after(incident.position)
            if following is None:
                self.change(due_at=None, exhausted=True)
                self.note("exhausted", "nobody acked, and every step has been taken")
                self.news("Nobody acked, and every step of the escalation has been taken")
            else:
                self._page(following)

    def _page(self, position: Position) -> None:
        plan, before = self.context.plan, self.incident.position
        step = plan.steps[position.step]
        people = self.context.who(step.notify, self.now)
        due = self.now + step.within if plan.insists else None
        self.change(position=position, due_at=due)
        whom = ", ".join(people)
        if step.notify and not people:
            whom = "the channel, for nobody is on call,"
        line = f"Told {whom or 'the channel'} by {', '.join(step.by)}"
        if plan.insists:
            line = f"Paged {whom or 'the channel'} by {', '.join(step.by)}{plan.describe(position)}"
            if before is not None and before.step < len(plan.steps) and before != position:
                line = f"No ack within {plan.waited(before)}. {line}"
        self.note("paged", line)
        self._pages.update((notifier, people) for notifier in step.by)
        self._lines.append((Kind.NEWS, line))

    def _refresh_evidence(self) -> None:
        old, new, incident = self.incident.evidence, self.context.evidence, self.incident
        if new is None or not incident.firing or new == old:
            return
        if self._audit:
            self.change(evidence=new, evidence_at=self.now)
        elif broken(new) != broken(old) and self.now - incident.evidence_at >= self.context.policy.calm:
            self.change(evidence=new, evidence_at=self.now)
            line = f"Now: {new.summary}"
            self.note("evidence", line)
            self.news(line)

    def _tellings(self) -> tuple[Telling, ...]:
        """One telling a notifier: who is paged by it, or else the newest line for whoever was told before."""
        told = {known.notifier: known.people for known in self.incident.told}
        begin = f"{self.incident.key}/{self.incident.version + 1}"
        line = ". ".join(line for _, line in self._lines)
        over = any(kind is Kind.RESOLVED for kind, _ in self._lines)
        tellings = [(name, Kind.PAGE, people) for name, people in self._pages.items()]
        if line:
            quiet = Kind.RESOLVED if over else Kind.NEWS
            tellings += [(name, quiet, people) for name, people in told.items() if name not in self._pages]
        for name, people in self._pages.items():
            told[name] = tuple(dict.fromkeys((*told.get(name, ()), *people)))
        self.change(told=tuple(Told(name, people) for name, people in told.items()))
        return tuple(Telling(f"{begin}/{name}", name, kind, people, line) for name, kind, people in tellings)

    def _state(self) -> State:
        incident = self.incident
        if incident.resolved is not None:
            return State.RESOLVED
        if incident.stale_since is not None:
            return State.STALE
        if incident.hush is not None:
            return State.SILENCED
        return State.ACKED if incident.ack is not None else State.OPEN

    def _next_at(self) -> float | None:
        return min(self._moments(), default=None)

    def _moments(self) -> Iterable[float]:
        incident, policy = self.incident, self.context.policy
        if incident.resolved is not None:
            if incident.resolved.via and incident.firing:
                yield incident.resolved.at + policy.grace
            return
        yield from (alert.expires_at for alert in incident.firing if alert.expires_at is not None)
        if incident.stale_since is not None:
            yield self.now + policy.recheck
        if incident.hush is not None:
            yield incident.hush.until
        elif incident.ack is None and incident.due_at is not None and self.context.plan.insists:
            yield incident.due_at


def _kind(evidence: Evidence | None) -> tuple[str, ...]:
    """What sort of trouble it proves: the steps that failed, or else its summary without what was measured."""
    return broken(evidence) or (_NUMBERS.sub("", evidence.summary if evidence else ""),)


def broken(evidence: Evidence | None) -> tuple[str, ...]:
    """The names of the steps that failed: when these change, the trouble has moved."""
    steps = evidence.steps if evidence else ()
    return tuple(step.name for step in steps if step.outcome in (Outcome.DOWN, Outcome.DEGRADED, Outcome.BLOCKED))
