"""The walk itself: step after step until the end, or until one does not go as it should."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from probes.base import Outcome, Run
from probes.expect import Expect, judge
from probes.journey.browser import Browser, Reply, StepFailed
from probes.journey.capture import NotThere
from probes.journey.settings import JourneySettings
from probes.journey.step import Request, Step
from probes.journey.template import NotFilled, filled, names_in
from probes.journey.words import complaint
from probes.net.auth import Authorization, AuthSettings
from probes.net.errors import NetError
from probes.net.http import Http
from probes.redact import Redactor
from probes.settings import SecretUnreadable
from probes.turned_away import turned_away

_MOST_FAILURES = 3
_PRIVATE_NAMES = ("password", "secret", "token", "key", "email", "mail", "phone", "card")


@dataclass
class Leg:
    """How one step went. `sentence` is empty when it went well; `seconds` is None when it never began."""

    step: Request
    outcome: Outcome
    seconds: float | None = None
    sentence: str = ""
    phases: dict[str, float] = field(default_factory=dict)
    reply: Reply | None = None


class Walk:
    """One run of a journey: what is known, what happened, and what has to be kept secret."""

    def __init__(self, settings: JourneySettings, run: Run, http: Http, logins: "Logins") -> None:
        self.redactor = Redactor(settings.identity.header.values())
        self.legs: list[Leg] = []
        self.values: dict[str, Any] = {
            "run_id": run.run_id,
            "now_ms": int(run.now * 1000),
            "location": run.location,
        }
        self._settings = settings
        self._logins = logins
        self._browser = Browser(settings.url, settings.identity, http, self.redactor)

    @property
    def failed(self) -> Leg | None:
        """The step that ended the walk early."""
        return next((leg for leg in self.legs if leg.outcome is not Outcome.UP), None)

    async def go(self, deadline: float) -> None:
        """Take the steps until one fails. `deadline` is a time of the running loop's clock."""
        for name, value in self._settings.with_.items():
            self._know(name, filled(value, self.values), secret=_is_private(name, value))
        for step in self._settings.steps:
            leg = await self.take(step, deadline)
            self.legs.append(leg)
            if leg.outcome is not Outcome.UP:
                return

    async def take(self, step: Request, deadline: float, known: Mapping[str, Any] | None = None) -> Leg:
        """Take one step; `known` is added to what the walk knows. Whatever goes wrong becomes the leg's sentence."""
        self._browser.phases = {}
        began = perf_counter()
        reply: Reply | None = None
        outcome, sentence = Outcome.UP, ""
        try:
            if asyncio.get_running_loop().time() >= deadline:
                raise StepFailed("the time for the walk was used up before this step could begin")
            values = {**self.values, **(known or {})}
            authorization = await self._logins.authorization(step.auth, deadline)
            expect = _expected(step, values)
            began = perf_counter()
            reply = await self._browser.ask(step, values, authorization, deadline)
            self._check(step, expect, reply, perf_counter() - began)
            self._capture(step, reply)
        except StepFailed as error:
            outcome, sentence, reply = error.outcome, str(error), error.reply or reply
        except NotFilled as error:
            outcome, sentence = Outcome.DOWN, str(error)
        except RecursionError:
            outcome, sentence = Outcome.DOWN, "the answer is nested too deeply to be searched"
        except (SecretUnreadable, NetError) as error:
            outcome, sentence = Outcome.UNKNOWN, str(error)
        seconds = perf_counter() - began
        return Leg(step, outcome, seconds, sentence, self._browser.phases, reply)

    async def close(self) -> None:
        """Hang up."""
        await self._browser.close()

    def _capture(self, step: Request, reply: Reply) -> None:
        for name, capture in step.capture.items() if isinstance(step, Step) else ():
            try:
                value = capture.take(reply.page, reply.url, self._browser.cookies)
            except NotThere as error:
                sentence = f"capture {name!r}: {error} ({reply.page.status} from {reply.page.url})"
                raise StepFailed(sentence + self._says(reply), reply=reply) from None
            self._know(name, value, secret=capture.is_secret(name))

    def _check(self, step: Request, expect: Expect, reply: Reply, seconds: float) -> None:
        """Raises StepFailed where the answer falls short."""
        usual = ("2xx",) if expect.location is None else ("3xx",)
        failures = judge(expect, reply.page, seconds, usual)
        if not failures:
            return
        # Too slow, or not as expected, but perhaps an order all the same: cleanup has to know its number.
        with contextlib.suppress(StepFailed):
            self._capture(step, reply)
        guard = turned_away(reply.page)
        if guard:
            raise StepFailed(f"{guard} at {reply.page.url}", Outcome.BLOCKED, reply)
        if any(failure.what == "location" for failure in failures):  # says the status too
            failures = [failure for failure in failures if failure.what != "status"]
        said = "; ".join(failure.message for failure in failures[:_MOST_FAILURES])
        raise StepFailed(said + self._says(reply), reply=reply)

    def _says(self, reply: Reply) -> str:
        """The page's own complaint: status codes lie, but a shop tells its customers what is wrong."""
        if "html" not in (reply.page.header("content-type") or ""):
            return ""
        words = self.redactor.clean(complaint(reply.page.html))[:200]
        return f'; the page says "{words}"' if words else ""

    def _know(self, name: str, value: Any, secret: bool) -> None:
        self.values[name] = value
        if secret:
            self.redactor.add(str(value))


class Logins:
    """The Authorization headers of a journey's steps; tokens that were fetched are kept from run to run."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._known: dict[int, Authorization] = {}

    async def authorization(self, auth: AuthSettings | None, deadline: float) -> bytes:
        """The header's value; empty where a step has no `auth`. Raises SecretUnreadable and NetError."""
        if auth is None:
            return b""
        if id(auth) not in self._known:
            self._known[id(auth)] = Authorization(auth, self._http)
        return await self._known[id(auth)].value(deadline)


def _expected(step: Request, values: Mapping[str, Any]) -> Expect:
    """The step's expectations with every name filled in. Amounts of money become text: they compare as numbers."""
    if not names_in(step.texts_of_expect):
        return step.expect
    texts = {word: _plain(filled(value, values)) for word, value in step.texts_of_expect.items()}
    return step.expect.model_copy(update=texts)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _is_private(name: str, template: Any) -> bool:
    return any(part in name.lower() for part in _PRIVATE_NAMES) or getattr(template, "is_private", False)


def story(legs: Sequence[Leg], redactor: Redactor) -> str:
    """What went wrong on these legs, one clause each."""
    return "; ".join(f"{leg.step.name!r}: {redactor.clean(leg.sentence)}" for leg in legs if leg.sentence)
