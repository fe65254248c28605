"""Which file is the newest, where names, mtimes and records agree, are silent, or stand against each other."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.backup.newest import Candidate, Choice, pick

NOW = 1_795_262_400.0
HOUR, DAY = 3600.0, 86400.0
SETTLE = 60.0


def file(name: str, written: float, *, named: float | None = None, taken: float | None = None) -> Candidate:
    order = named if taken is None else taken
    return Candidate(Path(f"/b/{name}"), 100, None, taken, order, written=written)


def look(*files: Candidate, alike: bool = False) -> Choice:
    return pick(files, SETTLE, NOW, lambda one, other: alike)


def told(choice: Choice) -> tuple[str, bool]:
    return choice.candidate.path.name, choice.doubt is not None


def test_one_file_is_the_newest_whatever_it_says() -> None:
    for alone in (file("a", NOW + 9 * DAY), file("a", 0), file("a", 0, named=NOW + DAY), file("a", 0, taken=NOW)):
        assert look(alone) == Choice(alone)


@pytest.mark.parametrize(
    ("files", "answer"),
    [
        # both are dated by what is inside: an mtime says nothing, neither of a copy nor of a restored file
        ([file("old", NOW, taken=NOW - DAY), file("new", 0, taken=NOW - HOUR)], ("new", False)),
        # a record step that broke: the newer file is judged, and may be a copy of an old one
        ([file("z", NOW - DAY + 50, taken=NOW - DAY), file("a", NOW - HOUR)], ("a", True)),
        # written after the data was read, and not clearly later: the dump itself took so long
        ([file("a", NOW - DAY, taken=NOW - DAY), file("z", NOW - DAY + SETTLE)], ("a", False)),
        ([file("a", NOW - DAY, taken=NOW - DAY), file("z", NOW - DAY + SETTLE + 1)], ("z", True)),
        # touching the old one does not make the unrecorded one older
        ([file("a", NOW, taken=NOW - DAY), file("z", NOW - HOUR)], ("z", True)),
        # an unrecorded file from before
        ([file("a", NOW - HOUR, taken=NOW - HOUR), file("z", NOW - DAY)], ("a", False)),
        # names and mtimes agree
        ([file("a", NOW - DAY, named=NOW - DAY), file("b", NOW - HOUR, named=NOW - HOUR)], ("b", False)),
        # copied without -p, the oldest last
        ([file("a", NOW - HOUR, named=NOW - DAY), file("b", NOW - 2 * HOUR, named=NOW - 3 * HOUR)], ("b", True)),
        # copied without -p, within moments
        ([file("a", NOW - HOUR + 9, named=NOW - DAY), file("b", NOW - HOUR, named=NOW - 3 * HOUR)], ("b", False)),
        # an old backup fetched back into the folder, by its name an old one
        ([file("a", NOW - HOUR, named=NOW - 9 * DAY), file("b", NOW - DAY, taken=NOW - DAY)], ("b", True)),
        # a name that lies in the future stays the newest by its name for ever
        ([file("a", NOW - DAY, named=NOW + DAY), file("b", NOW - HOUR, named=NOW - HOUR)], ("a", True)),
        ([file("a", NOW - DAY, named=NOW + DAY), file("b", NOW - HOUR, taken=NOW - HOUR)], ("a", True)),
        # an mtime that lies in the future would, too
        ([file("a", NOW + HOUR), file("b", NOW - HOUR)], ("a", True)),
        # every mtime the same, as in an image
        ([file("a", 1.0), file("b", 1.0)], ("b", True)),
        ([file("a", 1.0, named=NOW - DAY), file("b", 1.0, named=NOW - HOUR)], ("b", False)),
        # something without a date beside files that have one in their name
        ([file("a", NOW - HOUR), file("b", NOW - DAY, named=NOW - DAY)], ("a", True)),
    ],
)
def test_witnesses(files: list[Candidate], answer: tuple[str, bool]) -> None:
    assert told(look(*files)) == told(look(*reversed(files))) == answer


def test_a_doubt_names_both_and_ends_with_a_row_that_is_newer() -> None:
    choice = look(file("cms-1.db", NOW - DAY, taken=NOW - DAY), file("cms-3.db", NOW - HOUR))
    (reason,) = choice.doubts(None)
    assert reason.startswith("cms-3.db was written after cms-1.db was made (2026-11-20 12:00:00 UTC), but does not say")
    assert choice.doubts(NOW - DAY) == (reason,)
    assert choice.doubts(NOW - DAY + 1) == ()
    crossed = look(file("a", NOW - HOUR, named=NOW - 9 * DAY), file("b", NOW - DAY, taken=NOW - DAY))
    assert "b should be the newest by its contents, but a was written 23h later than b was made" in crossed.doubts(0)[0]
    assert look(file("a", 1.0), file("b", 1.0)).doubts(NOW) != (), "no row tells two files apart that say nothing"


def test_copies_raise_no_doubt() -> None:
    dated, latest = file("s-1", NOW - DAY, taken=NOW - DAY), file("latest", NOW - HOUR)
    assert told(look(dated, latest, alike=True)) == ("s-1", False)
    assert told(look(file("a", 1.0), file("b", 1.0), alike=True)) == ("b", False)
    crossed = [file("a", NOW - HOUR, named=NOW - 9 * DAY), file("b", NOW - DAY, named=NOW - DAY)]
    assert told(look(*crossed, alike=True)) == ("b", False)


moments = st.floats(NOW - 30 * DAY, NOW + 2 * DAY)
kinds: dict[str, Any] = {"named": st.none() | moments, "taken": st.none() | moments}


@given(st.lists(st.builds(file, st.text("ab-19", min_size=1), moments, **kinds), min_size=1, max_size=5))
def test_no_later_file_is_ever_passed_over_in_silence(files: list[Candidate]) -> None:
    choice = look(*files)
    chosen = choice.candidate
    for other in files:
        decided = None not in (chosen.taken_at, other.taken_at)
        assert choice.doubt or decided or other.moment <= chosen.moment + SETTLE
        assert not decided or other.moment <= chosen.moment
