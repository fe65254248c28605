"""The console is read at night: plain, complete, and in nobody's control but ours."""

import io
from dataclasses import replace

import pytest

from alerts.incident import Audit, Kind, State, Taken
from alerts.notifiers.base import NotifyError, Receipt
from alerts.notifiers.console import ConsoleNotifier, ConsoleSettings, block
from tests.alerts.making import NOW
from tests.alerts.notifiers.test_slack import ACKED, PAGE, RESOLVED

SHOWN = """\
── PAGE  K7Q2  mei ───────────────────────────────────────────────────────────
Shoppers cannot finish checkout
since 11:00:00 CST (30s), page. Paged mei by slack (step 1 of 2)
The shopper's walk stops at a step.
  pay: expected status 200, got 500
  ✗ pay after 1.2 s
  not reached: confirmation
  status   500
  value    0
Runbook  https://watch.shop.example/runbooks/CheckoutFailing
Ack      shopwatch ack K7Q2
──────────────────────────────────────────────────────────────────────────────"""


class _Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def _sent(stream: io.StringIO, *pages: object) -> str:
    notifier, receipt = ConsoleNotifier(ConsoleSettings(name="console"), stream), None
    for page in pages:
        receipt = notifier.send(page, receipt)  # type: ignore[arg-type]  # pages of another test
    return stream.getvalue()


def test_a_page() -> None:
    page = replace(PAGE, zone="Asia/Taipei", started_at=NOW, at=NOW + 30)
    assert block(page) == SHOWN


def test_a_page_from_an_unusual_address_names_it_for_the_ack() -> None:
    page = replace(PAGE, command_url="http://127.0.0.1:37103")
    assert "\nAck      shopwatch ack K7Q2 --url http://127.0.0.1:37103\n" in block(page)


@pytest.mark.parametrize(("severity", "word"), [("page", "PAGE"), ("ticket", "TICKET"), ("test", "TEST"), ("", "PAGE")])
def test_only_a_page_is_called_one(severity: str, word: str) -> None:
    assert block(replace(PAGE, severity=severity)).startswith(f"── {word}  K7Q2  mei ──")
    assert block(replace(PAGE, severity=severity, ack=Taken("mei", NOW), state=State.ACKED)).startswith(
        "── ACKED  K7Q2"
    )


AGAIN = replace(PAGE, kind=Kind.NEWS, line="Fires again: pay failed", story=(Audit(NOW, "reopened", "Fires again"),))


@pytest.mark.parametrize("kind", [Kind.NEWS, Kind.PAGE])
def test_what_fires_again_after_its_end_was_shown_is_shown_whole_again(kind: Kind) -> None:
    shown = _sent(io.StringIO(), PAGE, RESOLVED, replace(AGAIN, kind=kind))
    again = replace(PAGE, line=AGAIN.line)
    assert shown.endswith(f"{block(again)}\n")
    assert shown.count("── PAGE  K7Q2  mei ──") == 2
    assert shown.count("\nAck      shopwatch ack K7Q2\n") == 2
    assert "\x1b[1;31m── PAGE" in _sent(_Screen(), PAGE, RESOLVED, AGAIN).rpartition("RESOLVED")[2]


def test_what_fires_again_in_the_hands_of_whoever_has_it_is_shown_whole_and_says_so() -> None:
    taken = replace(AGAIN, state=State.ACKED, ack=Taken("mei", NOW))
    last = _sent(io.StringIO(), PAGE, RESOLVED, taken).rpartition("── ACKED  K7Q2")[2]
    assert "Fires again: pay failed" in last
    assert "Runbook  https://watch.shop.example/runbooks/CheckoutFailing" in last
    assert "shopwatch ack" not in last


def test_what_was_over_for_so_short_that_nobody_read_it_is_news_with_its_runbook() -> None:
    lines = _sent(io.StringIO(), PAGE, AGAIN, replace(AGAIN, line="Now: search failed", story=())).splitlines()
    assert lines[-3:] == [
        "03:00:00 UTC  K7Q2  Fires again: pay failed",
        "Runbook  https://watch.shop.example/runbooks/CheckoutFailing",
        "03:00:00 UTC  K7Q2  Now: search failed",
    ]


def test_the_end_says_what_how_long_and_who_had_it_and_nothing_that_reads_like_a_failure() -> None:
    over = replace(
        RESOLVED, line="Resolved: it is mended", ack=Taken("mei", NOW + 5, "slack"), more=("Orders stopped",)
    )
    assert (
        block(over)
        == """\
── RESOLVED  K7Q2  mei ───────────────────────────────────────────────────────
Resolved: Shoppers cannot finish checkout
lasted 2m, from 02:59:30 UTC to 03:01:30 UTC. Resolved: it is mended
mei had it since 03:00:05 UTC
──────────────────────────────────────────────────────────────────────────────"""
    )
    assert "had it" not in block(replace(over, ack=None)), "nobody did"


def test_news_is_one_line_and_the_end_is_whole() -> None:
    lines = _sent(io.StringIO(), PAGE, ACKED, RESOLVED).splitlines()
    assert "03:00:00 UTC  K7Q2  mei is on it" in lines
    assert lines[lines.index("03:00:00 UTC  K7Q2  mei is on it") + 1].startswith("── RESOLVED  K7Q2")
    assert "Ack      shopwatch ack K7Q2" not in lines[-4:]


def test_news_of_what_was_never_shown_here_is_shown_whole() -> None:
    assert "Shoppers cannot finish checkout" in _sent(io.StringIO(), ACKED)


def test_colour_is_for_screens_only() -> None:
    assert "\x1b" not in _sent(io.StringIO(), PAGE)
    assert "\x1b[1;31m" in _sent(_Screen(), PAGE)
    assert "\x1b[32m" in _sent(_Screen(), RESOLVED)


def test_an_alert_cannot_write_escape_codes() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\r\u202eevil"
    page = replace(PAGE, headline=evil, description=evil, line=evil, values=((evil, evil),), severity=evil)
    for one in (page, replace(page, state=State.ACKED, ack=Taken(evil, NOW), kind=Kind.NEWS)):
        plain = _sent(io.StringIO(), one, one)
        assert not {"\x1b", "\x07", "\r", "\u202e"} & set(plain)
    assert "\x1b]" not in _sent(_Screen(), page)


def test_a_closed_console_is_an_error_to_try_again() -> None:
    stream = io.StringIO()
    stream.close()
    with pytest.raises(NotifyError, match="cannot be written to") as caught:
        ConsoleNotifier(ConsoleSettings(name="console"), stream).send(PAGE, Receipt("console", NOW))
    assert not caught.value.permanent


def test_a_terminal_without_unicode_is_told_all_the_same() -> None:
    raw = io.BytesIO()
    terminal = io.TextIOWrapper(raw, encoding="ascii")
    ConsoleNotifier(ConsoleSettings(name="console"), terminal).send(PAGE, None)
    assert b"Shoppers cannot finish checkout" in raw.getvalue()
