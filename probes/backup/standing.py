"""What is known about one backup over all its verifications: the last, the last good one, when the next is due."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from probes.backup.proved import Proved
from probes.backup.settings import BackupSettings
from probes.backup.verification import Verdict, Verification
from probes.cron import next_fire

_RETRY_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Times are wall-clock seconds, UTC. `since` is when a verification was first tried, or first wanted;
    `concluded` the newest verification that passed or failed; `counts` all of them by verdict."""

    since: float
    latest: Verification | None = None
    concluded: Verification | None = None
    passed: Verification | None = None
    counts: Mapping[Verdict, int] = field(default_factory=dict)
    running_since: float | None = None

    @property
    def previous_rows(self) -> Mapping[str, int]:
        """The rows of the last good backup."""
        return self.passed.rows if self.passed else {}

    @property
    def proved(self) -> Proved | None:
        """The file of the last good backup."""
        return Proved(self.passed.file, self.passed.size, self.passed.sha256) if self.passed else None

    @property
    def is_failed(self) -> bool:
        """Whether a verification failed and none has passed since; that one could not look since changes nothing."""
        return self.concluded is not None and self.concluded.verdict is Verdict.FAIL

    @property
    def telling(self) -> Verification | None:
        """The verification to show: a failure that nothing has refuted, with why it could not be looked at since; else
        the latest."""
        if self.latest is None or self.concluded is None or self.latest.verdict is not Verdict.INCONCLUSIVE:
            return self.latest
        if not self.is_failed:
            return self.latest
        since = f"since then it could not be judged again: {'; '.join(self.latest.reasons)}"
        return replace(self.concluded, reasons=(*self.concluded.reasons, since))

    def after(self, verification: Verification) -> "Standing":
        """The standing once this verification has ended."""
        verdict = verification.verdict
        return replace(
            self,
            latest=verification,
            concluded=self.concluded if verdict is Verdict.INCONCLUSIVE else verification,
            passed=verification if verdict is Verdict.PASS else self.passed,
            counts={**self.counts, verdict: self.counts.get(verdict, 0) + 1},
            running_since=None,
        )

    def due(self, settings: BackupSettings) -> float:
        """When the next pass or fail must be known at the latest; a run that ended without one moves nothing.

        That is the first scheduled time after the last one began, plus the time it may take. A backup that was never
        verified is verified as soon as we start.
        """
        if self.concluded is None:
            return self.since + settings.verify.timeout
        fire = next_fire(settings.verify.restore, self.concluded.started_at)
        return (self.concluded.started_at if fire is None else fire) + settings.verify.timeout

    def is_wanted(self, settings: BackupSettings, now: float, starting: bool = False) -> bool:
        """Whether to verify now: never done, a scheduled time has passed since the last one began, or the last one came
        to no conclusion (tried again after an hour, and when Shopwatch starts, because it may have been cut short)."""
        if self.latest is None:
            return True
        if self.latest.verdict is Verdict.INCONCLUSIVE and (
            starting or now - self.latest.finished_at >= _RETRY_SECONDS
        ):
            return True
        fire = next_fire(settings.verify.restore, self.latest.started_at)
        return fire is not None and fire <= now
