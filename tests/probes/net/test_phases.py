"""Measured legs are whole microseconds, and so is what is added up of them."""

from probes.net.address import Url
from probes.net.message import Hop, Trace
from probes.net.phases import Phases


def phases(*readings: float) -> Phases:
    """A connect, a processing and another connect, begun and ended at these readings of the clock."""
    legs = Phases()
    for name, at in zip(("connect", "processing", "connect", ""), readings, strict=True):
        legs.enter(name, at)
    return legs


def test_a_leg_has_whole_microseconds_also_when_it_is_entered_again() -> None:
    legs = phases(10.00000012, 10.00100049, 10.00200007, 10.00200188)
    assert legs.seconds == {"connect": 0.001002, "processing": 0.001}
    assert legs.total == 0.002002


def test_legs_of_all_hops_add_up_to_decimals() -> None:
    hop = Hop(Url("http://shop.example/"), phases(0.0, 0.1, 0.3, 0.5))
    again = Hop(Url("http://shop.example/"), phases(0.0, 0.2, 0.3, 0.3))
    assert 0.2 + 0.1 != 0.3
    assert Trace([hop, again]).seconds() == {"connect": 0.5, "processing": 0.3}
