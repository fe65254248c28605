"""Decides whether a backup is too old, where the config says how old it may be and where it does not. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from probes.backup.settings import BackupSettings
from probes.units import format_duration

#: Clocks of two hosts differ; a backup from further in the future than this is a failure.
SKEW = 60.0
#: Where nothing says how old a backup may be, an open shop's is younger than this.
_OLDEST = 30 * 86400.0


class Objection(NamedTuple):
    """Something against a pass: whether it proves the backup bad, and the sentence."""

    fatal: bool
    reason: str


def too_old(settings: BackupSettings, taken_at: float | None, now: float) -> Iterator[Objection]:
    """What its age says against it. `taken_at` is when it was made, by its record or by what is inside."""
    limit = settings.expect.age
    if taken_at is None:
        if limit is not None:
            yield Objection(
                False,
                "its age cannot be told: it has no record, and no table with a `newest` column that is filled; "
                "mtime is no proof",
            )
        return
    age = now - taken_at
    if age < -SKEW:
        yield Objection(
            True,
            f"it says it was made {format_duration(-age)} in the future; "
            f"the clock that made it is wrong, or `timezone` is not {settings.timezone}",
        )
    elif limit is not None and age > limit:
        yield Objection(True, f"it is {about(age)} old, expected at most {format_duration(limit)}")
    elif limit is None and age > (most := _oldest(settings)):
        yield Objection(
            True,
            f"it is {about(age)} old, and where `expect: age` says nothing, {format_duration(most)} is the most; "
            "if it may be older, say so there",
        )


def old_by_name(settings: BackupSettings, named_at: float | None, now: float) -> tuple[str, ...]:
    """The doubt that is left where nothing but its name says when a backup was made, and the name says long ago. A name
    never proves a backup fresh; but nobody names a fresh one after a day of last year."""
    if named_at is None or settings.expect.age is not None or now - named_at <= _oldest(settings):
        return ()
    return (
        f"by its name it is {about(now - named_at)} old, and nothing inside says otherwise; set `expect`: `age` with a "
        "`newest` column or a `record`, or leave such a date out of its name",
    )


def _oldest(settings: BackupSettings) -> float:
    """How old it may be where `expect: age` says nothing: whatever else in the config allows counts."""
    within = (table.within or 0.0 for table in settings.expect.tables.values())
    return max(_OLDEST, settings.targets.rpo or 0.0, *within)


def about(seconds: float) -> str:
    """A duration for a sentence: whole seconds are enough."""
    return format_duration(float(round(seconds)))
