import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.prober import wire
from monitor.prober.rounds import Seen
from probes.base import Evidence, Finding, Outcome, Sample, Step

FULL = Finding(
    Outcome.DEGRADED,
    "slow",
    (Sample("a", 1.5, (("phase", "tls"),)), Sample("b", float("inf"))),
    Evidence("sum", (Step("pay", Outcome.DOWN, None, "never"), Step("x", Outcome.UP, 0.5)), (("k", "v"),), "<html>"),
)


@pytest.mark.parametrize("finding", [FULL, Finding(Outcome.UP)])
def test_a_finding_arrives_as_it_left(finding):
    frame = wire.news("told", [wire.plain(Seen("p", 1.0, 0.1, 0.2, finding, run_id="a1"))])
    (body,) = wire.Frames().feed(frame)
    verb, (told,) = wire.read_news(body)
    assert verb == "told"
    assert told[:6] == ("p", 1.0, 0.1, 0.2, False, "a1")
    arrived = wire.finding(*told[6:])
    for name in ("outcome", "reason", "samples", "evidence"):
        assert getattr(arrived, name) == getattr(finding, name)
    assert wire.finding(*told[6:]) == arrived
    assert arrived.bare().samples == ()
    assert arrived.bare().evidence == finding.evidence


def test_names_that_are_the_same_each_time_are_read_once():
    first, second = (wire.finding(*wire.plain(Seen("p", at, 0.1, 0.2, FULL))[6:]) for at in (1.0, 2.0))
    assert first.signature is second.signature


@pytest.mark.parametrize(
    "odd",
    [
        Finding(Outcome.UP, samples=(Sample("a", 1.0, (("phase", object()),)),)),
        Finding(Outcome.UP, evidence=Evidence("sum", excerpt=object())),
    ],
)
def test_what_is_not_plain_is_refused_where_the_rest_is_told(odd):
    told = wire.plain(Seen("p", 1.0, 0.1, 0.2, odd))
    with pytest.raises(ValueError, match="unmarshallable"):
        wire.news("told", [told])


def test_labels_that_are_no_tuples_travel():
    odd = Finding(Outcome.UP, samples=(Sample("a", 1.0, [["phase", "tls"]]),))
    assert wire.finding(*wire.plain(Seen("p", 1.0, 0.1, 0.2, odd))[6:]).samples == odd.samples


@given(st.lists(st.binary(max_size=200), max_size=10), st.integers(1, 50))
def test_frames_come_out_whole_however_they_are_cut(bodies, piece):
    stream = b"".join(wire.order(body) for body in bodies)
    frames = wire.Frames()
    out = [frame for start in range(0, len(stream), piece) for frame in frames.feed(stream[start : start + piece])]
    assert [wire.read_order(frame) for frame in out] == [(body,) for body in bodies]


def test_only_plain_values_travel_up():
    with pytest.raises(ValueError, match="unmarshallable"):
        wire.news("told", object())
