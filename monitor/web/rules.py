"""GET /api/v1/rules and /api/v1/alerts in Prometheus' format, so that Grafana and karma understand us."""

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from alerts.active import Active
from alerts.promql import Matcher, PromqlError, parse
from alerts.promql.node import Selector
from alerts.rule import AlertingRule, Rule
from alerts.rulegroup import GroupRun, RuleRun
from alerts.template.values import digits_of
from monitor.evaluator import Evaluator
from monitor.rulecounts import GroupCounts


def router(evaluator: Evaluator) -> APIRouter:
    """The two routes. They wait for the group that is being evaluated, so they run outside the event loop."""
    routes = APIRouter(prefix="/api/v1", tags=["rules"])

    @routes.get("/rules")
    def rules(
        *,
        rule_name: Annotated[list[str], Query(alias="rule_name[]", default_factory=list)],
        rule_group: Annotated[list[str], Query(alias="rule_group[]", default_factory=list)],
        file: Annotated[list[str], Query(alias="file[]", default_factory=list)],
        match: Annotated[list[str], Query(alias="match[]", default_factory=list)],
        type: str = "",
        exclude_alerts: bool = False,
    ) -> JSONResponse:
        if type not in ("", "alert", "record"):
            return _refused(f"type is alert or record, not {type!r}")
        try:
            selectors = [_matchers(text) for text in match]
        except PromqlError as error:
            return _refused(str(error))
        groups = []
        with evaluator.standing() as standing:
            for run, counts in standing:
                if (rule_group and run.group.name not in rule_group) or (file and run.group.file not in file):
                    continue
                chosen = [rule for rule in run.rules if _is_chosen(rule.rule, type, rule_name, selectors)]
                if chosen or not (type or rule_name or selectors):
                    groups.append(_group(run, counts, chosen, alerts=not exclude_alerts))
        return JSONResponse({"status": "success", "data": {"groups": groups}})

    @routes.get("/alerts")
    def alerts() -> JSONResponse:
        with evaluator.standing() as standing:
            found = [alert for run, _ in standing for rule in run.rules for alert in _alerts(rule)]
        return JSONResponse({"status": "success", "data": {"alerts": found}})

    return routes


def _refused(message: str) -> JSONResponse:
    return JSONResponse({"status": "error", "errorType": "bad_data", "error": message}, 400)


def _matchers(text: str) -> tuple[Matcher, ...]:
    root = parse(text).root
    if not isinstance(root, Selector):
        raise PromqlError(f'{text!r} is not a selector; write {{severity="page"}}')
    return root.matchers


def _is_chosen(rule: Rule, kind: str, names: list[str], selectors: Iterable[tuple[Matcher, ...]]) -> bool:
    if kind and (kind == "alert") != isinstance(rule, AlertingRule):
        return False
    if names and rule.name not in names:
        return False
    matches = [all(matcher.matches_labels(rule.labels) for matcher in matchers) for matchers in selectors]
    return not matches or any(matches)


def _group(run: GroupRun, counts: GroupCounts, rules: Iterable[RuleRun], *, alerts: bool) -> dict[str, Any]:
    return {
        "name": run.group.name,
        "file": run.group.file,
        "rules": [_rule(rule, alerts=alerts) for rule in rules],
        "interval": run.group.interval,
        "limit": run.group.limit,
        "evaluationTime": counts.last_seconds,
        "lastEvaluation": _time(counts.last_at),
    }


def _rule(run: RuleRun, *, alerts: bool) -> dict[str, Any]:
    rule, health = run.rule, run.health
    shared: dict[str, Any] = {
        "name": rule.name,
        "query": rule.expr,
        "labels": dict(rule.labels),
        "health": health.health,
    }
    if health.error:
        shared["lastError"] = health.error
    shared |= {"evaluationTime": health.seconds, "lastEvaluation": _time(health.evaluated_at)}
    if not isinstance(rule, AlertingRule) or run.states is None:
        return shared | {"type": "recording"}
    return shared | {
        "type": "alerting",
        "state": run.states.state().value,
        "duration": rule.hold,
        "keepFiringFor": rule.keep,
        "annotations": dict(rule.annotations),
        "alerts": list(_alerts(run)) if alerts else [],
    }


def _alerts(run: RuleRun) -> Iterator[dict[str, Any]]:
    for alert in run.states.standing() if run.states is not None else ():
        yield _alert(alert)


def _alert(alert: Active) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "labels": dict(alert.labels),
        "annotations": alert.annotations,
        "state": alert.state.value,
        "activeAt": _time(alert.since / 1000),
        "value": _value(alert.value),
    }
    if alert.missed_at is not None:
        shown["keepFiringSince"] = _time(alert.missed_at / 1000)
    return shown


def _time(seconds: float | None) -> str:
    """As Go's RFC 3339; its zero time stands for never."""
    if seconds is None:
        return "0001-01-01T00:00:00Z"
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=round(seconds * 1000))
    fraction = f"{moment.microsecond / 1e6:.3f}"[1:].rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _value(value: float) -> str:
    """As strconv.FormatFloat(value, 'e', -1, 64)."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    digits, exponent = digits_of(value)
    sign = "-" if math.copysign(1, value) < 0 else ""
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
