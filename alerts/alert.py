"""An alert: what a rule says is wrong, by its labels. The same whether we evaluated the rule or Prometheus did."""

from dataclasses import dataclass, field
from enum import StrEnum

from probes.base import Labels

_FNV_OFFSET, _FNV_PRIME, _U64 = 14695981039346656037, 1099511628211, (1 << 64) - 1


#: The source of alerts that our own rules made.
EMBEDDED = "embedded"
_SPEAKERS = {EMBEDDED: "Shopwatch's own rules", "prometheus": "Prometheus", "alertmanager": "Alertmanager"}


class Status(StrEnum):
    """Firing, resolved by its source, or stale: its source went quiet, which is no proof that all is well."""

    FIRING = "firing"
    RESOLVED = "resolved"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as its source last told it. Times are wall-clock seconds, UTC.

    `labels` are sorted pairs and include alertname. `started_at` is when it fired (Prometheus' startsAt);
    `expires_at` is when it counts as stale unless told again; `source` is embedded, prometheus or alertmanager.
    """

    labels: Labels
    status: Status
    started_at: float
    told_at: float
    annotations: dict[str, str] = field(default_factory=dict)
    value: float | None = None
    ended_at: float | None = None
    expires_at: float | None = None
    source: str = EMBEDDED
    generator_url: str = ""

    @property
    def name(self) -> str:
        """The rule's name: the label alertname."""
        return self.label("alertname")

    def label(self, name: str, default: str = "") -> str:
        """The value of one label."""
        return next((value for key, value in self.labels if key == name), default)

    @property
    def fingerprint(self) -> str:
        """16 hex digits that name this label set, as Alertmanager computes them."""
        return fingerprint(self.labels)


def speaker(source: str) -> str:
    """A source as people call it; whoever else it names, as it stands."""
    return _SPEAKERS.get(source, source)


def fingerprint(labels: Labels) -> str:
    """FNV-1a 64 over sorted name 0xFF value 0xFF, as prometheus/common's model.LabelSet.Fingerprint."""
    digest = _FNV_OFFSET
    for name, value in sorted(labels):
        for byte in name.encode() + b"\xff" + value.encode() + b"\xff":
            digest = ((digest ^ byte) * _FNV_PRIME) & _U64
    return f"{digest:016x}"
