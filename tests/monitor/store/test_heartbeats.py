from monitor.store import Store, heartbeats
from probes.base import Beat


def test_reports_and_the_beginning_of_waiting_are_kept(store: Store) -> None:
    store.transaction(lambda connection: heartbeats.expect(connection, ["a", "b"], 100.0))
    store.transaction(lambda connection: heartbeats.report(connection, "a", Beat(150.0, False, "disk full")))
    store.transaction(lambda connection: heartbeats.expect(connection, ["a", "b", "c"], 200.0))
    assert store.transaction(heartbeats.read) == {
        "a": (100.0, Beat(150.0, False, "disk full")),
        "b": (100.0, None),
        "c": (200.0, None),
    }
    store.transaction(lambda connection: heartbeats.report(connection, "a", Beat(250.0)))
    assert store.transaction(heartbeats.read)["a"] == (100.0, Beat(250.0))
    store.transaction(lambda connection: heartbeats.report(connection, "nobody", Beat(250.0)))
    assert "nobody" not in store.transaction(heartbeats.read)


def test_the_time_in_which_nobody_listened_is_no_silence_of_the_job(store: Store) -> None:
    store.transaction(lambda connection: heartbeats.expect(connection, ["a", "b"], 100.0))
    store.transaction(lambda connection: heartbeats.report(connection, "a", Beat(110.0)))
    store.transaction(lambda connection: heartbeats.listening(connection, 150.0))
    for back in (450.0, 500.0):  # away for 300 s, then a crash loop that never listens for long
        store.transaction(lambda connection, back=back: heartbeats.resume(connection, back))
    found = store.transaction(heartbeats.read)
    assert found == {"a": (100.0, Beat(110.0, deaf=350.0)), "b": (450.0, None)}
    store.transaction(lambda connection: heartbeats.report(connection, "a", Beat(510.0)))
    assert store.transaction(heartbeats.read)["a"] == (100.0, Beat(510.0))
