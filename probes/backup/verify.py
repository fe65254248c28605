"""One verification from beginning to end: find, fetch, start, restore, question, clean up, and judge."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from probes.backup.age import old_by_name
from probes.backup.engine import Engine
from probes.backup.fetch import fetch
from probes.backup.find import choose
from probes.backup.isolation import Cell, account_for
from probes.backup.judge import Found, Judgement, judge
from probes.backup.newest import Candidate
from probes.backup.proved import Proved, look_again
from probes.backup.scratch import Scratch, clean_leftovers, make_scratch, remove_scratch, scratch_base
from probes.backup.settings import BackupSettings
from probes.backup.verification import Broken, CouldNotLook, Verdict, Verification

#: Disk space that a verification never uses up: the shop may live on the same disk.
RESERVE_BYTES = 256 * 1024 * 1024


class Interrupted(BaseException):
    """We were told to stop, or ran out of time; not an Exception, so that nothing on the way swallows it."""


@dataclass(slots=True)
class _Course:
    """What a verification knows so far; whatever happens, this much is reported."""

    notes: list[str] = field(default_factory=list)
    phases: dict[str, float] = field(default_factory=dict)
    candidate: Candidate | None = None
    sha256: str = ""
    found: Found | None = None
    taken_at: float | None = None
    fetch_began: float | None = None
    answered: float | None = None

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        finally:
            self.phases[name] = time.monotonic() - begun

    def first_answer(self) -> None:
        if self.answered is None:
            self.answered = time.monotonic()


def verify(
    engine: Engine[BackupSettings],
    previous: Mapping[str, int] | None = None,
    clock: Callable[[], float] = time.time,
    reserve: int = RESERVE_BYTES,
    offline: bool = False,
    proved: Proved | None = None,
) -> Verification:
    """Verify the newest backup; never raises for what is wrong with it or with us: that is the answer.

    `previous` are the rows of the last verification that passed, `proved` is its file; `offline` says that this
    process has no network.
    """
    settings, course, started_at = engine.settings, _Course(), clock()
    interrupted = False
    try:
        judgement = _look(engine, course, previous or {}, clock, reserve, offline)
    except Broken as error:
        judgement = Judgement(Verdict.FAIL, (str(error),), ())
    except (CouldNotLook, Interrupted) as error:
        interrupted = isinstance(error, Interrupted)
        judgement = Judgement(Verdict.INCONCLUSIVE, (str(error),), ())
    except OSError as error:
        judgement = Judgement(Verdict.INCONCLUSIVE, (f"the system refused: {error}",), ())
    except Exception as error:  # our own bug must not be taken for a good backup, nor for a bad one
        reason = f"our own fault, please report it: {type(error).__name__}: {error}"
        judgement = Judgement(Verdict.INCONCLUSIVE, (reason,), ())
    last_good = ""
    if judgement.verdict is not Verdict.PASS and proved is not None and not interrupted:
        with suppress(Interrupted):
            last_good = look_again(settings, proved)
    found = _verification(settings, engine, course, judgement, started_at, clock(), offline)
    return replace(found, last_good=last_good)


def _look(
    engine: Engine[BackupSettings],
    course: _Course,
    previous: Mapping[str, int],
    clock: Callable[[], float],
    reserve: int,
    offline: bool,
) -> Judgement:
    settings = engine.settings
    base = scratch_base(settings.verify.scratch)
    with course.phase("find"):
        course.notes += [f"cleaned up after a verification that was killed: {name}" for name in clean_leftovers(base)]
        choice = choose(settings, engine.taken_at, clock())
        course.candidate, course.taken_at = choice.candidate, choice.candidate.taken_at
        course.notes += choice.notes
    scratch = make_scratch(base, account_for(settings.verify.user))
    try:
        found = _restore(engine, course, Cell(scratch, reserve, offline))
    finally:
        with course.phase("cleanup"), _undisturbed():
            _clean_up(engine, course, scratch)
    newest_row = max(found.newest.values(), default=None)
    if course.taken_at is None:
        course.taken_at = newest_row
    doubts, now = choice.doubts(newest_row), clock()
    if course.taken_at is None:
        doubts += old_by_name(settings, choice.candidate.order, now)
    return judge(settings, found, choice.candidate.record, course.taken_at, previous, now, doubts)


def _restore(engine: Engine[BackupSettings], course: _Course, cell: Cell) -> Found:
    candidate = course.candidate
    assert candidate is not None
    course.fetch_began = time.monotonic()
    with course.phase("fetch"):
        cell.check_space(engine.needed_bytes(candidate.size, candidate.record))
        file, course.sha256 = fetch(candidate, engine.companions, cell)
    with course.phase("start"):
        engine.start(cell)
    with course.phase("restore"):
        engine.restore(cell, file)
    with course.phase("question"):
        course.found = engine.question(cell, course.first_answer)
    return course.found


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A request to stop waits until the room is empty."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGALRM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _clean_up(engine: Engine[BackupSettings], course: _Course, scratch: Scratch) -> None:
    try:
        engine.stop()
        remove_scratch(scratch)
    except OSError as error:
        course.notes.append(f"could not clean up {scratch.root}: {error}; the next verification tries again")


def _verification(
    settings: BackupSettings,
    engine: Engine[BackupSettings],
    course: _Course,
    judgement: Judgement,
    started_at: float,
    finished_at: float,
    offline: bool,
) -> Verification:
    candidate, found = course.candidate, course.found
    recorded = candidate.record if candidate else None
    network = (("network while restoring", "none" if offline else "the host's"),) if "restore" in course.phases else ()
    rto = None if course.answered is None or course.fetch_began is None else course.answered - course.fetch_began
    return Verification(
        backup=settings.name,
        type=settings.type,
        verdict=judgement.verdict,
        started_at=started_at,
        finished_at=finished_at,
        reasons=judgement.reasons,
        notes=(*course.notes, *judgement.notes),
        file=candidate.path.name if candidate else "",
        taken_at=course.taken_at,
        size=candidate.size if candidate else None,
        restored_size=engine.log.restored_size,
        rto=rto,
        phases=course.phases,
        rows=dict(found.rows) if found else {},
        recorded={name: table.rows for name, table in recorded.tables.items()} if recorded else {},
        newest=dict(found.newest) if found else {},
        facts=(*engine.log.facts.items(), *network),
        excerpt=engine.log.excerpt[:2000],
        sha256=course.sha256,
    )
