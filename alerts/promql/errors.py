"""The ways in which a query can fail, each with a sentence for whoever wrote it.

PromqlError
├── ParseError        the text is not PromQL, or its types do not fit
├── Unsupported       it is PromQL, but of a part that Shopwatch does not have: native histograms, experimental
├── LimitExceeded     it asks for more than a query may cost
└── QueryTimeout      it took longer than a query may take
"""

from typing import ClassVar


class PromqlError(Exception):
    """A query cannot be answered; `str()` is the sentence, in Prometheus' own words where it has some."""

    #: The errorType of Prometheus' HTTP API.
    kind: ClassVar[str] = "execution"


class ParseError(PromqlError):
    """The text of the query is wrong, whatever the samples are."""

    kind = "bad_data"


class Unsupported(PromqlError):
    """The query needs native histograms or experimental PromQL, which Shopwatch refuses rather than guesses."""

    kind = "bad_data"


class LimitExceeded(PromqlError):
    """The query would touch more series, samples or steps than the limits allow."""


class QueryTimeout(PromqlError):
    """The query ran into its deadline."""

    kind = "timeout"
