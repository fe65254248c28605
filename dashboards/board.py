"""A dashboard: rows of panels, flowed over the grid, with a data source and a few variables to choose at the top."""

import json
from dataclasses import dataclass

from dashboards.panel import DATASOURCE, Json, Panel

_COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top of the dashboard: the values of one label of one metric."""

    name: str
    metric: str
    label: str

    def json(self) -> Json:
        """The variable as Grafana keeps it; "All" matches every series, those without the label too."""
        query = f"label_values({self.metric}, {self.label})"
        return {
            "name": self.name,
            "type": "query",
            "datasource": DATASOURCE,
            "query": {"query": query, "refId": self.name},
            "definition": query,
            "refresh": 2,
            "includeAll": True,
            "allValue": ".*",
            "multi": True,
            "sort": 1,
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        }


@dataclass(frozen=True, slots=True)
class Row:
    """A titled row of panels."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """A whole dashboard. `uid` stays the same for ever: links and bookmarks use it."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()

    def panels(self) -> list[Panel]:
        """Every panel, in reading order."""
        return [panel for row in self.rows for panel in row.panels]

    def text(self) -> str:
        """The JSON to commit: stable, indented, with a line end."""
        return json.dumps(self.json(), indent=2, ensure_ascii=False) + "\n"

    def json(self) -> Json:
        """The dashboard in Grafana's classic model."""
        source = {
            "name": "datasource",
            "type": "datasource",
            "query": "prometheus",
            "label": "Data source",
            "current": {},
        }
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["shopwatch"],
            "schemaVersion": 39,
            "version": 1,
            "editable": True,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "timezone": "browser",
            "templating": {"list": [source, *(variable.json() for variable in self.variables)]},
            "annotations": {"list": [self._alerts()]},
            "links": [{"type": "dashboards", "tags": ["shopwatch"], "title": "Shopwatch", "asDropdown": True}],
            "panels": self._layout(),
        }

    def _layout(self) -> list[Json]:
        placed: list[Json] = []
        y = 0
        for row in self.rows:
            grid = {"h": 1, "w": _COLUMNS, "x": 0, "y": y}
            placed.append(
                {
                    "id": len(placed) + 1,
                    "type": "row",
                    "title": row.title,
                    "collapsed": False,
                    "panels": [],
                    "gridPos": grid,
                }
            )
            x, y, height = 0, y + 1, 0
            for panel in row.panels:
                if x + panel.width > _COLUMNS:
                    x, y, height = 0, y + height, 0
                placed.append(panel.json(len(placed) + 1, x, y))
                x, height = x + panel.width, max(height, panel.height)
            y += height
        return placed

    @staticmethod
    def _alerts() -> Json:
        return {
            "name": "Alerts",
            "enable": True,
            "datasource": DATASOURCE,
            "expr": 'ALERTS{alertstate="firing", severity="page"}',
            "titleFormat": "{{alertname}}",
            "textFormat": "{{probe}}{{backup}}",
            "iconColor": "red",
            "step": "30s",
        }
