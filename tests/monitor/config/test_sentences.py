"""The ends of sentences about a word that nobody knows."""

from monitor.config.sentences import did_you_mean


def test_a_name_that_is_there_twice_is_said_once() -> None:
    assert did_you_mean("zzz", ["home", "cart", "home"]) == "; known are cart, home"
    assert did_you_mean("zzz", ["home", "home"]) == "; known is home"
    assert did_you_mean("hom", ["home", "home"]) == "; did you mean home?"
