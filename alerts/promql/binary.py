"""Operators between numbers, between series and a number, and between series that match by their labels."""

from alerts.promql import labels as labelset
from alerts.promql.arithmetic import COMPARISONS, OPERATIONS
from alerts.promql.column import Column, Values
from alerts.promql.errors import PromqlError
from alerts.promql.node import Binary, Matching
from alerts.promql.run import Run
from alerts.promql.setoperator import SET_OPERATORS
from probes.base import Labels


def scalars(run: Run, node: Binary, left: list[float], right: list[float]) -> list[float]:
    """Number and number. Comparisons answer 0 or 1."""
    run.budget.spend(len(left))
    if node.op in OPERATIONS:
        return list(map(OPERATIONS[node.op], left, right))
    return [float(answer) for answer in map(COMPARISONS[node.op], left, right)]


def scalar_and_vector(
    run: Run, node: Binary, numbers: list[float], columns: list[Column], *, swapped: bool
) -> list[Column]:
    """Each series with the number. `swapped`: the number stands on the left."""
    run.budget.spend(len(columns) * len(numbers))
    filters = node.op in COMPARISONS and not node.bool
    result = []
    for column in columns:
        values = [
            None if value is None else _one(node, number, value, value) if swapped else _one(node, value, number, value)
            for value, number in zip(column.values, numbers, strict=True)
        ]
        if not filters or any(value is not None for value in values):
            result.append(Column(column.labels, values, column.drop_name or not filters))
    return result


def _one(node: Binary, left: float, right: float, kept: float) -> float | None:
    """One operation; a comparison that filters answers `kept` or nothing."""
    if node.op in OPERATIONS:
        return OPERATIONS[node.op](left, right)
    answer = COMPARISONS[node.op](left, right)
    if node.bool:
        return float(answer)
    return kept if answer else None


def vectors(run: Run, node: Binary, left: list[Column], right: list[Column]) -> list[Column]:
    """Series with series. Raises PromqlError where several would match, and nothing says which."""
    steps = len(run.times)
    run.budget.spend((len(left) + len(right)) * steps)
    matching = node.matching
    key = labelset.grouping(matching.labels, only=matching.on)
    if node.op in SET_OPERATORS:
        return SET_OPERATORS[node.op](left, right, key, steps)
    many, one = (right, left) if matching.many == "right" else (left, right)
    ones: dict[Labels, list[Column]] = {}
    for column in one:
        ones.setdefault(key(column.labels), []).append(column)
    matched: dict[Labels, list[Column]] = {}
    for column in many:
        matched.setdefault(key(column.labels), []).append(column)
    _refuse_two_on_one_side(ones, many, node)
    result: list[Column] = []
    for signature, columns in matched.items():
        if partners := ones.get(signature):
            result.extend(_match(run, node, columns, partners, steps))
    return result


def _refuse_two_on_one_side(ones: dict[Labels, list[Column]], many: list[Column], node: Binary) -> None:
    for signature, columns in ones.items():
        if len(columns) < 2:
            continue
        for step, row in enumerate(zip(*[column.values for column in columns], strict=True)):
            # Where the other side has nothing at all, Prometheus does not look for doubles either.
            if row.count(None) < len(row) - 1 and any(column.values[step] is not None for column in many):
                present = [column for column, value in zip(columns, row, strict=True) if value is not None]
                first, second = sorted(column.labels for column in present)[:2]
                side = "left" if node.matching.many == "right" else "right"
                raise PromqlError(
                    f"found duplicate series for the match group {labelset.write(signature)} on the {side} hand-side "
                    f"of the operation: [{labelset.write(first)}, {labelset.write(second)}];many-to-many matching not "
                    "allowed: matching labels must be unique on one side"
                )


def _match(run: Run, node: Binary, many: list[Column], ones: list[Column], steps: int) -> list[Column]:
    """The answers of one match group, a column for each label set."""
    swapped = node.matching.many == "right"
    filters = node.op in COMPARISONS and not node.bool
    results: dict[Labels, Column] = {}
    taken: dict[Labels, list[bool]] = {}
    for column in many:
        for partner in ones:
            labels = _result_labels(node, column.labels, partner.labels)
            # In a one-to-one match the whole group may answer only once, whatever the labels.
            seen = taken.setdefault(() if node.matching.many is None else labels, [False] * steps)
            out = results.get(labels)
            if out is None:
                # Arithmetic has taken the name away already, and group_left(__name__) may have set another.
                out = results[labels] = Column(labels, [None] * steps, node.bool or (filters and column.drop_name))
            _combine(node, column.values, partner.values, out.values, seen, swapped)
            run.budget.spend(steps)
    return [column for column in results.values() if any(value is not None for value in column.values)]


def _combine(node: Binary, many: Values, one: Values, out: Values, seen: list[bool], swapped: bool) -> None:
    for step, (mine, theirs) in enumerate(zip(many, one, strict=True)):
        if mine is None or theirs is None:
            continue
        if seen[step]:
            raise PromqlError(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                if node.matching.many is None
                else "multiple matches for labels: grouping labels must ensure unique matches"
            )
        seen[step] = True
        left, right = (theirs, mine) if swapped else (mine, theirs)
        value = _one(node, left, right, left)
        if value is not None:
            out[step] = value


def _result_labels(node: Binary, many: Labels, one: Labels) -> Labels:
    matching: Matching = node.matching
    labels = labelset.drop_name(many) if node.op in OPERATIONS else many
    if matching.many is None:
        names = matching.labels
        labels = labelset.keeping(labels, names) if matching.on else labelset.without(labels, names)
    if matching.include:
        labels = labelset.replace(labels, [(name, labelset.get(one, name)) for name in matching.include])
    return labels
