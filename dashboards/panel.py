"""The panels of a dashboard: each has a title, a unit and at least one query, in Grafana's classic (v1) JSON.

Classic JSON is what Grafana 10 to 13 all take. https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from dataclasses import dataclass, field
from typing import Any

#: Every query goes to the data source that the reader chose at the top of the dashboard.
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

GREEN, YELLOW, RED = "green", "yellow", "red"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and the legend of what it answers; `instant` asks for the newest value only.

    `exemplars` shows the looks behind the numbers as dots, each of which leads to its look.
    """

    expr: str
    legend: str = ""
    instant: bool = False
    exemplars: bool = False

    def json(self, letter: str) -> Json:
        """The query as a target of a panel."""
        kind = (
            {"instant": True, "range": False, "format": "table"} if self.instant else {"instant": False, "range": True}
        )
        dots = {"exemplar": True} if self.exemplars else {}
        return {
            "refId": letter,
            "datasource": DATASOURCE,
            "expr": self.expr,
            "legendFormat": self.legend,
            **kind,
            **dots,
        }


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `unit` is one of Grafana's unit ids (s, bytes, percentunit, short …); `width` is of 24 columns."""

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 12
    height: int = 8
    help: str = ""
    thresholds: tuple[tuple[float | None, str], ...] = ((None, GREEN),)
    mappings: tuple[tuple[str, str, str], ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    custom: Json = field(default_factory=dict)
    options: Json = field(default_factory=dict)
    transformations: tuple[Json, ...] = ()

    def json(self, number: int, x: int, y: int) -> Json:
        """The panel at its place on the grid."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.help,
            "datasource": DATASOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "targets": [query.json(chr(ord("A") + index)) for index, query in enumerate(self.queries)],
            "fieldConfig": {"defaults": self._defaults(), "overrides": []},
            "options": self.options,
            "transformations": list(self.transformations),
        }

    def _defaults(self) -> Json:
        steps = [{"value": value, "color": colour} for value, colour in self.thresholds]
        defaults: Json = {
            "unit": self.unit,
            "thresholds": {"mode": "absolute", "steps": steps},
            "custom": self.custom,
            "mappings": self._mappings(),
        }
        if self.minimum is not None:
            defaults["min"] = self.minimum
        if self.maximum is not None:
            defaults["max"] = self.maximum
        return defaults

    def _mappings(self) -> list[Json]:
        if not self.mappings:
            return []
        words = {
            value: {"text": text, "color": colour, "index": index}
            for index, (value, text, colour) in enumerate(self.mappings)
        }
        return [{"type": "value", "options": words}]


def series(title: str, *queries: Query, unit: str = "short", **more: Any) -> Panel:
    """Lines over time."""
    legend = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi"},
    }
    custom = {"lineWidth": 1, "fillOpacity": 8, "showPoints": "never", "spanNulls": False}
    return Panel(title, queries, unit, "timeseries", options=legend, custom=custom, **more)


def stat(title: str, *queries: Query, unit: str = "short", **more: Any) -> Panel:
    """One large number a series, coloured by its thresholds."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "background",
        "graphMode": "none",
        "textMode": "value_and_name",
    }
    return Panel(title, queries, unit, "stat", options=options, **{"width": 6, "height": 5, **more})


def timeline(title: str, *queries: Query, **more: Any) -> Panel:
    """A band a series, coloured by its state over time."""
    options = {"mergeValues": True, "showValue": "never", "legend": {"showLegend": False}}
    return Panel(title, queries, "short", "state-timeline", options=options, custom={"fillOpacity": 80}, **more)


def table(title: str, *queries: Query, unit: str = "short", hide: tuple[str, ...] = (), **more: Any) -> Panel:
    """The newest values, a row a series."""
    hidden = dict.fromkeys(("Time", "__name__", "job", "instance", *hide), True)
    organize = {"id": "organize", "options": {"excludeByName": hidden}}
    return Panel(title, queries, unit, "table", transformations=({"id": "merge", "options": {}}, organize), **more)
