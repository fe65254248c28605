"""What the reader of a rule remarks, and where."""

from collections.abc import Iterator
from typing import NamedTuple

from alerts.rule import Rule
from alerts.texts import place_inside
from probes.yamlfile import Place


class Remark(NamedTuple):
    """One thing that will not do its work; `check` is the name by which it can be allowed."""

    place: Place
    check: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message} [{self.check}]"


#: What a check answers: offsets into the expression (None: the rule as a whole) and sentences.
Found = Iterator[tuple[int | None, str]]


def place_of(rule: Rule, source: str, offset: int | None) -> Place:
    """The place of an offset into the rule's expression, as far as the file tells; else the rule's own."""
    if offset is None:
        return rule.place
    before = rule.expr[:offset]
    line, column = before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
    return place_inside(source, rule.expr_place, rule.expr, line, column)
