"""Alerts and silences as Alertmanager's API v2 and its webhook write them, read strictly and written exactly."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from alerts.alert import Alert, Status
from alerts.identity import EXTERNAL
from alerts.incident import Incident
from alerts.inhibit import INHIBITION
from alerts.silence import BadMatcher, Matcher, Silence
from probes.base import Labels

#: Alertmanager's own `resolve_timeout`: an alert told without an end is believed this long (seconds).
BELIEVED = 300.0
_PRODUCT = re.compile(r"[A-Za-z0-9._-]{1,30}")
_MOST_LABELS = 200


class BadAlert(ValueError):
    """One of the alerts (or a silence) in a request cannot be read; the message says which and why."""


def read_alert(given: Any, source: str, now: float, ends: bool = True) -> Alert:
    """An alert of POST /api/v2/alerts, or of a webhook (`ends` is False: there, no end means no end). Raises BadAlert.

    An `endsAt` that has passed is its source's word that it is over; one to come is how long to believe that it fires.
    """
    if not isinstance(given, dict):
        raise BadAlert(f"an alert is an object, not {given!r:.50}")
    labels = _labels(given.get("labels"))
    annotations = _annotations(given.get("annotations"))
    starts, ended = read_time(given.get("startsAt"), "startsAt"), read_time(given.get("endsAt"), "endsAt")
    if starts is not None and ended is not None and ended < starts:
        raise BadAlert(f"{_named(labels)}: endsAt is before startsAt")
    over = given.get("status") == "resolved" or (ended is not None and ended <= now)
    if not over and ended is None and ends:
        ended = now + BELIEVED
    url = given.get("generatorURL")
    return Alert(
        labels=labels,
        status=Status.RESOLVED if over else Status.FIRING,
        started_at=starts if starts is not None else min(now, ended) if ended is not None else now,
        told_at=now,
        annotations=annotations,
        ended_at=(ended if ended is not None else now) if over else None,
        expires_at=None if over else ended,
        source=_witness(source, labels),
        generator_url=url if isinstance(url, str) and len(url) <= 4096 else "",
    )


def unreadable(given: Any, reason: str, source: str, now: float) -> Alert:
    """An alert in place of one that cannot be read, so that a person reads it. It ends when a person says so."""
    words = {
        "summary": "An alert from Alertmanager could not be read",
        "description": f"{reason}. Look there for what fires; resolve this by hand. It is: {json.dumps(given):.1000}",
    }
    labels = (("alertname", "AlertUnreadable"), ("severity", "page"))
    return Alert(labels, Status.FIRING, now, now, words, source=source)


def sender(user_agent: str) -> str:
    """Who tells us, by the first word of its User-Agent: prometheus, amtool, vmalert …"""
    match = _PRODUCT.match(user_agent)
    return match[0].partition("/")[0].lower() if match else "api"


def read_silence(given: Any, now: float) -> Silence:
    """A silence of POST /api/v2/silences. Raises BadAlert."""
    if not isinstance(given, dict):
        raise BadAlert("a silence is an object")
    matchers = given.get("matchers")
    if not isinstance(matchers, list) or not matchers:
        raise BadAlert("a silence needs at least one matcher")
    found = tuple(_matcher(one) for one in matchers)
    if all(matcher.matches({}) for matcher in found):
        raise BadAlert("at least one matcher must not match the empty string")
    starts, ends = read_time(given.get("startsAt"), "startsAt"), read_time(given.get("endsAt"), "endsAt")
    starts = max(now, starts) if starts is not None else now
    if ends is None or ends <= starts:
        raise BadAlert("endsAt must be later than startsAt and than now")
    texts = _texts({key: given.get(key) or "" for key in ("id", "comment", "createdBy")}, "silence")
    return Silence(texts["id"], found, starts, ends, texts["comment"], texts["createdBy"])


def read_time(value: Any, what: str) -> float | None:
    """Seconds UTC of an RFC 3339 time; None for none, and for Go's zero time. Raises BadAlert."""
    if value in (None, ""):
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.year <= 1:
            return None
        if moment.tzinfo is None or moment.year > 9000:
            raise ValueError
        return moment.timestamp()
    except (ValueError, TypeError, OverflowError):
        raise BadAlert(f"{what} {value!r:.60} is no time such as 2026-11-21T21:00:00Z") from None


def write_time(at: float) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_alert(
    alert: Alert, incident: Incident, receiver: str, silences: Iterable[Silence], now: float
) -> dict[str, Any]:
    """A gettableAlert."""
    silenced_by = [silence.id for silence in silences if silence.mutes(alert.labels)]
    hush = incident.hush
    inhibited_by = [hush.reason] if hush is not None and hush.by == INHIBITION else []
    return {
        "labels": dict(alert.labels),
        "annotations": alert.annotations | {"shopwatch_incident": incident.key, "shopwatch_state": incident.state},
        "startsAt": write_time(alert.started_at),
        "endsAt": write_time(alert.ended_at or alert.expires_at or now + BELIEVED),
        "updatedAt": write_time(alert.told_at),
        "fingerprint": alert.fingerprint,
        "generatorURL": alert.generator_url,
        "receivers": [{"name": receiver}],
        "status": {
            "state": "suppressed" if silenced_by or inhibited_by else "active",
            "silencedBy": silenced_by,
            "inhibitedBy": inhibited_by,
            "mutedBy": [],
        },
    }


def write_silence(silence: Silence, now: float) -> dict[str, Any]:
    """A gettableSilence."""
    return {
        "id": silence.id,
        "status": {"state": silence.state(now)},
        "matchers": [
            {"name": one.name, "value": one.value, "isRegex": one.regex, "isEqual": not one.negated}
            for one in silence.matchers
        ],
        "startsAt": write_time(silence.starts_at),
        "endsAt": write_time(silence.ends_at),
        "updatedAt": write_time(silence.updated_at),
        "createdBy": silence.by,
        "comment": silence.reason,
    }


def _labels(given: Any) -> Labels:
    values = {name: value for name, value in _texts(given, "labels").items() if value}
    if not values:
        raise BadAlert("an alert needs at least one label")
    if len(values) > _MOST_LABELS:
        raise BadAlert(f"{len(values)} labels are more than we keep ({_MOST_LABELS})")
    if "" in values:  # any other text is a name: UTF-8 is what Prometheus 3 and Alertmanager take
        raise BadAlert(f"a label without a name has the value {values['']!r:.60}")
    return tuple(sorted(values.items()))


def _texts(given: Any, what: str) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise BadAlert(f"{what} must be an object whose values are texts")
    return {_clean(key): _clean(value) for key, value in given.items()}


def _annotations(given: Any) -> dict[str, str]:
    """What is no text is written as one: an alert is not to be lost for its decoration."""
    named = given if isinstance(given, dict) else {"annotations": given} if given else {}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in named.items()}
    return {_clean(key): _clean(text) for key, text in texts.items()}


def _clean(text: str) -> str:
    return text.encode(errors="replace").decode()


def _matcher(given: Any) -> Matcher:
    try:
        name, value = given["name"], given["value"]
        negated, regex = not given.get("isEqual", True), bool(given.get("isRegex", False))
        if not (isinstance(name, str) and name and isinstance(value, str)):
            raise BadAlert(f"{given!r:.100} is not a matcher")
        return Matcher(name, value, negated, regex)
    except (KeyError, TypeError, AttributeError):
        raise BadAlert(f"{given!r:.100} is not a matcher; it needs a name and a value") from None
    except BadMatcher as error:
        raise BadAlert(str(error)) from None


def _witness(source: str, labels: Labels) -> str:
    """Each replica of a Prometheus is a witness of its own: one that says resolved does not speak for the other."""
    apart = [value for name, value in labels if name in EXTERNAL]
    return " ".join([source, *apart])[:100]


def _named(labels: Labels) -> str:
    return dict(labels).get("alertname", "an alert")
