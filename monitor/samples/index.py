"""Finds the series that fit a selector, by label; what was found is kept until a series comes or goes."""

from collections.abc import Collection, Mapping

from alerts.promql import Matcher
from monitor.samples.series import Series
from probes.base import Labels

#: Selectors whose series are remembered, and series remembered in all: selectors come from anybody, too.
_MAX_SELECTORS = 4096
_MAX_REMEMBERED = 1_000_000
_NAME = "__name__"
_PROBE = "probe"


class Index:
    """Series by metric name and by probe, one of which nearly every selector gives.

    Lists for all other labels, such as a location that everything has, would cost more memory than the samples. One
    thread at a time changes the index; others may select meanwhile, without a lock. That is safe because CPython copies
    a dict or list in one step, and readers work on copies only.
    """

    def __init__(self) -> None:
        self._by_labels: dict[Labels, Series] = {}
        # Dictionaries without values are as quick as sets, and hold less air; the few series of a probe fit a list.
        self._by_name: dict[str, dict[Series, None]] = {}
        self._by_probe: dict[str, list[Series]] = {}
        self._uses: dict[str, dict[str, int]] = {}
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}
        self._changes = 0
        self._changes_of: dict[str, int] = {}
        self._remembered = 0
        self._found: dict[tuple[Matcher, ...], tuple[int, list[Series]]] = {}

    def __len__(self) -> int:
        return len(self._by_labels)

    def get(self, labels: Labels) -> Series | None:
        """The series with exactly these labels."""
        return self._by_labels.get(labels)

    def all(self) -> list[Series]:
        """Every series."""
        return list(self._by_labels.values())

    def label_names(self) -> list[str]:
        """Every label name in use, sorted."""
        return sorted(self._uses.copy())

    def label_values(self, name: str) -> list[str]:
        """Every value of a label, sorted."""
        return sorted(self._uses.get(name, {}).copy())

    def own(self, labels: Labels) -> Labels:
        """The same labels made of pairs that other series use already, which saves memory."""
        return tuple([self._pairs.setdefault(pair, pair) for pair in labels])

    def add(self, series: Series) -> None:
        """Take in a series, whose labels come from `own`."""
        self._by_labels[series.labels] = series
        for name, value in series.labels:
            uses = self._uses.setdefault(name, {})
            uses[value] = uses.get(value, 0) + 1
            if name == _NAME:
                self._by_name.setdefault(value, {})[series] = None
            elif name == _PROBE:
                self._by_probe.setdefault(value, []).append(series)
        self._changed(series)

    def remove(self, series: Series) -> None:
        """Forget a series."""
        del self._by_labels[series.labels]
        for name, value in series.labels:
            if name == _NAME:
                del self._by_name[value][series]
            elif name == _PROBE:
                self._by_probe[value].remove(series)
            uses = self._uses[name]
            uses[value] -= 1
            if not uses[value]:
                del uses[value]
                self._pairs.pop((name, value), None)
                if name == _NAME:
                    del self._by_name[value]
                elif name == _PROBE:
                    del self._by_probe[value]
                if not uses:
                    del self._uses[name]
        self._changed(series)

    def select(self, matchers: tuple[Matcher, ...]) -> list[Series]:
        """Every series that fits all matchers; of one name, the oldest first. The list is shared: do not change it."""
        name = next((m.value for m in matchers if m.name == _NAME and m.op == "="), None)
        changes = self._changes if name is None else self._changes_of.get(name, 0)
        found = self._found.get(matchers)
        if found is not None and found[0] == changes:
            return found[1]
        chosen = self._search(matchers)
        self._remembered += len(chosen)
        if len(self._found) >= _MAX_SELECTORS or self._remembered > _MAX_REMEMBERED:
            self._found.clear()
            self._remembered = len(chosen)
        self._found[matchers] = (changes, chosen)
        return chosen

    def _changed(self, series: Series) -> None:
        self._changes += 1
        name = next((value for key, value in series.labels if key == _NAME), "")
        self._changes_of[name] = self._changes

    def _search(self, matchers: tuple[Matcher, ...]) -> list[Series]:
        candidates, rest = self._candidates(matchers)
        return [series for series in candidates if all(m.matches_labels(series.labels) for m in rest)]

    def _candidates(self, matchers: tuple[Matcher, ...]) -> tuple[list[Series], list[Matcher]]:
        """The series that the most selective matcher leaves, and the matchers that are still to be asked."""
        best: list[Collection[Series]] | None = None
        chosen: Matcher | None = None
        for matcher in matchers:
            index = self._index_of(matcher.name)
            if index is None or matcher.matches(""):
                continue
            sets = _chosen(index, matcher)
            if best is None or sum(map(len, sets)) < sum(map(len, best)):
                best, chosen = sets, matcher
        if best is None:
            return self.all(), list(matchers)
        return [series for some in best for series in list(some)], [m for m in matchers if m is not chosen]

    def _index_of(self, label: str) -> Mapping[str, Collection[Series]] | None:
        return self._by_name if label == _NAME else self._by_probe if label == _PROBE else None


def _chosen(index: Mapping[str, Collection[Series]], matcher: Matcher) -> list[Collection[Series]]:
    if matcher.literals is not None:
        return [some for value in sorted(matcher.literals) if (some := index.get(value)) is not None]
    return [some for value, some in list(index.items()) if matcher.matches(value)]
