"""What Prometheus reads on /metrics: each probe's lines are written once when they change, and joined when asked."""

from monitor.metrics.exposition import CONTENT_TYPE, OPENMETRICS_TYPE, Exposition
from monitor.metrics.text import Reading

__all__ = ["CONTENT_TYPE", "OPENMETRICS_TYPE", "Exposition", "Reading"]
