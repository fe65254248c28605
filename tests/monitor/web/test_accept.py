import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.web.accept import prefers_html, prefers_openmetrics

PROMETHEUS_2_42 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
PROMETHEUS_3_WITH_NATIVE_HISTOGRAMS = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6," + PROMETHEUS_3
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "open_metrics"),
    [
        (PROMETHEUS_2_42, True),
        (PROMETHEUS_3, True),
        (PROMETHEUS_3_WITH_NATIVE_HISTOGRAMS, True),
        (BROWSER, False),
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        ('Application/OpenMetrics-Text; Version="1.0.0"; Q=1', True),
        ("application/openmetrics-text; version=0.0.1", False),
        ("application/openmetrics-text; version=2.0.0", False),
        ("application/openmetrics-text; q=0", False),
        ("application/openmetrics-text; q=0.4, text/plain; q=0.5", False),
        ("application/openmetrics-text; q=0.5, text/plain; q=0.5", True),
        ("application/openmetrics-text; q=0.4, text/plain; q=0.3, */*; q=0.9", True),
        ("application/openmetrics-text; q=0.4, text/*; q=0.5", False),
        ("application/openmetrics-text; q=much", False),
        ("application/openmetrics-text; q=nan", False),
        ("application/openmetrics-text; q=7", False),
        (";;==,,q", False),
    ],
)
def test_who_gets_openmetrics(accept, open_metrics):
    assert prefers_openmetrics(accept) is open_metrics


@given(st.text(max_size=60))
def test_no_header_is_too_odd(accept):
    assert prefers_openmetrics(accept) in (True, False)
    assert prefers_html(accept) in (True, False)
