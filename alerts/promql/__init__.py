"""PromQL, evaluated in process over recent samples."""
