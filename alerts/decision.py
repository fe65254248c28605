"""What follows from an event: whether an incident opens, wakes someone, goes on, or is over - and why."""

from dataclasses import replace

from alerts.alert import Alert, Status, speaker
from alerts.draft import Draft
from alerts.incident import Ack, Context, Decision, Due, Event, Incident, Resolve, Taken

_WORSE = ("page", "critical", "error", "ticket", "warning", "info")


def decide(incident: Incident | None, event: Event, now: float, context: Context) -> Decision:
    """Decide one event about one incident (None when none is known). Nothing is done here: the answer says what to do.

    `now` is seconds UTC. The same event a second time changes nothing and tells nobody.
    """
    if isinstance(event, Alert):
        return _told_by_a_source(incident, event, now, context)
    if incident is None:
        return Decision(None, (), (), "there is no such incident")
    draft = Draft(incident, now, context)
    if isinstance(event, Ack):
        reason = _ack(draft, event)
    elif isinstance(event, Resolve):
        reason = _resolve(draft, event)
    else:
        assert isinstance(event, Due)
        reason = ""
    return draft.settle(reason)


def _told_by_a_source(incident: Incident | None, alert: Alert, now: float, context: Context) -> Decision:
    if incident is not None and incident.resolved and now - incident.resolved.at > context.policy.flap:
        incident = None  # long over: this is another trouble
    if incident is None:
        if alert.status is not Status.FIRING:
            return Decision(None, (), (), f"{alert.name} is {alert.status}, and no incident is open for it")
        return _open(alert, now, context)
    known = next((old for old in incident.alerts if (old.labels, old.source) == (alert.labels, alert.source)), None)
    draft = Draft(incident, now, context)
    reason = _stays(known, alert, incident, now)
    if not reason:
        draft.hear(_in_doubt(alert) if context.quiet(alert.labels) else alert, _severity(incident.severity, alert))
        if known is None and alert.status is Status.FIRING and not incident.over:
            _joined(draft, alert)
    return draft.settle(reason)


def _open(alert: Alert, now: float, context: Context) -> Decision:
    incident = Incident(
        key=context.key,
        identity=context.identity,
        labels=context.labels,
        severity=alert.label("severity"),
        opened_at=now,
        alerts=(alert,),
        evidence=context.evidence,
        evidence_at=now,
    )
    draft = Draft(incident, now, context)
    draft.note("opened", f"{alert.name} fires, says {speaker(alert.source)}", who=alert.source)
    return draft.settle("")


def _stays(known: Alert | None, alert: Alert, incident: Incident, now: float) -> str:
    """Why an alert's word changes nothing; empty when it does."""
    others = [old for old in incident.alerts if old.labels == alert.labels and old.source != alert.source]
    if known is None:
        if alert.status is Status.FIRING:
            return ""
        if not others:
            return f"{alert.name} is {alert.status}, and was never told as firing"
        return _began_later(others, alert)
    if alert.told_at < known.told_at <= now:  # a word from the future only means that the clock was set back
        return f"{speaker(alert.source)} said something newer already"
    if alert.status is Status.RESOLVED:
        newer = any(old.status is Status.STALE and old.told_at > known.told_at for old in others)
        if known.status is Status.RESOLVED and not newer:
            return "known to be over"
        if alert.ended_at is not None and alert.ended_at < known.started_at:
            return "an earlier firing is over, not this one"
    taken_back = known.status is Status.RESOLVED and bool(others) and not incident.over
    if alert.status is Status.STALE and known.status is not Status.FIRING and not taken_back:
        return f"known to be {known.status}"
    return ""


def _began_later(others: list[Alert], alert: Alert) -> str:
    """A second witness may settle only what it can have seen: not a trouble that began after its own was over."""
    ended = alert.told_at if alert.ended_at is None else alert.ended_at
    if alert.status is Status.RESOLVED and all(ended < old.started_at for old in others):
        return f"what {speaker(alert.source)} saw was over before this began"
    return ""


def _in_doubt(alert: Alert) -> Alert:
    """A `resolved` from a source that lost sight of the thing proves nothing: stale. Its end is kept, see Draft."""
    if alert.status is not Status.RESOLVED:
        return alert
    return replace(alert, status=Status.STALE, ended_at=alert.ended_at or alert.told_at)


def _joined(draft: Draft, alert: Alert) -> None:
    if any(old.labels == alert.labels and old.source != alert.source for old in draft.incident.alerts):
        return  # another source of the same alert is no news
    line = f"Also: {alert.annotations.get('summary') or alert.name}"
    draft.note("joined", line, who=alert.source)
    draft.news(line)


def _severity(known: str, alert: Alert) -> str:
    found = alert.label("severity")
    ranked = [severity for severity in _WORSE if severity in (known, found)]
    return ranked[0] if ranked and alert.status is Status.FIRING else known


def _ack(draft: Draft, event: Ack) -> str:
    incident = draft.incident
    if incident.over:
        return "it is resolved already; an ack changes nothing"
    if incident.ack and incident.ack.by == event.by:
        return f"{event.by} has acked it already"
    taken = f"{event.by} took over from {incident.ack.by}" if incident.ack else f"{event.by} is on it"
    draft.change(ack=Taken(event.by, draft.now, event.via), due_at=None)
    draft.note("acked", taken + _by_way(event.via), who=event.by)
    draft.news(taken)
    return ""


def _resolve(draft: Draft, event: Resolve) -> str:
    if draft.incident.over:
        return "it is resolved already"
    draft.resolve(Taken(event.by, draft.now, event.via or "hand"))
    return ""


def _by_way(via: str) -> str:
    return f" (by {via})" if via else ""
