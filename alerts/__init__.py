"""Alerts decide and tell: rules fire, incidents open, pages reach people."""
