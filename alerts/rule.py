"""An alert rule: when is something wrong, for how long before anyone is told, and what is said about it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from alerts.template import Template
from probes.base import Labels
from probes.yamlfile import Place

#: One element of a rule's expression: the labels of a series (`__name__` among them where it was kept) and its value.
Element = tuple[Labels, float]
#: Answers a PromQL expression at a time in milliseconds, UTC; a scalar is one element without labels.
Query = Callable[[str, int], Iterable[Element]]


class RuleFailed(Exception):
    """A rule could not be evaluated; the message says why. What it said before still stands."""


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """A rule that stores its expression's answer as new series named `record`."""

    record: str
    expr: str
    labels: Labels = ()
    place: Place = field(default=Place(""), compare=False)
    expr_place: Place = field(default=Place(""), compare=False)

    @property
    def name(self) -> str:
        """The name of the series that it records."""
        return self.record


@dataclass(frozen=True, slots=True)
class AlertingRule:
    """A rule whose every answered series is an alert. Durations are seconds; labels and annotations are templates.

    `hold` is Prometheus' `for`: how long the expression must answer before the alert fires; `keep` is its
    `keep_firing_for`: how long the alert stays after the first evaluation without it.
    """

    alert: str
    expr: str
    hold: float = 0.0
    keep: float = 0.0
    labels: Labels = ()
    annotations: Labels = ()
    place: Place = field(default=Place(""), compare=False)
    expr_place: Place = field(default=Place(""), compare=False)
    label_texts: tuple[tuple[str, Template], ...] = field(init=False, compare=False, repr=False)
    annotation_texts: tuple[tuple[str, Template], ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Reads the templates; raises TemplateError."""
        for name, pairs in (("label_texts", self.labels), ("annotation_texts", self.annotations)):
            object.__setattr__(self, name, tuple((key, Template(text)) for key, text in pairs))

    @property
    def name(self) -> str:
        """The alert's name."""
        return self.alert


Rule = AlertingRule | RecordingRule


def identity(rule: Rule) -> tuple[str, str, Labels]:
    """What makes a rule the same rule after a reload: its kind, name and labels (Prometheus' Group.CopyState)."""
    kind = "alert" if isinstance(rule, AlertingRule) else "record"
    return kind, rule.name, rule.labels


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are evaluated together, in order, every `interval` seconds, `query_offset` seconds in the past.

    `limit` is how many alerts or series one rule may answer; 0 is any number.
    """

    name: str
    file: str
    interval: float
    rules: tuple[Rule, ...] = ()
    query_offset: float = 0.0
    limit: int = 0
    place: Place = field(default=Place(""), compare=False)

    @property
    def key(self) -> str:
        """The group's name in metrics and in the store: names are unique inside a file only."""
        return f"{self.file};{self.name}"


def milliseconds(seconds: float) -> int:
    """Whole milliseconds: what timestamps and durations of rules are counted in, so that sums are exact."""
    return round(seconds * 1000)
