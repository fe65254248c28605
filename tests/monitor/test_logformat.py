"""What alerts are called cannot forge a line of the log, nor reach the terminal that shows it."""

import logging
import sys

import pytest

from monitor.logformat import PlainFormatter, plain


def _line(message: str, *words: object, trouble: bool = False) -> str:
    info = sys.exc_info() if trouble else None
    record = logging.LogRecord("monitor", logging.ERROR, __file__, 1, message, words, info)
    return PlainFormatter("%(levelname)s %(message)s").format(record)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Größe 5 ✓", "Größe 5 ✓"),
        ("Down\n2026-11-21 INFO all is well", r"Down\n2026-11-21 INFO all is well"),
        ("\x1b[2J\x00\r", r"\x1b[2J\x00\r"),
        ("a\u2028b\u202ec\x85", r"a\u2028b\u202ec\x85"),
        ("\ud800", r"\ud800"),
    ],
)
def test_a_record_is_one_printable_line(name: str, written: str) -> None:
    assert _line("the alert %s", name) == f"ERROR the alert {written}"
    assert plain(name).encode().decode() == written


def test_a_traceback_keeps_its_lines_and_nothing_in_it_looks_like_a_record() -> None:
    try:
        raise ValueError("x\nERROR forged \x1b[31m")
    except ValueError:
        lines = _line("it failed", trouble=True).split("\n")
    assert lines[0] == "ERROR it failed"
    assert len(lines) > 3
    assert all(line.startswith("    ") and line.isprintable() for line in lines[1:])
