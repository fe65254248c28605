"""Verifications in a process of their own: bounded, stoppable, and killed without leaving anything behind."""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from probes.backup import record
from probes.backup.launch import verify_in_child
from probes.backup.scratch import PREFIX, clean_leftovers
from probes.backup.sqlite_take import take_copy
from probes.backup.verification import Verdict
from tests.probes.backup.shops import NOON, Postgres, sqlite_shop

Make = Callable[..., Any]
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

#: A table whose rows take a minute each to restore, as a large one would.
SLOW = """
SET shop.setup = 'on';
CREATE FUNCTION slow(integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
IF current_setting('shop.setup', true) IS DISTINCT FROM 'on' THEN PERFORM pg_sleep(60); END IF; RETURN true;
END $$;
CREATE TABLE orders (id integer CHECK (slow(id)));
INSERT INTO orders VALUES (1);
"""


@pytest.fixture(scope="module")
def slow_dump(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    server.sql("CREATE DATABASE slow")
    server.sql(SLOW, "slow")
    data = server.dump("slow", tmp_path_factory.mktemp("slow") / "slow.dump").read_bytes()
    server.sql("DROP DATABASE slow")
    return data


def inside(scratch: Path) -> list[str]:
    """The command lines of the processes that work in a scratch folder; what ends while we look does not count."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(scratch):
                found.append(" ".join(process.cmdline()))
    return found


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def is_restoring(scratch: Path) -> bool:
    """Whether the postmaster and a backend that loads the slow table run."""
    return any("restorer" in title and "COPY" in title for title in inside(scratch))


def test_a_verification_in_its_own_process(tmp_path: Path, sqlite_settings: Make) -> None:
    take_copy(sqlite_shop(tmp_path / "live.db"), tmp_path / "shop-1.db", clock=lambda: NOON)
    found = verify_in_child(sqlite_settings(expect={"age": "1h"}), clock=lambda: NOON + 60)
    assert (found.verdict, found.reasons) == (Verdict.PASS, ())
    assert found.started_at == pytest.approx(NOON + 60, abs=30)
    if os.geteuid() == 0:
        assert dict(found.facts)["network while restoring"] == "none"


def test_one_that_takes_too_long_is_inconclusive(
    tmp_path: Path, dump_settings: Make, scratch: Path, slow_dump: bytes
) -> None:
    (tmp_path / "shop-1.dump").write_bytes(slow_dump)
    found = verify_in_child(dump_settings(verify={"timeout": "6s"}))
    assert (found.verdict, found.reasons) == (
        Verdict.INCONCLUSIVE,
        ("it was not done within 6 s (verify: timeout)",),
    )
    assert "cleanup" in found.phases
    assert inside(scratch) == []


def test_one_that_is_stopped_cleans_up(tmp_path: Path, dump_settings: Make, scratch: Path, slow_dump: bytes) -> None:
    (tmp_path / "shop-1.dump").write_bytes(slow_dump)
    stop = threading.Event()
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(verify_in_child(dump_settings(), stop=stop)))
    thread.start()
    until(lambda: is_restoring(scratch))
    stop.set()
    thread.join(60)
    assert answers[0].verdict is Verdict.INCONCLUSIVE
    assert answers[0].reasons == ("Shopwatch was stopped before it was done",)
    assert inside(scratch) == []


SERVICE = """
import pickle, sys
from probes.backup.launch import verify_in_child
found = verify_in_child(pickle.load(sys.stdin.buffer))
print(found.verdict, *found.reasons, flush=True)
"""


@pytest.fixture
def service(tmp_path: Path, dump_settings: Make, scratch: Path, slow_dump: bytes) -> Any:
    """A process that stands for the service, in the middle of restoring a slow dump."""
    (tmp_path / "shop-1.dump").write_bytes(slow_dump)
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", SERVICE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root
    ) as process:
        assert process.stdin is not None
        process.stdin.write(pickle.dumps(dump_settings()))
        process.stdin.close()
        until(lambda: is_restoring(scratch))
        yield process
        process.kill()
    until(lambda: list(scratch.iterdir()) == [])


def test_kill_9_of_the_service_leaves_nothing_running(service: "subprocess.Popen[bytes]", scratch: Path) -> None:
    service.kill()
    service.wait()
    until(lambda: inside(scratch) == [])
    until(lambda: list(scratch.iterdir()) == [])


def test_kill_9_of_the_verifying_process_leaves_nothing_running(
    service: "subprocess.Popen[bytes]", scratch: Path
) -> None:
    [child] = psutil.Process(service.pid).children()
    child.kill()
    until(lambda: inside(scratch) == [])
    assert service.stdout is not None
    assert service.stdout.read() == b"inconclusive the process that verified ended with code -9; please report it\n"
    assert list(scratch.iterdir()) == [], "whoever waited for it has cleaned up"


def test_kill_9_of_both_at_once_is_cleaned_by_the_next(
    service: "subprocess.Popen[bytes]", scratch: Path, tmp_path: Path, sqlite_settings: Make
) -> None:
    [child] = psutil.Process(service.pid).children()
    child.send_signal(signal.SIGSTOP)  # so that it cannot clean up when its parent dies
    service.kill()
    child.kill()
    service.wait()
    until(lambda: inside(scratch) == [])
    [room] = scratch.glob(PREFIX + "*")
    take_copy(sqlite_shop(tmp_path / "live.db"), tmp_path / "shop-1.db")
    found = verify_in_child(sqlite_settings())
    assert found.verdict is Verdict.PASS
    assert found.notes[0] == f"cleaned up after a verification that was killed: {room.name}"
    assert not room.exists()


def test_a_room_whose_owner_lives_is_left_alone(service: "subprocess.Popen[bytes]", scratch: Path) -> None:
    assert clean_leftovers(scratch) == []
    assert is_restoring(scratch)


def test_what_was_recorded_reaches_the_child(tmp_path: Path, sqlite_settings: Make) -> None:
    target = tmp_path / "shop-1.db"
    take_copy(sqlite_shop(tmp_path / "live.db"), target)
    record.path_of(target).unlink()
    settings = sqlite_settings(expect={"tables": {"orders": {"shrink": "1%"}}})
    assert verify_in_child(settings, {"orders": 9999}).verdict is Verdict.FAIL
