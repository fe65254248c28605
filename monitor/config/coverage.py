"""Checks that every alert has somewhere to go, and that every escalation can be reached."""

from collections.abc import Iterable

from alerts.match import matches
from alerts.route import Route
from alerts.rule import AlertingRule
from alerts.standby import WATCHDOG
from monitor.config.problems import Problems
from probes.yamlfile import Node


def check_coverage(root: Node, routes: Iterable[Route], alerts: Iterable[AlertingRule], problems: Problems) -> None:
    """Note alerts that no route takes, and escalations that no route leads to."""
    routes = list(routes)
    told = [alert for alert in alerts if alert.alert != WATCHDOG]  # which tells that its sender lives, and nobody else
    lost = [alert for alert in told if not any(_may_take(route, alert) for route in routes)]
    section = root.mapping.get("routes", root)
    if lost:
        first = lost[0]
        labels = ", ".join(f"{name}={value}" for name, value in first.labels if name in ("severity", "owner"))
        others = f" and {len(lost) - 1} more alerts" if len(lost) > 1 else ""
        problems.add(
            section.place,
            f"no route takes {first.alert} ({labels or 'no labels'}){others}; add a last route without match",
        )
    led = {route.escalation for route in routes}
    oncall = root.mapping.get("oncall")
    for escalation in oncall.mapping["escalations"].items if oncall and "escalations" in oncall.mapping else []:
        name = escalation.step("name")
        if name is not None and isinstance(name.value, str) and name.value not in led:
            problems.add(name.place, f"no route leads to the escalation {name.value!r}, so it would never page anybody")


def _may_take(route: Route, alert: AlertingRule) -> bool:
    """Whether a route can take this alert, as far as the rule alone says: labels of its series are not known yet."""
    known = {"alertname": alert.alert} | {name: value for name, value in alert.labels if "{{" not in value}
    decided = {label: values for label, values in route.match.items() if label in known}
    return matches(decided, tuple(known.items()))
