"""A metric family: all lines of one metric stand together under one HELP and TYPE, whoever wrote them."""

from collections.abc import Iterable

from monitor.metrics.text import write_header
from probes.base import Metric

_PARTS = ("_bucket", "_sum", "_count")


class Family:
    """One metric and the finished lines of each block that has it."""

    __slots__ = ("header", "lines", "name")

    def __init__(self, metric: Metric) -> None:
        self.name = metric.name
        self.header = write_header(*metric)
        self.lines: dict[object, bytes] = {}


class Families:
    """Every family on the page, by name."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._families: dict[str, Family] = {}
        self._composed: set[str] = set()
        self.declare(metrics)

    def declare(self, metrics: Iterable[Metric]) -> None:
        """Promise these metrics; who promised a name first has said its type and help."""
        for metric in metrics:
            self._families.setdefault(metric.name, Family(metric))
            if metric.type in ("histogram", "summary"):
                self._composed.add(metric.name)

    def of(self, name: str) -> Family:
        """The family of a sample's name; a name that nobody promised becomes an untyped family of its own."""
        for part in _PARTS:
            whole = name.removesuffix(part)
            if whole != name and whole in self._composed:
                return self._families[whole]
        if name not in self._families:
            self._families[name] = Family(Metric(name, "untyped", "As reported by the probe."))
        return self._families[name]

    def text(self, own: dict[str, tuple[bytes, bytes]]) -> bytes:
        """The page. `own` holds header and lines of families that are not of probes, by name."""
        page: list[bytes] = []
        for name in sorted(self._families.keys() | own.keys()):
            family = self._families.get(name)
            header, lines = own.get(name, (b"", b""))
            if family is not None and family.lines:
                page.append(family.header)
                page.extend(family.lines.values())
            elif lines:
                page.append(header)
            page.append(lines)
        return b"".join(page)
