"""Greets a mail server as one that has a mail to send would, signs in where asked, and leaves without sending any."""

import base64
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, model_validator

from probes.base import Finding, Metric, Outcome, Probe, Run, Sample
from probes.net.address import HostPort
from probes.net.auth import Basic
from probes.net.certificate import TLS_METRICS
from probes.net.errors import NetError
from probes.net.reach import REACH_METRICS, Degraded, NetworkSettings, before
from probes.net.starttls import GREETINGS
from probes.net.stream import Stream
from probes.net.tls import DEFAULT_TLS, TlsSettings, prepare
from probes.net.visit import Visit
from probes.pattern import Regex, regex
from probes.settings import SecretUnreadable, Settings
from probes.units import Interval, format_duration

_LEGS = ("resolve", "connect", "banner", "ehlo", "starttls", "tls", "auth")
_MOST_LINES = 200
_SHOWN = 200
#: Replies to AUTH that say: not with these words (RFC 4954). 454 is the server's own trouble.
_REFUSED = (504, 530, 534, 535, 538, 500, 502, 503)


class SmtpExpect(Settings):
    """What a good server says; everything given must hold."""

    banner: Regex | None = Field(default=None, description="What must match somewhere in its greeting (RE2).")
    extensions: tuple[str, ...] = Field(default=(), description="What it must offer, such as SIZE or 8BITMIME.")
    within: Interval | None = Field(default=None, description="A look that takes longer than this is down.")


class SmtpSettings(NetworkSettings):
    """Where it listens, how TLS comes in, and who we are there."""

    type: Literal["smtp"] = "smtp"
    address: HostPort = Field(description="host:port, such as mail.shop.example:587.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls (ports 25 and 587), tls from the first byte (465), or none."
    )
    tls: TlsSettings = DEFAULT_TLS
    hello: str = Field(default="shopwatch", pattern=r"^[!-~]{1,255}$", description="The name that we give in EHLO.")
    auth: Basic | None = Field(default=None, description="A user and password to sign in with.")
    expect: SmtpExpect = SmtpExpect()
    degraded: Degraded | None = None

    @model_validator(mode="after")
    def _keeps_the_password(self) -> "SmtpSettings":
        if self.auth is not None and self.security == "none":
            raise ValueError("auth without TLS would send the password for everybody to read; set security: starttls")
        return self


class _TurnedAway(NetError):
    """The server speaks to others, but not to us (554 as the first word, RFC 5321, 3.1)."""

    @property
    def outcome(self) -> Outcome:
        return Outcome.BLOCKED


@dataclass(slots=True)
class _Talk:
    """What was said. `code` is the last reply's, `extensions` are those offered last."""

    banner: str = ""
    code: int = 0
    said: str = ""
    extensions: dict[str, str] = field(default_factory=dict)


class SmtpProbe(Probe[SmtpSettings]):
    """Banner, EHLO, STARTTLS, EHLO again, AUTH where asked, QUIT. No mail is ever begun.

    Up: all of it went well, and `expect` holds. Degraded: so, but slower than `degraded.after`. Down: refused, reset,
    silent, a bad certificate, another reply than expected, no STARTTLS where it was asked for. Blocked: 554 instead of
    a greeting. Unknown: our user and password were not accepted; or we had no route, no descriptor, no name server.
    """

    settings_model = SmtpSettings
    metrics = (
        Metric("probe_smtp_duration_seconds", "gauge", "How long each phase took."),
        Metric("probe_smtp_status_code", "gauge", "The code of the last reply that was judged."),
        *REACH_METRICS,
        *TLS_METRICS,
    )

    async def open(self) -> None:
        """Build once what every look needs."""
        self._resolver = self.settings.make_resolver()
        if self.settings.security != "none":
            prepare(self.settings.tls)

    async def check(self, run: Run) -> Finding:
        """Greet once."""
        auth, visit, talk = self.settings.auth, Visit(self.settings.address, _LEGS), _Talk()
        try:
            words = (auth.user, auth.password.read()) if auth else None
        except SecretUnreadable as unreadable:
            return Finding(Outcome.UNKNOWN, f"auth: {unreadable}")
        error = await visit.pay(before(run), self._hold(visit, talk, words))
        samples = visit.samples("probe_smtp_duration_seconds")
        if talk.code:
            samples.append(Sample("probe_smtp_status_code", float(talk.code)))
        outcome, reason = (error.outcome, str(error)) if error else self._verdict(talk, visit.phases.total)
        facts = [("banner", talk.banner[:_SHOWN])] if talk.banner else []
        if talk.extensions:
            facts.append(("offers", ", ".join(talk.extensions)[:_SHOWN]))
        evidence = visit.evidence(reason or "as expected", run.now, *facts, excerpt=talk.said[:2000])
        return Finding(outcome, reason, tuple(samples), evidence)

    async def _hold(self, visit: Visit, talk: _Talk, words: tuple[str, str] | None) -> None:
        settings, phases = self.settings, visit.phases
        wire = await visit.connect(self._resolver, settings.ip)
        if settings.security == "tls":
            await visit.secure(settings.tls)
        stream = Stream(wire, phases, str(settings.address))
        phases.enter("banner")
        await self._greeted(stream, talk)
        phases.enter("ehlo")
        await self._ehlo(stream, talk)
        if settings.security == "starttls":
            phases.enter("starttls")
            if "STARTTLS" not in talk.extensions:
                raise stream.error(f"does not offer STARTTLS, only {', '.join(talk.extensions) or 'nothing'}")
            await _say(stream, talk, "STARTTLS", 220)
            stream.forget()
            await visit.secure(settings.tls, GREETINGS["smtp"])
            stream.listen()
            phases.enter("ehlo")
            await self._ehlo(stream, talk)
        if words:
            phases.enter("auth")
            await _sign_in(stream, talk, *words)
        phases.stop()
        stream.send(b"QUIT\r\n")

    async def _greeted(self, stream: Stream, talk: _Talk) -> None:
        code, lines = await _reply(stream, talk)
        talk.banner = " ".join(lines)
        if code == 554:
            message = f"banner: {self.settings.address} turned the probe away: {talk.said[:_SHOWN]!r}"
            raise _TurnedAway(message, "banner")
        if code != 220:
            raise stream.error(f"greeted with {talk.said[:_SHOWN]!r}; expected 220")

    async def _ehlo(self, stream: Stream, talk: _Talk) -> None:
        lines = await _say(stream, talk, f"EHLO {self.settings.hello}", 250)
        offers = (line.partition(" ") for line in lines[1:])
        talk.extensions = {name.upper(): parameters for name, _, parameters in offers if name}

    def _verdict(self, talk: _Talk, seconds: float) -> tuple[Outcome, str]:
        expect, where = self.settings.expect, self.settings.address
        failures = []
        if expect.banner and not regex(expect.banner).search(talk.banner):
            failures.append(f"banner: expected a match of /{expect.banner}/ from {where}, got {talk.banner[:_SHOWN]!r}")
        missing = [name for name in expect.extensions if name.upper() not in talk.extensions]
        if missing:
            offered = ", ".join(talk.extensions)[:_SHOWN] or "nothing"
            failures.append(f"ehlo: expected {where} to offer {', '.join(missing)}, it offers {offered}")
        took = format_duration(seconds)
        if expect.within and seconds > expect.within:
            failures.append(f"within: expected {where} within {format_duration(expect.within)}, it took {took}")
        if failures:
            return Outcome.DOWN, "; ".join(failures)
        if self.settings.degraded and seconds > self.settings.degraded.after:
            limit = format_duration(self.settings.degraded.after)
            return Outcome.DEGRADED, f"slow: expected {where} within {limit}, it took {took}"
        return Outcome.UP, ""


async def _reply(stream: Stream, talk: _Talk) -> tuple[int, list[str]]:
    """A whole reply: its code, and its lines without it (RFC 5321, 4.2.1)."""
    lines: list[str] = []
    while len(lines) < _MOST_LINES:
        line = await stream.line()
        code, mark = line[:3], line[3:4]
        if not (code.isascii() and code.isdigit() and mark in ("", " ", "-")):
            raise stream.error(f"said {line[:_SHOWN]!r}, which is not SMTP")
        lines.append(line[4:])
        talk.code, talk.said = int(code), f"{code} {' '.join(lines)}"
        if mark != "-":
            return talk.code, lines
    raise stream.error(f"sent a reply of more than {_MOST_LINES} lines")


async def _say(stream: Stream, talk: _Talk, command: str, wanted: int) -> list[str]:
    stream.send(f"{command}\r\n".encode())
    code, lines = await _reply(stream, talk)
    if code != wanted:
        verb = command.partition(" ")[0]
        raise stream.error(f"answered {verb} with {talk.said[:_SHOWN]!r}; expected {wanted}")
    return lines


async def _sign_in(stream: Stream, talk: _Talk, user: str, password: str) -> None:
    """RFC 4954 by PLAIN, or by LOGIN where nothing else is offered."""
    ways = talk.extensions.get("AUTH", "").upper().split()
    if "PLAIN" in ways:
        sent = [b"AUTH PLAIN " + _encoded(f"\0{user}\0{password}")]
    elif "LOGIN" in ways:
        sent = [b"AUTH LOGIN", _encoded(user), _encoded(password)]
    else:
        raise stream.error(f"offers no way to sign in that we know (PLAIN, LOGIN), only {' '.join(ways) or 'none'}")
    for number, line in enumerate(sent, 1):
        stream.send(line + b"\r\n")
        code, _ = await _reply(stream, talk)
        if code != (235 if number == len(sent) else 334):
            message = f"did not accept our user and password: {talk.said[:_SHOWN]!r}"
            raise stream.error(message, ours=code in _REFUSED)


def _encoded(text: str) -> bytes:
    return base64.b64encode(text.encode())
