"""Runs Prometheus' own test files for PromQL against our engine: `python -m tests.promqltest FILE…`."""
