"""Probes that hang their process, in real processes that hang."""

import asyncio
import logging
import os
import re
import signal
import time
from itertools import pairwise

import pytest
from prometheus_client import CollectorRegistry

from monitor.prober import wire
from monitor.prober.isolation import Isolation
from monitor.prober.shard import Shard
from monitor.prober.slots import schedule_offset
from probes.base import Outcome, ProbeSettings
from tests.monitor.prober import kinds
from tests.monitor.prober.watch import watching

pytestmark = [pytest.mark.anyio, pytest.mark.integration, pytest.mark.timeout(150)]


def hanging(cure, how="busy", every=0.5, name="hanging"):
    return kinds.HangingSettings(name=name, type="hanging", every=every, timeout=0.3, cure=str(cure), how=how)


def healthy(name="fine", every=0.5):
    return ProbeSettings(name=name, type="trivial", every=every, timeout=0.3)


async def test_who_hangs_its_process_twice_is_set_aside_and_the_others_go_on(tmp_path, caplog):
    async with watching([hanging(tmp_path / "cure"), healthy()]) as watch:
        registry = CollectorRegistry()
        registry.register(watch.prober.vitals)
        await watch.until(lambda: watch.missed_of("hanging", "set_aside"), within=60)
        restarts = watch.prober.shards[0].vitals.restarts["hung"]
        assert restarts == 2
        assert registry.get_sample_value("shopwatch_probe_set_aside", {"probe": "hanging"}) == 1
        assert registry.get_sample_value("shopwatch_probe_set_aside", {"probe": "fine"}) is None

        await watch.until(lambda: watch.of("hanging"))
        word = watch.of("hanging")[0]
        assert (word.outcome, word.extra, word.type) == (Outcome.UNKNOWN, True, "hanging")
        assert "its code hung the prober's process 2 times in a row" in word.finding.reason
        assert re.search(r"set aside until \d\d:\d\d:\d\d UTC, and then tried again alone", word.finding.reason)
        assert 0 < time.time() - word.at < 30, "it is as old as the last time it hung"
        assert word.finding.evidence.summary == word.finding.reason
        assert "prober 0 hung in the probe hanging" in caplog.text
        assert caplog.text.count("the probe hanging is set aside") == 1

        begun = time.time()
        await watch.until(lambda: len([one for one in watch.of("fine") if one.slot > begun]) >= 16, within=30)
        undisturbed = [one.slot for one in watch.of("fine") if one.slot > begun]
        assert max(b - a for a, b in pairwise(undisturbed)) < 2.0, "it hung no more"
        assert watch.prober.shards[0].vitals.restarts["hung"] == restarts
        assert watch.missed_of("hanging", "set_aside") >= 12
        assert len(watch.of("hanging")) == 1, "the word is not given with each slot"


async def test_a_reload_that_changes_the_probe_frees_it_at_once(tmp_path):
    sick = hanging(tmp_path / "cure")
    async with watching([sick, healthy()]) as watch:
        await watch.until(lambda: watch.missed_of("hanging", "set_aside"), within=60)
        watch.prober.apply([sick, healthy("other")])
        (tmp_path / "cure").touch()
        missed = watch.missed_of("hanging", "set_aside")
        (
            await watch.until(lambda: watch.missed_of("hanging", "set_aside") > missed),
            "another probe's change frees nobody",
        )
        watch.prober.apply([hanging(tmp_path / "cure", every=0.6), healthy("other")])
        await watch.until(lambda: any(one.outcome is Outcome.UP for one in watch.of("hanging")))


async def test_it_comes_home_by_a_trial_and_every_slot_is_accounted_for(tmp_path):
    async with watching([hanging(tmp_path / "cure", every=1.0), healthy()]) as watch:
        await watch.until(lambda: watch.missed_of("hanging", "set_aside") >= 2, within=60)
        (tmp_path / "cure").touch()
        isolation = watch.prober._isolation
        isolation._clock = lambda: time.time() + 100.0
        await watch.until(lambda: not isolation.holds("hanging"), within=40)
        back = len(watch.of("hanging"))
        await watch.until(lambda: sum(not one.extra for one in watch.of("hanging")[back:]) >= 3)
        served = [one for one in watch.of("hanging") if not one.extra]
        assert {one.outcome for one in served} == {Outcome.UP}
        missed = [one for one in watch.missed if one.probe == "hanging"]
        assert {one.reason for one in missed} <= {"prober_dead", "set_aside"}
        # what fell due since it was scheduled first; it never looked before, so its misses tell when that was
        ended = len(served) + sum(one.slots for one in missed)
        first = watch.prober._ledger._accounts["hanging"].first
        cadence = watch.prober._ledger._accounts["hanging"].cadence
        assert ended == cadence.latest(served[-1].slot + 0.05) - first + 1
        assert watch.prober.shards[0].vitals.restarts["hung"] == 2, "it hung no process of the others"


@pytest.mark.parametrize("how", ["regex", "subtask", "callback", "making"])
async def test_whatever_hangs_is_named(tmp_path, caplog, how):
    async with watching([hanging(tmp_path / "cure", how, name="sick"), healthy()]) as watch:
        await watch.until(lambda: watch.prober.shards[0].vitals.restarts["hung"], within=40)
        await watch.until(lambda: "prober 0 hung" in caplog.text)
    assert "prober 0 hung in the probe sick" in caplog.text


async def test_a_process_that_is_stopped_accuses_nobody(caplog):
    async with watching([healthy()]) as watch:
        await watch.more_results()
        os.kill(watch.prober.shards[0].pid, signal.SIGSTOP)
        await watch.until(lambda: "prober 0 hung after" in caplog.text, within=40)
        await watch.more_results()
        assert not watch.prober.vitals._aside()


class Ward:
    """An isolation with real processes, whose clock the test turns."""

    def __init__(self, probe):
        self.ahead, self.idle, self.backs, self.told = 0.0, [], 0, []
        begin = wire.order("begin", schedule_offset(time.time()), "here", logging.WARNING)
        self.isolation = Isolation(
            lambda name: (f"{kinds.__name__}:HangingProbe", probe),
            lambda ended: Shard(7, begin, self._hear, ended, once=True),
            lambda name, word: self.idle.append(word.sentence if word else ""),
            self._back,
            lambda: time.time() + self.ahead,
        )

    def _back(self):
        self.backs += 1

    def _hear(self, shard, verb, words):
        if verb == "scheduled":
            shard.look("hanging")
        for one in words[0] if verb == "told" else ():
            self.told.append(one)
            self.isolation.looked(one[0])

    async def until(self, condition, within=40.0):
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110 - what is awaited is told by no event
                await asyncio.sleep(0.02)


async def test_it_is_tried_alone_and_comes_back_once_it_looks(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    cure = tmp_path / "cure"
    ward = Ward(hanging(cure, every=2.0))
    try:
        assert not ward.isolation.hung("hanging")
        assert ward.isolation.hung("hanging")
        assert ward.isolation.known() == {"hanging": True}
        await ward.until(lambda: len(ward.idle) >= 2)
        assert "2 times in a row" in ward.idle[0]
        assert ward.idle[1] == ""

        ward.ahead = 61.0
        await ward.until(lambda: "is tried alone" in caplog.text)
        quiet = len(ward.idle)
        await ward.until(lambda: "hung the prober's process 3 times" in caplog.text)
        assert "prober 7, of one probe, hung in the probe hanging" in caplog.text
        assert len(ward.idle) - quiet <= 1, "while it is tried its slots are not given up"
        assert ward.backs == 0
        assert ward.isolation.holds("hanging")
        await ward.until(lambda: any("3 times in a row" in sentence for sentence in ward.idle))

        cure.touch()
        ward.ahead += 121.0
        await ward.until(lambda: ward.backs)
        assert ward.backs == 1
        assert not ward.isolation.holds("hanging")
        assert ward.isolation.known() == {"hanging": False}
        assert "looks again" in caplog.text
        assert not ward.isolation.hung("another")
        assert ward.isolation.hung("hanging"), "one more time is enough"
    finally:
        await ward.isolation.stop()


async def test_a_trial_ends_with_the_service(tmp_path):
    ward = Ward(hanging(tmp_path / "cure", every=2.0))
    ward.isolation.hung("hanging")
    ward.isolation.hung("hanging")
    ward.ahead = 61.0
    await ward.until(lambda: ward.isolation._tried is not None and ward.isolation._tried[1].pid)
    pid = ward.isolation._tried[1].pid
    await ward.isolation.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
