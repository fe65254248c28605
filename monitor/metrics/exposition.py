"""The page /metrics: joined from finished lines, so that a scrape costs next to nothing."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import ProcessCollector, disable_created_metrics

from monitor.metrics.block import Shape, Signature
from monitor.metrics.family import Families, Family
from monitor.metrics.openmetrics import openmetrics
from monitor.metrics.own import OwnRegistry, own_families
from monitor.metrics.text import Reading
from monitor.metrics.watched import OUR_SERIES, Watched
from monitor.prober.slots import Missed, interval
from monitor.samples import Columns
from probes import KINDS
from probes.base import COMMON_METRICS, AnyProbe, ProbeSettings, Result
from probes.registry import Registry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_MOST_SHAPES = 50_000


class Exposition:
    """What all probes found and how often they looked, and how Shopwatch itself is (`registry`).

    `location` is where it stands, `shard` which of that location's machines it is, if there are several.

    Every method that answers readings leaves it to the caller to append them to the samples in memory at the time
    `now` that it passed in (wall-clock seconds, UTC).
    """

    def __init__(self, location: str, kinds: Registry = KINDS, shard: str = "") -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own lack
        self.registry = OwnRegistry({"location": location, **({"shard": shard} if shard else {})})
        ProcessCollector(registry=self.registry)
        self._location = location
        self._kinds = kinds
        self._families = Families(COMMON_METRICS)
        self._shapes: dict[tuple[Signature, frozenset[str]], Shape] = {}
        self._watched: dict[str, Watched] = {}
        self._settings: dict[str, ProbeSettings] = {}
        self._own = Columns(())

    def configure(self, probes: Iterable[ProbeSettings], now: float) -> list[Reading]:
        """Show exactly these probes. One whose labels are unchanged keeps its counts; of one that left, series end."""
        wanted = {settings.name: settings for settings in probes}
        readings: list[Reading] = []
        for name, old in list(self._settings.items()):
            new = wanted.get(name)
            if new is None or (new.type, new.labels, new.owner) != (old.type, old.labels, old.owner):
                readings += self._watched.pop(name).clear()
        for name, settings in wanted.items():
            kind: type[AnyProbe] = self._kinds.get(settings.type)
            self._families.declare((*kind.metrics, *settings.named_metrics))
            if name not in self._watched:
                self._watched[name] = Watched(settings, interval(kind, settings), self._location, self._shape)
            self._watched[name].interval = interval(kind, settings)
            readings += self._watched[name].begin(now)
        self._settings = wanted
        return readings

    def update(self, result: Result, now: float) -> list[Reading]:
        """Show a new result."""
        watched = self._watched.get(result.probe)
        return watched.update(result, now) if watched else []

    def missed(self, missed: Missed, now: float) -> list[Reading]:
        """Count slots that ended without a look."""
        watched = self._watched.get(missed.probe)
        return watched.missed(missed, now) if watched else []

    def refresh(self, now: float) -> list[Reading]:
        """What to remember again, because nothing refreshed it for a minute, and how Shopwatch itself is now.

        Call it about every 15 s. Results that are overdue for five intervals, and five minutes, leave the page.
        """
        readings = [reading for watched in self._watched.values() for reading in watched.refresh(now)]
        return [*readings, self._own_reading()]

    def text(self) -> bytes:
        """The page, in Prometheus' text format 0.0.4."""
        return b"".join(self.parts())

    def parts(self) -> Iterator[bytes]:
        """The same page family by family: of thousands of probes it is tens of megabytes, and nobody needs all at once.

        Between two parts results may come in; each family is of one moment.
        """
        for family in self._shown():
            yield b"".join((family.header, *family.written()))

    def openmetrics(self) -> bytes:
        """The page in OpenMetrics 1.0, with exemplars: the newest look of each bucket, and of each failed outcome."""
        marks: dict[str, dict[object, Callable[[bytes], bytes]]] = defaultdict(dict)
        for watched in self._watched.values():
            for family, block, mark in watched.marks():
                marks[family][block] = mark
        return openmetrics(self._shown(), marks)

    def look(self, run_id: str) -> Result | None:
        """The look of this id, as much as its exemplar tells, if it is one now."""
        return next((found for watched in self._watched.values() if (found := watched.look(run_id))), None)

    def _shown(self) -> list[Family]:
        return self._families.with_own(own_families(self.registry))

    def _shape(self, signature: Signature, reserved: frozenset[str]) -> Shape:
        """The shape of these samples, made once. A probe that never repeats itself must not fill the memory."""
        key = (signature, reserved)
        shape = self._shapes.get(key)
        if shape is None:
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            taken = OUR_SERIES if reserved else frozenset()
            shape = self._shapes[key] = Shape(signature, self._families, reserved, taken)
        return shape

    def _own_reading(self) -> Reading:
        samples = [sample for family in self.registry.collect() for sample in family.samples]
        labels = [tuple(sorted([*sample.labels.items(), ("__name__", sample.name)])) for sample in samples]
        if labels != self._own.labels:
            self._own = Columns(labels)
        return Reading(self._own, [sample.value for sample in samples])
