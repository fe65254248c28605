"""Finds the series that fit a selector, by label; what was found is kept until a series comes or goes."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from alerts.promql import Matcher
from monitor.samples.form import NAME, PROBE, Form
from monitor.samples.series import Seat, Series
from monitor.samples.sheet import Sheet
from probes.base import Labels

#: Selectors whose series are remembered, and series remembered in all: selectors come from anybody, too.
_MAX_SELECTORS = 4096
_MAX_REMEMBERED = 1_000_000


class Index:
    """Series by metric name and by probe, one of which nearly every selector gives.

    Lists for all other labels, such as a location that everything has, would cost more memory than the samples; so
    would lists of what is on sheets, which are found by their forms. One thread at a time changes the index; others may
    select meanwhile, without a lock. That is safe because CPython copies a dict or list in one step, and readers work
    on copies only.
    """

    def __init__(self) -> None:
        self._single: dict[Labels, Series] = {}
        # Dictionaries without values are as quick as sets, and keep their order.
        self._single_of: dict[str, dict[Series, None]] = {}
        self._forms: dict[tuple[tuple[Labels, ...], tuple[str, ...]], Form] = {}
        self._forms_of: dict[str, dict[Form, None]] = {}
        self._by_probe: dict[str, list[Series | Sheet]] = {}
        self._uses: dict[str, dict[str, int]] = {}
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}
        self._series = 0
        self._moves = 0
        self._changes = 0
        self._changes_of: dict[str, int] = {}
        self._remembered = 0
        self._found: dict[tuple[Matcher, ...], tuple[int, list[Series | Seat]]] = {}

    def __len__(self) -> int:
        return self._series

    def get(self, labels: Labels) -> Series | Seat | None:
        """The series with exactly these labels."""
        single = self._single.get(labels)
        if single is not None:
            return single
        probe = next((value for name, value in labels if name == PROBE), "")
        for one in self._by_probe.get(probe, ()):
            if isinstance(one, Sheet) and (place := one.form.place(one.base, labels)) is not None:
                return Seat(one, place)
        return None

    def all(self) -> list[Series | Sheet]:
        """Every sheet, and every series that is on none."""
        return [
            *list(self._single.values()),
            *(sheet for form in list(self._forms.values()) for sheet in list(form.sheets)),
        ]

    def label_names(self) -> list[str]:
        """Every label name in use, sorted."""
        return sorted(self._uses.copy())

    def label_values(self, name: str) -> list[str]:
        """Every value of a label, sorted."""
        return sorted(self._uses.get(name, {}).copy())

    def own(self, labels: Labels) -> Labels:
        """The same labels made of pairs that other series use already, which saves memory."""
        return tuple([self._pairs.setdefault(pair, pair) for pair in labels])

    def form(self, own: Iterable[Labels], base: Labels) -> Form:
        """The form of sheets of these series."""
        key = tuple(own), tuple([name for name, _ in base])
        form = self._forms.get(key)
        return form if form is not None else Form(*key)

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Meanwhile series go from one place to another, and a reader may see them at both or at none."""
        self._moves += 1
        try:
            yield
        finally:
            self._moves += 1

    def add(self, one: Series | Sheet) -> None:
        """Take in a sheet with all its series, or a series by itself, whose labels come from `own`."""
        if isinstance(one, Sheet):
            self._add_sheet(one)
        else:
            self._single[one.labels] = one
            self._single_of.setdefault(_value(one.labels, NAME), {})[one] = None
            self._use(one.labels)
            if probe := _value(one.labels, PROBE):
                self._by_probe.setdefault(probe, []).append(one)
            self._changed([_value(one.labels, NAME)], 1)

    def remove(self, one: Series | Sheet) -> None:
        """Forget a sheet with all its series, or a series by itself."""
        if isinstance(one, Sheet):
            self._remove_sheet(one)
        else:
            name = _value(one.labels, NAME)
            del self._single[one.labels]
            del self._single_of[name][one]
            if not self._single_of[name]:
                del self._single_of[name]
            if probe := _value(one.labels, PROBE):
                self._leave(probe, one)
            self._use(one.labels, -1)
            self._changed([name], -1)

    def holds(self, one: Series | Sheet) -> bool:
        """Whether it is still here."""
        return not one.torn if isinstance(one, Sheet) else self._single.get(one.labels) is one

    def select(self, matchers: tuple[Matcher, ...]) -> list[Series | Seat] | None:
        """Every series that fits all matchers, in an order that is the same in every process.

        The list is shared: do not change it. None if series moved meanwhile, so that it has to be asked again.
        """
        name = next((m.value for m in matchers if m.name == NAME and m.op == "="), None)
        moves, changes = self._moves, self._changes if name is None else self._changes_of.get(name, 0)
        found = self._found.get(matchers)
        if found is not None and found[0] == changes:
            return found[1]
        chosen = self._search(matchers)
        if moves % 2 or moves != self._moves:
            return None
        self._remembered += len(chosen)
        if len(self._found) >= _MAX_SELECTORS or self._remembered > _MAX_REMEMBERED:
            self._found.clear()
            self._remembered = len(chosen)
        self._found[matchers] = (changes, chosen)
        return chosen

    def _add_sheet(self, sheet: Sheet) -> None:
        form = sheet.form
        if not form.sheets:
            self._forms[form.own, form.beside] = form
            for name in form.names:
                self._forms_of.setdefault(name, {})[form] = None
            for own in form.own:
                self._use(own)
        form.sheets[sheet] = None
        self._use(sheet.base)
        for probe in form.probes_of(sheet.base):
            self._by_probe.setdefault(probe, []).append(sheet)
        self._changed(form.names, form.width)

    def _remove_sheet(self, sheet: Sheet) -> None:
        form = sheet.form
        sheet.torn = True
        del form.sheets[sheet]
        for probe in form.probes_of(sheet.base):
            self._leave(probe, sheet)
        self._use(sheet.base, -1)
        if not form.sheets:
            del self._forms[form.own, form.beside]
            for name in form.names:
                del self._forms_of[name][form]
                if not self._forms_of[name]:
                    del self._forms_of[name]
            for own in form.own:
                self._use(own, -1)
        self._changed(form.names, -form.width)

    def _leave(self, probe: str, one: Series | Sheet) -> None:
        self._by_probe[probe].remove(one)
        if not self._by_probe[probe]:
            del self._by_probe[probe]

    def _use(self, labels: Labels, more: int = 1) -> None:
        """Count how often label values are in use."""
        for name, value in labels:
            uses = self._uses.setdefault(name, {})
            uses[value] = uses.get(value, 0) + more
            if not uses[value]:
                del uses[value]
                self._pairs.pop((name, value), None)
                if not uses:
                    del self._uses[name]

    def _changed(self, names: Iterable[str], more: int) -> None:
        self._series += more
        self._changes += 1
        for name in names:
            self._changes_of[name] = self._changes

    def _search(self, matchers: tuple[Matcher, ...]) -> list[Series | Seat]:
        """Ask only what the most selective condition leaves: of a probe or some, of a metric, or else of everything."""
        whose = next((m for m in matchers if m.name == PROBE and m.literals is not None and not m.matches("")), None)
        if whose is not None and whose.literals is not None:
            units = dict.fromkeys(
                one for probe in sorted(whose.literals) for one in list(self._by_probe.get(probe, ()))
            )
            return [found for one in units for found in _fitting_of(one, matchers)]
        which = next((m for m in matchers if m.name == NAME and not m.matches("")), None)
        if which is None:
            return [found for one in self.all() for found in _fitting_of(one, matchers)]
        rest = [m for m in matchers if m is not which]
        return [found for name in self._names(which) for found in self._of_name(name, rest)]

    def _names(self, matcher: Matcher) -> list[str]:
        if matcher.literals is not None:
            return sorted(matcher.literals)
        return sorted(name for name in self._uses.get(NAME, {}).copy() if matcher.matches(name))

    def _of_name(self, name: str, matchers: list[Matcher]) -> Iterator[Series | Seat]:
        for form in list(self._forms_of.get(name, ())):
            yield from _fitting(form, list(form.sheets), matchers, form.names[name])
        for single in list(self._single_of.get(name, ())):
            if all(m.matches_labels(single.labels) for m in matchers):
                yield single


def _value(labels: Labels, name: str) -> str:
    return next((value for key, value in labels if key == name), "")


def _fitting_of(one: Series | Sheet, matchers: Iterable[Matcher]) -> Iterable[Series | Seat]:
    if isinstance(one, Sheet):
        return _fitting(one.form, [one], matchers, range(one.form.width))
    return [one] if all(m.matches_labels(one.labels) for m in matchers) else []


def _fitting(
    form: Form, sheets: Iterable[Sheet], matchers: Iterable[Matcher], places: Collection[int]
) -> Iterator[Series | Seat]:
    """Every series at some places of sheets of one form that fits all matchers."""
    places, rest = form.fitting(matchers, places)
    if places:
        for sheet in sheets:
            if all(m.matches_labels(sheet.base) for m in rest):
                for place in places:
                    yield Seat(sheet, place)
