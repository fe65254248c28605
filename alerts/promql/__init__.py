"""Answers questions in PromQL, Prometheus' language, about the samples that Shopwatch holds."""

from alerts.promql.engine import Engine
from alerts.promql.errors import LimitExceeded, ParseError, PromqlError, QueryTimeout, Unsupported
from alerts.promql.limits import Limits
from alerts.promql.matcher import Matcher
from alerts.promql.node import Expr
from alerts.promql.parse import parse
from alerts.promql.storage import SeriesView, Storage
from alerts.promql.value import Matrix, Sample, Scalar, Series, String, Value, Vector

__all__ = [
    "Engine",
    "Expr",
    "LimitExceeded",
    "Limits",
    "Matcher",
    "Matrix",
    "ParseError",
    "PromqlError",
    "QueryTimeout",
    "Sample",
    "Scalar",
    "Series",
    "SeriesView",
    "Storage",
    "String",
    "Unsupported",
    "Value",
    "Vector",
    "parse",
]
