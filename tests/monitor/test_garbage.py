"""The collector waits while anybody asks it to, and goes on after the last."""

import gc
import threading

import pytest

from monitor.garbage import collector_waits


def test_it_waits_until_the_last_block_ends() -> None:
    assert gc.isenabled()
    with collector_waits():
        assert not gc.isenabled()
        with collector_waits():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_lets_it_go_on() -> None:
    with pytest.raises(ValueError, match="no"), collector_waits():
        raise ValueError("no")
    assert gc.isenabled()


def test_blocks_of_several_threads() -> None:
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with collector_waits():
            inside.set()
            leave.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(30)
    with collector_waits():
        pass
    assert not gc.isenabled()
    leave.set()
    thread.join()
    assert gc.isenabled()
