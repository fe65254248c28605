"""The page in OpenMetrics 1.0: the lines of the text format under other heads, with exemplars.

https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from monitor.metrics.family import COMPOSED, Family
from monitor.metrics.text import write_value

#: Adds exemplars to a block's lines of one family, for those blocks that have any.
Marks = Mapping[object, Callable[[bytes], bytes]]

_CLAIMS = {
    "counter": ("_total", "_created"),
    "histogram": ("_bucket", "_sum", "_count", "_created"),
    "summary": ("_sum", "_count", "_created"),
}


def openmetrics(families: Iterable[Family], marks: Mapping[str, Marks]) -> bytes:
    """The page. `marks` are by family.

    OpenMetrics is stricter than the text format: it wants `_total` on counters, whole histograms, and no name that two
    families could both mean. A family that does not keep to that is of kind `unknown`, and its lines stay as they are.
    """
    shown = [family for family in families if family.lines]
    typed = _typed(shown)
    page: dict[str, tuple[bytes, list[bytes]]] = {}
    for family in shown:
        if family.name in typed:
            name = _base(family)
            page[name] = _head(name, family.kind, family.help), _marked(family, marks.get(family.name, {}))
            continue
        kind = "gauge" if family.kind == "gauge" else "unknown"
        for name, lines in _by_name(family).items():
            page.setdefault(name, (_head(name, kind, family.help), []))[1].extend(lines)
    return b"".join([part for _, (head, lines) in sorted(page.items()) for part in (head, *lines)]) + b"# EOF\n"


def _typed(families: list[Family]) -> set[str]:
    """The counters, histograms and summaries that may say so: their lines keep the form, their names are theirs."""
    claims = {family.name: _claims(family) for family in families if not family.odd and family.kind in _CLAIMS}
    claims = {name: claimed for name, claimed in claims.items() if claimed}
    while True:
        claimed = Counter(name for family in families for name in claims.get(family.name, ()) or _plain_names(family))
        left = {name: names for name, names in claims.items() if all(claimed[one] == 1 for one in names)}
        if len(left) == len(claims):
            return set(left)
        claims = left


def _claims(family: Family) -> tuple[str, ...]:
    """Every name that is a typed family's alone; none if it cannot be typed."""
    if family.kind == "counter" and not family.name.endswith("_total"):
        return ()
    base = _base(family)
    return (base, *(base + suffix for suffix in _CLAIMS[family.kind]))


def _plain_names(family: Family) -> tuple[str, ...]:
    """The names of a family's lines where each name is a family of its own."""
    parts = _CLAIMS[family.kind][:-1] if family.kind in COMPOSED else ()
    return (family.name, *(family.name + part for part in parts))


def _base(family: Family) -> str:
    return family.name.removesuffix("_total") if family.kind == "counter" else family.name


def _head(name: str, kind: str, text: str) -> bytes:
    return f"# HELP {name} {write_value(text)}\n# TYPE {name} {kind}\n".encode("utf-8", "replace")


def _marked(family: Family, marks: Marks) -> list[bytes]:
    if not marks:
        return family.written()
    pairs = zip(family.lines, family.written(), strict=True)
    return [marks[block](lines) if block in marks else lines for block, lines in pairs]


def _by_name(family: Family) -> dict[str, list[bytes]]:
    """A family's lines by the name that they begin with."""
    if family.kind not in COMPOSED:
        return {family.name: family.written()}
    named: dict[str, list[bytes]] = {}
    for lines in family.written():
        for line in lines.split(b"\n")[:-1]:
            named.setdefault(line[: _end_of_name(line)].decode(), []).append(line + b"\n")
    return named


def _end_of_name(line: bytes) -> int:
    brace, space = line.find(b"{"), line.find(b" ")
    return min(brace, space) if brace >= 0 else space
