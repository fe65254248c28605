import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from prometheus_client import CollectorRegistry

from monitor.prober.slots import cadence
from probes.base import Beat, Outcome, ProbeSettings
from tests.monitor.prober import kinds
from tests.monitor.prober.watch import watching

pytestmark = [pytest.mark.anyio, pytest.mark.integration]


def probe(name, kind="pid", every=0.1, **more):
    return ProbeSettings(name=name, type=kind, every=every, timeout=1.0, **more)


def accounted(watch, name):
    return len(watch.of(name)) + sum(missed.slots for missed in watch.missed if missed.probe == name)


async def test_results_come_from_another_process_at_the_probes_slots():
    async with watching([probe("a"), probe("b")]) as watch:
        await watch.more_results(10)
        assert {result.finding.samples[0].value for result in watch.results} == {watch.prober.shards[0].pid}
        assert watch.prober.shards[0].pid != os.getpid()
        assert len({result.run_id for result in watch.results} - {""}) == len(watch.results)
        slots, result = cadence("a", 0.1), watch.of("a")[0]
        assert abs(result.slot - slots.due(slots.latest(result.slot + 0.05))) < 0.02
        assert (result.type, result.outcome) == ("pid", Outcome.UP)
        assert abs(result.slot - time.time()) < 20


async def test_a_killed_prober_is_back_and_what_it_missed_is_counted():
    async with watching([probe("a"), probe("b", every=0.25)]) as watch:
        await watch.more_results(10)
        first = {name: watch.of(name)[0].slot for name in "ab"}
        os.kill(watch.prober.shards[0].pid, signal.SIGKILL)
        killed, told = time.monotonic(), len(watch.results)
        await watch.until(lambda: len(watch.results) > told)
        back = time.monotonic() - killed
        await watch.more_results(20)
        for name, every in (("a", 0.1), ("b", 0.25)):
            fell_due = round((watch.of(name)[-1].slot - first[name]) / every) + 1
            assert accounted(watch, name) == fell_due
        assert watch.missed_of("a", "prober_dead") >= 1
        assert watch.prober.shards[0].vitals.restarts == {"died": 1, "hung": 0}
    assert back < 5  # under a second on a machine of one's own; bench/prober_restart.py measures it


async def test_a_prober_that_hangs_is_killed_and_started_again(capfd):
    blocking = kinds.SlowSettings(name="blocking", type="blocking", takes=60.0, every=3600.0, timeout=1.0)
    calm = probe("calm", every=0.5)
    async with watching([calm]) as watch:
        await watch.more_results()
        # soon is a slot of the blocking probe within a second: it has a name whose phase comes next
        name = min((f"blocking {n}" for n in range(20_000)), key=lambda name: until_due(name, 3600.0))
        watch.prober.apply([calm, blocking.model_copy(update={"name": name})])
        shard = watch.prober.shards[0]
        await watch.until(lambda: shard.vitals.restarts["hung"], within=30)
        await watch.more_results()
        assert watch.missed_of("calm", "prober_dead") >= 5
        assert watch.missed_of(name, "prober_dead") == 1
    assert "kinds.py" in capfd.readouterr().err  # where it hung


def until_due(name, interval):
    slots = cadence(name, interval)
    now = time.time() + 1.0
    return slots.due(slots.first(now)) - now


async def test_a_probe_that_kills_its_prober_does_not_end_the_counting():
    async with watching([probe("deadly", "dying", 0.2), probe("other", every=0.2)]) as watch:
        await watch.until(lambda: watch.prober.shards[0].vitals.restarts["died"] >= 3, within=60)
        assert watch.missed_of("deadly", "prober_dead") >= 3
        assert watch.missed_of("other", "prober_dead") >= 1
        await watch.until(lambda: watch.missed_of("deadly", "prober_dead") >= 6, within=60)


async def test_a_prober_that_cannot_even_begin_is_counted_and_comes_back_when_it_can(monkeypatch, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    good = sys.executable
    monkeypatch.setattr(sys, "executable", str(broken))
    async with watching([probe("a")]) as watch:
        await watch.until(lambda: watch.missed_of("a", "prober_dead") >= 5)
        assert watch.prober.shards[0].vitals.restarts["died"] >= 2
        monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
        before = watch.prober.shards[0].vitals.restarts["died"]
        await watch.until(lambda: watch.prober.shards[0].vitals.restarts["died"] > before)
        monkeypatch.setattr(sys, "executable", good)
        await watch.more_results()


async def test_a_reload_changes_only_what_changed():
    same, gone = probe("same", every=0.2), probe("gone", every=0.2)
    async with watching([same, gone]) as watch:
        await watch.until(lambda: watch.of("same") and watch.of("gone"))
        watch.prober.apply([same, probe("new", every=0.2)])
        await watch.until(lambda: len(watch.of("new")) > 3)
        before = len(watch.of("gone"))
        await watch.more_results(6)
        assert len(watch.of("gone")) == before
        slots = [round((result.slot - watch.of("same")[0].slot) / 0.2, 1) for result in watch.of("same")]
        assert slots == list(range(len(slots)))
        assert watch.missed == []


async def test_probes_are_shared_among_processes_and_stay_where_they_are():
    async with watching([probe(f"p{n}") for n in range(20)], probers=2) as watch:
        await watch.more_results(100)
        home = {result.probe: result.finding.samples[0].value for result in watch.results}
        assert set(home.values()) == {shard.pid for shard in watch.prober.shards}
        watch.prober.apply([probe(f"p{n}") for n in range(10, 30)])
        await watch.more_results(100)
        later = {result.probe: result.finding.samples[0].value for result in watch.results[-60:]}
        assert all(later[name] == home[name] for name in later.keys() & home.keys())


async def test_a_passive_probe_is_judged_in_the_service():
    beats = {"job": (0.0, None)}
    async with watching([probe("job", "waiting", 0.1), probe("a")], beats=beats.__getitem__) as watch:
        await watch.until(lambda: watch.of("job"))
        beats["job"] = (0.0, Beat(time.time()))
        watch.prober.look_now("job")
        await watch.until(lambda: watch.of("job")[-1].outcome is Outcome.UP)


async def test_extra_looks_while_failing_are_results_but_no_slots(tmp_path):
    failing = ProbeSettings(name="a", type="down", owner="/nowhere", every=1.0, timeout=0.1, while_failing=0.2)
    async with watching([failing, probe("b", every=10.0)]) as watch:
        await watch.until(lambda: sum(result.extra for result in watch.of("a")) >= 4)
        await watch.until(lambda: watch.prober.look_now("b") or any(result.extra for result in watch.of("b")))
        watch.prober.look_now("nobody")
        slots = [result.slot for result in watch.of("a") if not result.extra]
        assert len(slots) >= 2
        assert [round(slot - slots[0], 1) for slot in slots] == list(range(len(slots)))
        os.kill(watch.prober.shards[0].pid, signal.SIGKILL)
        told = len(watch.of("a"))
        await watch.until(lambda: any(not result.extra for result in watch.of("a")[told:]))
        ended = [result for result in watch.of("a") if not result.extra]
        missed = sum(missed.slots for missed in watch.missed if missed.probe == "a")
        assert len(ended) + missed == round(ended[-1].slot - ended[0].slot) + 1


async def test_what_cannot_be_told_is_unknown_and_harms_nobody():
    async with watching([probe("odd", "odd"), probe("a")]) as watch:
        await watch.until(lambda: watch.of("odd") and len(watch.of("a")) > 3)
        result = watch.of("odd")[0]
        assert result.outcome is Outcome.UNKNOWN
        assert result.finding.reason == "could not look: the finding holds values other than texts and numbers"
        assert watch.prober.shards[0].vitals.restarts["died"] == 0


async def test_secrets_do_not_stand_in_argv_or_environment():
    async with watching([kinds.ToldSettings(name="told", every=0.2, timeout=1.0)]) as watch:
        await watch.until(lambda: watch.of("told"))
        process = psutil.Process(watch.prober.shards[0].pid)
        assert "hunter2" not in " ".join(process.cmdline()) + str(process.environ())
        assert "hunter2" not in watch.of("told")[0].finding.reason


async def test_a_thousand_probes_are_all_looked_at():
    probes = [probe(f"p{n}", "trivial", 2.0) for n in range(1000)]
    async with watching(probes) as watch:
        await watch.until(lambda: len({result.probe for result in watch.results}) == 1000, within=30)


async def test_a_service_that_fails_to_take_results_keeps_its_prober(caplog):
    def refuse(results):
        raise RuntimeError("no")

    async with watching([probe("a")]) as watch:
        watch.prober._on_results = refuse
        await asyncio.sleep(1.0)
        watch.prober._on_results = watch.results.extend
        await watch.more_results(2)
        assert watch.prober.shards[0].vitals.restarts["died"] == 0
    assert "could not be taken in" in caplog.text


async def test_ctrl_c_and_stop_signals_are_left_to_the_service():
    async with watching([probe("a")]) as watch:
        await watch.more_results()
        pid = watch.prober.shards[0].pid
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)
        await watch.more_results(10)
        assert watch.prober.shards[0].pid == pid


async def test_stopping_ends_the_processes_and_lets_looks_end():
    slow = kinds.SlowSettings(name="slow", type="slow", takes=0.5, every=0.6, timeout=2.0)
    async with watching([slow]) as watch:
        await watch.more_results()
        pid = watch.prober.shards[0].pid
        await asyncio.sleep(0.3)  # by now the next look has begun
        await watch.prober.stop(grace=2.0)
    assert not psutil.pid_exists(pid)


async def test_the_probers_vitals_are_metrics():
    async with watching([probe("a")]) as watch:
        registry = CollectorRegistry()
        registry.register(watch.prober.vitals)
        await watch.more_results(3)
        await watch.until(lambda: watch.prober.shards[0].vitals.size)
        told = len(watch.results)
        label = {"prober": "0"}
        assert registry.get_sample_value("shopwatch_prober_up", label) == 1
        assert registry.get_sample_value("shopwatch_prober_restarts_total", {**label, "reason": "died"}) == 0
        assert registry.get_sample_value("shopwatch_prober_resident_memory_bytes", label) > 10e6
        assert registry.get_sample_value("shopwatch_prober_start_lateness_seconds_count", label) == told
        assert registry.get_sample_value("shopwatch_prober_cpu_seconds_total", label) > 0


SERVICE = """
import asyncio, sys, time
from probes.base import ProbeSettings
from tests.monitor.prober.watch import watching

async def main():
    async with watching([ProbeSettings(name="a", type="pid", every=0.2, timeout=1.0)]) as watch:
        await watch.more_results()
        print(watch.prober.shards[0].pid, flush=True)
        if "busy" in sys.argv:
            time.sleep(600)  # neither reads nor closes anything
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_no_prober_outlives_a_killed_service(state):
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", SERVICE, state]
    service = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
    try:
        prober = int(service.stdout.readline())
        assert psutil.pid_exists(prober)
        service.kill()
        service.wait()
        deadline = time.monotonic() + 10
        while alive(prober) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not alive(prober)
    finally:
        service.kill()
        service.wait()
        service.stdout.close()


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
