"""Reads a promqltest file into its commands: load, clear, eval."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from alerts.promql.literal import duration_ms, number, unquote
from tests.promqltest.notation import Line, NotationError, read_line

_LOAD = re.compile(r"^load(_with_nhcb)?\s+(.+?)$")
_INSTANT = re.compile(r"^eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(.+?))?\s+(.+)$")
_RANGE = re.compile(r"^eval(?:_(fail|warn|info))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+)$")
_EXPECT = re.compile(r"^expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.*))?$")
_EXPECT_RANGE = re.compile(r"^expect\s+range\s+vector\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+)$")
_SCALAR = re.compile(
    r"^[-+]?(?:0[xX][0-9a-fA-F_]+|[0-9][0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+|[iI]nf|[nN]a[nN])$"
)


@dataclass(frozen=True)
class Load:
    """Samples to store, `step_ms` apart; with_nhcb stores classic histograms as native ones besides."""

    step_ms: int
    lines: list[Line]
    with_nhcb: bool = False


@dataclass(frozen=True)
class Clear:
    """Forget all samples."""


@dataclass(frozen=True)
class Remark:
    """An expected error or annotation: any, one of exactly this text, or one that a pattern finds."""

    pattern: str | None = None
    is_regex: bool = False

    def fits(self, text: str) -> bool:
        """Whether this is what was expected."""
        if self.pattern is None:
            return True
        return re.search(self.pattern, text) is not None if self.is_regex else text == self.pattern


@dataclass
class Eval:
    """A query, and what it must answer. An instant query has start_ms == end_ms and no step."""

    number: int
    query: str
    start_ms: int
    end_ms: int
    step_ms: int = 0
    expected: list[Line] = field(default_factory=list)
    scalar: float | None = None
    string: str | None = None
    matrix_from: tuple[int, int] | None = None
    ordered: bool = False
    fail: Remark | None = None
    warn: list[Remark] = field(default_factory=list)
    info: list[Remark] = field(default_factory=list)
    no_warn: bool = False
    no_info: bool = False

    @property
    def is_range(self) -> bool:
        """Whether it is a range query."""
        return self.step_ms > 0


Command = Load | Clear | Eval


def _time_ms(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    return sign * duration_ms(text.lstrip("-").strip())


def read_script(text: str) -> Iterator[tuple[int, Command | NotationError]]:
    """Each command with its line number; one that cannot be read comes as its error."""
    lines = [stripped if not (stripped := line.strip()).startswith("#") else "" for line in text.splitlines()]
    at = 0
    while at < len(lines):
        if not lines[at]:
            at += 1
            continue
        end = at + 1
        while end < len(lines) and lines[end]:
            end += 1
        if lines[at].split()[0] == "clear":
            end = at + 1
        try:
            yield at + 1, _read_command(at + 1, lines[at], lines[at + 1 : end])
        except (NotationError, ValueError, KeyError) as error:
            yield at + 1, NotationError(f"cannot read this command: {error}")
        at = end


def _read_command(line_number: int, head: str, body: list[str]) -> Command:
    if head == "clear":
        return Clear()
    if load := _LOAD.match(head):
        return Load(_time_ms(load[2]), [read_line(line) for line in body], load[1] is not None)
    if instant := _INSTANT.match(head):
        at = _time_ms(instant[2] or "0")
        command = Eval(line_number, instant[3], at, at)
        mode = instant[1]
    elif ranged := _RANGE.match(head):
        command = Eval(line_number, ranged[5], _time_ms(ranged[2]), _time_ms(ranged[3]), _time_ms(ranged[4]))
        mode = ranged[1]
    else:
        raise NotationError(f"unknown command {head!r}")
    _read_mode(command, mode)
    for line in body:
        _read_expectation(command, line)
    return command


def _read_mode(command: Eval, mode: str | None) -> None:
    if mode == "fail":
        command.fail = Remark()
    elif mode == "warn":
        command.warn.append(Remark())
    elif mode == "info":
        command.info.append(Remark())
    command.ordered = mode == "ordered"


def _read_expectation(command: Eval, line: str) -> None:
    if line.startswith("expected_fail_message "):
        command.fail = Remark(line.removeprefix("expected_fail_message ").strip())
    elif line.startswith("expected_fail_regexp "):
        command.fail = Remark(line.removeprefix("expected_fail_regexp ").strip(), is_regex=True)
    elif line.startswith("expect string "):
        command.string = unquote(line.removeprefix("expect string ").strip())
    elif ranged := _EXPECT_RANGE.match(line):
        command.matrix_from = (_time_ms(ranged[1]), _time_ms(ranged[3]))
    elif expect := _EXPECT.match(line):
        _read_remark(command, expect)
    elif line.startswith("expect "):
        raise NotationError(f"unknown expectation {line!r}")
    elif _SCALAR.match(line):
        sign = -1.0 if line.startswith("-") else 1.0
        command.scalar = sign * number(line.lstrip("+-"))
    else:
        command.expected.append(read_line(line))


def _read_remark(command: Eval, expect: re.Match[str]) -> None:
    kind = expect[1]
    remark = Remark(expect[3].strip() if expect[3] is not None else None, expect[2] == "regex")
    if kind == "ordered":
        command.ordered = True
    elif kind == "fail":
        command.fail = remark
    elif kind in ("warn", "info"):
        (command.warn if kind == "warn" else command.info).append(remark)
    elif kind == "no_warn":
        command.no_warn = True
    else:
        command.no_info = True
