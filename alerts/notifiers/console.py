"""Tells a page to whoever watches the terminal: a block that a tired person can read, colours only on a screen."""

import sys
from datetime import datetime
from typing import Literal, TextIO
from zoneinfo import ZoneInfo

from alerts.incident import Kind, State, Taken
from alerts.notifiers.base import Notifier, NotifierSettings, NotifyError, Receipt
from alerts.page import Page, not_reached, took
from probes.base import Evidence, Outcome
from probes.units import format_duration

_WIDTH = 78
_RED, _YELLOW, _GREEN, _BOLD, _PLAIN = "\x1b[1;31m", "\x1b[33m", "\x1b[32m", "\x1b[1m", "\x1b[0m"
#: What rings without being a page.
_RINGS = {"ticket": "TICKET", "test": "TEST"}
_MARKS = {Outcome.UP: "✓", Outcome.DEGRADED: "~", Outcome.UNKNOWN: "?"}


class ConsoleSettings(NotifierSettings):
    """The console needs nothing to be known."""

    type: Literal["console"] = "console"


class ConsoleNotifier(Notifier[ConsoleSettings]):
    """Writes pages to standard output (or another stream)."""

    settings_model = ConsoleSettings

    def __init__(self, settings: ConsoleSettings, stream: TextIO | None = None) -> None:
        super().__init__(settings)
        self._stream = stream

    def send(self, page: Page, previous: Receipt | None) -> Receipt:
        """Print the whole page when it wakes someone or is over, and one line for news.

        What fires again after its end was shown here is shown whole, as at first: nobody looks up what is over.
        """
        stream = self._stream or sys.stdout
        again = previous is not None and page.open and previous.message.get("state") == State.RESOLVED
        whole = previous is None or page.kind is not Kind.NEWS or again
        try:
            text = block(page, stream.isatty(), again) if whole else _news(page)
            encoding = stream.encoding or "utf-8"
            # A terminal that knows no ✓ must still wake someone.
            stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
            stream.flush()
        except (OSError, ValueError) as error:
            raise NotifyError(f"the console cannot be written to: {error}") from None
        return Receipt(self.name, page.at, {"state": page.state.value})


def block(page: Page, colour: bool = False, again: bool = False) -> str:
    """The page as lines of text, without control characters that an alert could smuggle in.

    `again` says that it was over for whoever reads here, and wakes them anew.
    """
    head = [_title(page, again), _printable(page.headline)]
    lines = _standing(page)
    if page.resolved is not None and not page.open:
        head[1], lines = f"Resolved: {head[1]}", _ending(page, page.resolved)
    if colour:
        head = [f"{_title_colour(page)}{head[0]}{_PLAIN}", f"{_BOLD}{head[1]}{_PLAIN}"]
    return "\n".join([*head, *map(_printable, lines), "─" * _WIDTH])


def _ending(page: Page, resolved: Taken) -> list[str]:
    """That it is over: no evidence, which half asleep reads like another failure."""
    lasted = format_duration(max(0, round(resolved.at - page.started_at)))
    lines = [f"lasted {lasted}, from {_time(page.started_at, page)} to {_time(resolved.at, page)}. {page.line}"]
    if page.ack is not None:
        lines.append(f"{page.ack.by} had it since {_time(page.ack.at, page)}")
    return lines


def _standing(page: Page) -> list[str]:
    """What is broken, since when, the proof, and what to do."""
    ago = format_duration(max(0, round(page.at - page.started_at)))
    lines = [f"since {_time(page.started_at, page)} ({ago}), {page.severity or 'no severity'}. {page.line}"]
    if page.description:
        lines.append(page.description)
    lines.extend(f"  also     {summary}" for summary in page.more)
    if page.evidence is not None:
        lines.extend(_evidence(page.evidence))
    lines.extend(f"  {name:<8} {value}" for name, value in page.values)
    if page.runbook_url:
        lines.append(f"Runbook  {page.runbook_url}")
    if page.can_ack:
        where = f" --url {page.command_url}" if page.command_url else ""
        lines.append(f"Ack      shopwatch ack {page.key}{where}")
    return lines


def _news(page: Page) -> str:
    text = _printable(f"{_time(page.at, page)}  {page.key}  {page.line}")
    again = bool(page.story) and page.story[-1].kind == "reopened"
    return f"{text}\n{_printable(f'Runbook  {page.runbook_url}')}" if again and page.runbook_url else text


def _title(page: Page, again: bool) -> str:
    rings = page.rings or (again and page.state is State.OPEN)
    word = _RINGS.get(page.severity, "PAGE") if rings else page.state.value.upper()
    text = _printable(f"── {word}  {page.key}  {', '.join(person.name for person in page.people)} ".rstrip() + " ")
    return text.ljust(_WIDTH, "─")


def _title_colour(page: Page) -> str:
    if page.state is State.RESOLVED:
        return _GREEN
    return _RED if page.state is State.OPEN else _YELLOW


def _evidence(evidence: Evidence) -> list[str]:
    lines = [f"  {evidence.summary}"]
    skipped = not_reached(evidence)
    for step in evidence.steps:
        if step.name in skipped or (step.outcome is Outcome.UP and not step.detail):
            continue
        after = f" after {took(step.seconds)}" if step.seconds is not None else ""
        detail = f"  {step.detail}" if step.detail not in evidence.summary else ""
        lines.append(f"  {_MARKS.get(step.outcome, '✗')} {step.name}{after}{detail}")
    if skipped:
        lines.append(f"  not reached: {', '.join(skipped)}")
    lines.extend(f"  {name:<8} {value}" for name, value in evidence.facts)
    return lines


def _time(at: float, page: Page) -> str:
    return datetime.fromtimestamp(at, ZoneInfo(page.zone)).strftime("%H:%M:%S %Z")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
