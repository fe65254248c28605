import asyncio

import pytest
from pydantic import ValidationError

from probes.base import Beat, Outcome, Run
from probes.heartbeat import HeartbeatProbe, HeartbeatSettings

NOW = 1_800_000_000.0
HOUR = 3600.0


def judge(beat=None, waiting_since=0.0, every=24 * HOUR, grace=2 * HOUR):
    probe = HeartbeatProbe(HeartbeatSettings(name="import", type="heartbeat", every=every, grace=grace))
    return asyncio.run(probe.check(Run(0.0, NOW, "run", "here", beat, waiting_since)))


def sample(finding, name):
    return next((sample.value for sample in finding.samples if sample.name == name), None)


def test_a_job_that_reported_in_time_is_up():
    finding = judge(Beat(NOW - 26 * HOUR))
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    assert sample(finding, "heartbeat_last_report_timestamp_seconds") == NOW - 26 * HOUR
    assert sample(finding, "heartbeat_due_timestamp_seconds") == NOW


def test_silence_longer_than_every_and_grace_is_down():
    finding = judge(Beat(NOW - 26 * HOUR - 1))
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == "silent for 1d2h1s; expected a report every 1d, at most 2h late"


def test_a_reported_failure_is_down_at_once():
    finding = judge(Beat(NOW - 3, ok=False, message="disk full"))
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == "the job reported a failure 3s ago: disk full"
    assert finding.evidence.facts == (("last report", "3s ago, failed: disk full"),)


def test_a_job_that_never_reported_is_unknown_until_it_had_its_time():
    finding = judge(waiting_since=NOW - 26 * HOUR)
    assert finding.outcome is Outcome.UNKNOWN
    finding = judge(waiting_since=NOW - HOUR)
    assert finding.reason == "no report yet; the first one is awaited for another 1d1h"
    finding = judge(waiting_since=NOW - 26 * HOUR - 1)
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == "never reported in 1d2h1s; expected a report every 1d, at most 2h late"


def test_a_report_from_the_future_of_a_clock_that_stepped_back_is_up():
    finding = judge(Beat(NOW + 60))
    assert (finding.outcome, finding.evidence.summary) == (Outcome.UP, "reported 0s ago")


def test_settings_are_words_with_units():
    settings = HeartbeatSettings(name="import", type="heartbeat", every="1d", grace="2h")
    assert (settings.every, settings.grace) == (24 * HOUR, 2 * HOUR)
    with pytest.raises(ValidationError):
        HeartbeatSettings(name="import", type="heartbeat", grace="soon")


def test_our_own_absence_is_not_the_jobs_silence():
    beat = Beat(NOW - 30 * HOUR, deaf=5 * HOUR)
    assert judge(beat).outcome is Outcome.UP
    finding = judge(Beat(NOW - 32 * HOUR, deaf=5 * HOUR))
    assert finding.outcome is Outcome.DOWN
    assert "silent for 1d8h (Shopwatch itself was down for 5h of it)" in finding.reason
