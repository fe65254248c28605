"""Keeps in the store what long windows need, so that a month's objective survives a restart without a Prometheus."""

from monitor.archive.archive import RETIRE, Archive
from monitor.archive.merged import Merged

__all__ = ["RETIRE", "Archive", "Merged"]
