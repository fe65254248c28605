"""Turns objectives into ordinary Prometheus rules: error ratios, the budget that is left, and burn-rate alerts.

The recorded series are named as Sloth names them (https://sloth.dev): `slo:sli_error:ratio_rate1h` for each window,
`slo:period_error_budget_remaining:ratio` and so on, each with the label `slo`. So its dashboards fit, too.
"""

from collections.abc import Iterable
from typing import Any

import yaml

from alerts.burnrate import Burn, fast, slow
from alerts.objective import WINDOW, Objective
from alerts.promql import parse
from alerts.promql.node import Selector
from probes.units import format_duration

#: The name of the file that they stand in when they are exported.
FILE = "objectives.yml"
FAST, SLOW = "ErrorBudgetBurnFast", "ErrorBudgetBurnSlow"
#: Whoever makes the counters of an objective in PromQL, it is not one of our probes.
_FOREIGN = "  # rules check: allow metric"
#: How often windows of minutes and hours are looked at, and those of days.
_SOON, _SELDOM = "30s", "2m"
_DAY = 86_400.0
_HEAD = "# Made from the objectives of a Shopwatch config by `shopwatch rules export`; change them there.\n"
_LOOKS = "probe_results_total{{probe={probe},outcome={outcome}}}"
_TIMED = "probe_latency_seconds_{part}{{probe={probe},outcome={outcome}{le}}}"
_SERVED, _COULD_LOOK = '~"up|degraded"', '~"up|degraded|down"'

Rule = dict[str, Any]


def rules_text(objectives: Iterable[Objective]) -> str:
    """The rules of these objectives as a Prometheus rule file. Each objective has two groups."""
    return _HEAD + "groups:\n" + "".join(map(_text_of, objectives))


def _text_of(objective: Objective) -> str:
    text = yaml.dump(_groups(objective), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    if objective.of:
        return str(text)
    return str(text).replace("\n  - record: slo:sli", f"\n{_FOREIGN}\n  - record: slo:sli")


def _groups(objective: Objective) -> list[Rule]:
    quick, lasting = fast(objective.period, objective.budget), slow(objective.period, objective.budget)
    soon = {window for burn in quick for window in (burn.short, burn.long)}
    seldom = {window for burn in lasting for window in (burn.short, burn.long)} - soon
    counted = {burn.long for burn in (*quick, *lasting)}
    near = [*_windows(objective, soon, counted), *_alert(objective, FAST, quick, "page")]
    far = [
        *_windows(objective, seldom, counted),
        *_budget(objective, min(soon | seldom)),
        *_alert(objective, SLOW, lasting, "ticket"),
    ]
    name = f"slo {objective.name}"
    groups = [{"name": f"{name}, long windows", "interval": _SELDOM, "rules": far}]
    return [{"name": name, "interval": _SOON, "rules": near}, *groups] if near else groups


def _windows(objective: Objective, windows: set[float], counted: set[float]) -> list[Rule]:
    """For each window the ratio of errors, and for those that are guarded their number."""
    rules = []
    for window in sorted(windows):
        rules.append(
            _record(objective, f"slo:sli_error:ratio_rate{format_duration(window)}", _ratio(objective, window))
        )
        if window in counted:
            rules.append(
                _record(objective, f"slo:sli_errors:increase{format_duration(window)}", _errors(objective, window))
            )
    return rules


def _budget(objective: Objective, shortest: float) -> list[Rule]:
    """What is promised, how fast it burns, and how much of the budget is left."""
    which = f'{{slo="{objective.name}"}}'
    period, now = format_duration(objective.period), format_duration(shortest)
    return [
        _record(objective, f"slo:sli_error:ratio_rate{period}", _ratio(objective, objective.period)),
        _record(objective, "slo:objective:ratio", f"vector({objective.objective:.12g})"),
        _record(objective, "slo:error_budget:ratio", f"vector({objective.budget:.12g})"),
        _record(objective, "slo:time_period:days", f"vector({objective.period / _DAY:.12g})"),
        _record(
            objective, "slo:current_burn_rate:ratio", f"slo:sli_error:ratio_rate{now}{which} / {objective.budget:.12g}"
        ),
        _record(
            objective,
            "slo:period_burn_rate:ratio",
            f"slo:sli_error:ratio_rate{period}{which} / {objective.budget:.12g}",
        ),
        _record(objective, "slo:period_error_budget_remaining:ratio", f"1 - slo:period_burn_rate:ratio{which}"),
    ]


def _alert(objective: Objective, name: str, burns: tuple[Burn, ...], severity: str) -> list[Rule]:
    """One alert for all rates of one urgency; none where the budget is so large that no rate can be reached."""
    if not burns:
        return []
    period, slowest = format_duration(objective.period), min(burn.rate for burn in burns)
    rest = _in_words(objective.period / slowest)
    return [
        {
            "alert": name,
            "expr": "\nor\n".join(_condition(objective, burn) for burn in burns) + "\n",
            "labels": {"severity": severity, "owner": objective.owner, "slo": objective.name},
            "annotations": {
                "summary": f"{objective.name} fails {{{{ $value | humanizePercentage }}}} of the time; "
                f"{objective.budget * 100:.10g}% is what it may",
                "description": f"At this pace the error budget of {period} lasts {rest} at most. "
                f"{objective.objective * 100:.10g}% has to go well.",
                "runbook_url": f"runbooks/{name}",
            },
        }
    ]


def _condition(objective: Objective, burn: Burn) -> str:
    which = f'{{slo="{objective.name}"}}'
    long, limit = format_duration(burn.long), f"({burn.rate:g} * {objective.budget:.12g})"
    return (
        "(\n"
        f"  slo:sli_error:ratio_rate{long}{which} > {limit}\n"
        f"  and slo:sli_error:ratio_rate{format_duration(burn.short)}{which} > {limit}\n"
        f"  and slo:sli_errors:increase{long}{which} >= {objective.at_least}\n"
        ")"
    )


def _in_words(seconds: float) -> str:
    days = seconds / _DAY
    return f"{days:.0f} days" if days >= 2 else f"{seconds / 3600:.0f} hours"


def _record(objective: Objective, name: str, expr: str) -> Rule:
    labels = {"slo": objective.name} | ({"probe": objective.of} if objective.of else {})
    return {"record": name, "expr": expr, "labels": labels}


# What is counted


def _ratio(objective: Objective, window: float) -> str:
    """Nothing where nothing could be counted: a time without looks is neither good nor bad."""
    return f"{_errors(objective, window)} / ({_total(objective, window)} > 0)"


def _total(objective: Objective, window: float) -> str:
    if objective.total is not None:
        return _over(objective.total, window)
    if objective.faster_than is None:
        return _over(_LOOKS.format(probe=_quoted(objective.of), outcome=_COULD_LOOK), window)
    return _over(_TIMED.format(part="count", probe=_quoted(objective.of), outcome=_COULD_LOOK, le=""), window)


def _errors(objective: Objective, window: float) -> str:
    if objective.bad is not None:
        # Many programs show a counter of errors only from the first error on.
        return f"({_over(objective.bad, window)} or 0 * {_total(objective, window)})"
    if objective.good is not None:
        return _missing(objective, _over(objective.good, window), window)
    if objective.faster_than is None:
        return _over(_LOOKS.format(probe=_quoted(objective.of), outcome='"down"'), window)
    # A look that failed was not fast either, however soon it failed; and a timeout must not improve the latency.
    le = f',le="{float(objective.faster_than)!r}"'
    good = _TIMED.format(part="bucket", probe=_quoted(objective.of), outcome=_SERVED, le=le)
    return _missing(objective, _over(good, window), window)


def _missing(objective: Objective, good: str, window: float) -> str:
    total = _total(objective, window)
    return f"clamp_min({total} - ({good} or 0 * {total}), 0)"


def _over(text: str, window: float) -> str:
    """A counter's growth over a window, or the expression with the window filled in."""
    length = format_duration(window)
    if isinstance(parse(text.replace(WINDOW, length)).root, Selector):
        return f"sum(increase({text.strip()}[{length}]))"
    return f"({text.strip().replace(WINDOW, length)})"


def _quoted(text: str) -> str:
    return f'"{text}"'  # a probe's name holds neither quotes nor backslashes (probes.settings.Name)


class _Dumper(yaml.SafeDumper):
    """Writes expressions of several lines as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
