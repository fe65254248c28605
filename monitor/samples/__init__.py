"""The recent samples, held in memory for the rules, the charts and Grafana."""

from monitor.samples.memory import Samples
from monitor.samples.series import Seat, Series
from monitor.samples.sheet import Columns

__all__ = ["Columns", "Samples", "Seat", "Series"]
