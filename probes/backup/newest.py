"""Decides which of the files is the newest backup, and says when that cannot be told. Pure.

What is inside a backup, or its record, says when it was made. A name or an mtime only helps to put files in an order: a
copy of an old backup has a fresh mtime, so where these witnesses stand against each other the answer is a doubt.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from probes.backup.record import Record
from probes.units import format_duration

#: Clocks of two hosts differ by so much; an mtime from further in the future is nobody's evidence.
SKEW = 60.0
#: Two mtimes closer than this are one: a file system's clock does not tick faster.
_TICK = 0.01
_MEND = "record backups when they are made (shopwatch backup record), or move what is no new backup out of the folder"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file that may be the newest backup. Times are wall-clock seconds, UTC.

    `taken_at` is what may be believed: its record or what is inside. `order` is that, or the moment in its name, which
    sorts and proves nothing; None where neither says anything. `written` is its mtime. `trouble` says why it cannot be
    a good backup.
    """

    path: Path
    size: int
    record: Record | None = None
    taken_at: float | None = None
    order: float | None = None
    trouble: str = ""
    written: float = 0.0

    @property
    def moment(self) -> float:
        """When it was made, as far as there is evidence."""
        return self.written if self.taken_at is None else self.taken_at

    def claim(self, settle: float) -> float:
        """When it was made, by its own word; one that says nothing must be written clearly later to count as newer."""
        return self.written - settle if self.order is None else self.order


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why the chosen file may not be the newest. A row inside it that was made after `settled_from` proves it is."""

    reason: str
    settled_from: float = float("inf")


@dataclass(frozen=True, slots=True)
class Choice:
    """The newest backup, what was seen on the way to it, and what speaks against its being the newest."""

    candidate: Candidate
    notes: tuple[str, ...] = ()
    doubt: Doubt | None = None

    def doubts(self, newest_row: float | None) -> tuple[str, ...]:
        """What is left of the doubt once the newest row inside is known."""
        proved = self.doubt is None or (newest_row is not None and newest_row > self.doubt.settled_from)
        return () if self.doubt is None or proved else (self.doubt.reason,)


#: Whether two files of the same size hold the same bytes.
Same = Callable[[Candidate, Candidate], bool]


def pick(candidates: Sequence[Candidate], settle: float, now: float, same: Same) -> Choice:
    """The newest of these, at least one. `settle` is in seconds: mtimes must differ by more to be evidence."""
    left, notes = _without_copies(candidates, same)
    chosen = max(left, key=lambda c: (c.claim(settle), c.order is not None, c.written, c.path.name))
    others = [candidate for candidate in left if candidate is not chosen]
    if others and chosen.order is None and all(other.order is None for other in others):
        notes.append(f"no file says when it was made: {chosen.path.name} is the newest by its mtime")
    return Choice(chosen, tuple(notes), _doubt(chosen, others, settle, now, same) if others else None)


def may_be_newer(bad: Candidate, newest: Candidate, settle: float) -> bool:
    """Whether a file that is no backup at all may be newer than the newest that is one; when in doubt, it may."""
    if bad.claim(settle) >= newest.claim(settle):
        return True
    return bad.taken_at is None and bad.written + settle >= min(newest.moment, newest.written)


def _without_copies(candidates: Sequence[Candidate], same: Same) -> tuple[list[Candidate], list[str]]:
    """Leave out what is newest by its mtime alone and is only another's copy, as a `latest.db` often is."""
    left, notes = list(candidates), list[str]()
    while True:
        latest = max(left, key=lambda candidate: candidate.moment)
        if latest.order is not None:
            return left, notes
        twins = (other for other in left if other.order is not None and _alike(other, latest, same))
        if (twin := next(twins, None)) is None:
            return left, notes
        left.remove(latest)
        notes.append(f"{latest.path.name} is a copy of {twin.path.name}")


def _doubt(chosen: Candidate, others: list[Candidate], settle: float, now: float, same: Same) -> Doubt | None:
    name, latest = chosen.path.name, max(others, key=lambda other: (other.moment, other.path.name))
    if latest.moment > chosen.moment + settle and None in (latest.taken_at, chosen.taken_at):
        if _alike(latest, chosen, same):
            return None
        return Doubt(
            f"{name} should be the newest by its {_witness(chosen)}, but {latest.path.name} was "
            f"{_made(latest)} {_about(latest.moment - chosen.moment)} later than {name} was {_made(chosen)}: "
            f"which of them is the newest cannot be told; keep mtimes when you copy (cp -p, rsync -t), {_MEND}",
            latest.moment,
        )
    if chosen.taken_at is not None:
        return None
    if chosen.written > now + SKEW:
        return Doubt(
            f"{name} is the newest by an mtime {_about(chosen.written - now)} in the future, which is wrong: whether "
            f"it is newer than {latest.path.name} cannot be told; set its mtime right (touch), {_MEND}",
            latest.moment,
        )
    if chosen.order is None and (dated := [other for other in others if other.order is not None]):
        last = max(dated, key=lambda other: other.order or 0.0)
        return Doubt(
            f"{name} was written after {last.path.name} was made ({_moment(last.order or 0.0)}), but does not say when "
            f"it was made itself: it may be the newest, or the copy of an old one; {_MEND}",
            last.order or 0.0,
        )
    return _tie(chosen, others, same)


def _tie(chosen: Candidate, others: list[Candidate], same: Same) -> Doubt | None:
    for other in others:
        level = chosen.order == other.order and abs(chosen.written - other.written) < _TICK
        if level and other.taken_at is None and not _alike(chosen, other, same):
            return Doubt(
                f"{chosen.path.name} and {other.path.name} have the same mtime, and neither says when it was made: "
                f"which of them is the newest cannot be told; {_MEND}"
            )
    return None


def _alike(one: Candidate, other: Candidate, same: Same) -> bool:
    return one is not other and one.size == other.size and same(one, other)


def _witness(candidate: Candidate) -> str:
    if candidate.record is not None:
        return "record"
    return "name" if candidate.taken_at is None else "contents"


def _made(candidate: Candidate) -> str:
    return "written" if candidate.taken_at is None else "made"


def _about(seconds: float) -> str:
    return format_duration(float(max(1, round(seconds))))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
