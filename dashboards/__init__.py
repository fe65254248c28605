"""Grafana dashboards, written in Python and committed as JSON: `make dashboards` writes the one from the other."""
