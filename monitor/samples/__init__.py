"""The recent samples, held in memory for the rules, the charts and Grafana."""

from monitor.samples.memory import Samples
from monitor.samples.series import Series

__all__ = ["Samples", "Series"]
