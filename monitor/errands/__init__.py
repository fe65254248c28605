"""Looks that somebody asks for over HTTP (/probe): done in a process of their own, so that nothing of ours counts."""

from monitor.errands.errands import ErrandFailed, Errands

__all__ = ["ErrandFailed", "Errands"]
