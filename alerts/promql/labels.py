"""What queries do with label sets: keep some, drop some, write them out."""

from collections.abc import Callable, Collection, Iterable

from alerts.promql.literal import quote
from probes.base import Labels

_NAME = "__name__"
#: What describes a metric rather than a series; it goes when the value is no longer the metric's own.
_METADATA = frozenset({_NAME, "__type__", "__unit__"})


def get(labels: Labels, name: str) -> str:
    """The value of a label, or an empty string."""
    for key, value in labels:
        if key == name:
            return value
    return ""


def without(labels: Labels, names: Collection[str]) -> Labels:
    """The label set less these labels."""
    return tuple([pair for pair in labels if pair[0] not in names])


def keeping(labels: Labels, names: Collection[str]) -> Labels:
    """Only these labels, as far as the label set has them."""
    return tuple([pair for pair in labels if pair[0] in names])


def drop_name(labels: Labels) -> Labels:
    """The label set less the name of the metric, its type and its unit."""
    return tuple([pair for pair in labels if pair[0] not in _METADATA])


def replace(labels: Labels, changes: Iterable[tuple[str, str]]) -> Labels:
    """The label set with other values for some labels; an empty value takes the label away."""
    changed = dict(labels)
    changed.update(changes)
    return tuple(sorted(pair for pair in changed.items() if pair[1]))


def grouping(names: Collection[str], *, only: bool) -> Callable[[Labels], Labels]:
    """What counts of a label set when series are grouped: only these labels, or all but these and the name."""
    if not only:
        dropped = frozenset((*names, _NAME))
        return lambda labels: without(labels, dropped)
    if not names:
        return lambda labels: ()
    kept = frozenset(names)
    return lambda labels: keeping(labels, kept)


def is_label_name(name: str) -> bool:
    """Whether Prometheus 3 takes it for a label's name: any UTF-8 text but the empty one."""
    return name != "" and not any("\udc80" <= character <= "\udcff" for character in name)


def write(labels: Labels) -> str:
    """`{__name__="up", job="shop"}`, as Prometheus writes a label set in its errors."""
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in labels) + "}"
