"""A job that reports by itself, such as a nightly import: its silence is the failure."""

from pydantic import Field

from probes.base import Evidence, Finding, Metric, Outcome, Probe, ProbeSettings, Run, Sample
from probes.settings import Secret
from probes.units import Duration, Interval, format_duration


class HeartbeatSettings(ProbeSettings):
    """How often the job reports to /heartbeat/NAME, and how much later than that it may be."""

    every: Interval = Field(default=86400.0, description="How often the job runs, and so reports.")
    grace: Duration = Field(default=3600.0, description="How much later than that a report may come.")
    token: Secret | None = Field(default=None, description="What a report must carry, as `Authorization: Bearer …`.")


class HeartbeatProbe(Probe[HeartbeatSettings]):
    """Judges the newest report: a failure is down at once, and so is silence longer than `every` and `grace`.

    The time in which Shopwatch itself was down, and could hear nobody, does not count as silence. A job that never
    reported yet is unknown until it has had as long as that since we first heard of it.
    """

    settings_model = HeartbeatSettings
    passive = True
    remote = False
    metrics = (
        Metric("heartbeat_last_report_timestamp_seconds", "gauge", "When the job last reported."),
        Metric("heartbeat_due_timestamp_seconds", "gauge", "When the job's silence becomes a failure."),
    )

    async def check(self, run: Run) -> Finding:
        """Judge the job from what it reported; nobody is asked."""
        patience = self.settings.every + self.settings.grace
        if run.beat is None:
            return self._never_reported(run, run.waiting_since + patience)
        due = run.beat.at + run.beat.deaf + patience
        samples = (
            Sample("heartbeat_last_report_timestamp_seconds", run.beat.at),
            Sample("heartbeat_due_timestamp_seconds", due),
        )
        ago = _length(run.now - run.beat.at)
        said = f": {run.beat.message}" if run.beat.message else ""
        facts = (("last report", f"{ago} ago, {'ok' if run.beat.ok else 'failed'}{said}"),)
        if not run.beat.ok:
            reason = f"the job reported a failure {ago} ago{said}"
        elif run.now > due:
            deaf = f" (Shopwatch itself was down for {_length(run.beat.deaf)} of it)" if run.beat.deaf >= 1 else ""
            reason = f"silent for {ago}{deaf}; {self._expected}"
        else:
            return Finding(Outcome.UP, samples=samples, evidence=Evidence(f"reported {ago} ago", facts=facts))
        return Finding(Outcome.DOWN, reason, samples, Evidence(reason, facts=facts))

    def _never_reported(self, run: Run, due: float) -> Finding:
        samples = (Sample("heartbeat_due_timestamp_seconds", due),)
        if run.now <= due:
            reason = f"no report yet; the first one is awaited for another {_length(due - run.now)}"
            return Finding(Outcome.UNKNOWN, reason, samples, Evidence(reason))
        reason = f"never reported in {_length(run.now - run.waiting_since)}; {self._expected}"
        return Finding(Outcome.DOWN, reason, samples, Evidence(reason))

    @property
    def _expected(self) -> str:
        every, grace = format_duration(self.settings.every), format_duration(self.settings.grace)
        return f"expected a report every {every}, at most {grace} late"


def _length(seconds: float) -> str:
    return format_duration(max(0, round(seconds)))
