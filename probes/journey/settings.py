"""The words of a journey: who walks, how far, over which steps, and how it is tidied up behind."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from probes.journey.level import Level
from probes.journey.step import Cleanup, HeaderName, Headers, HeaderValue, Request, Step
from probes.journey.template import Template, compiled, names_in
from probes.net.address import Url
from probes.net.auth import AuthSettings
from probes.net.reach import Degraded, NetworkSettings
from probes.net.tls import DEFAULT_TLS, TlsSettings
from probes.pattern import JsonPath
from probes.settings import Settings
from probes.units import Duration, Interval

#: Names that every text may use beside `with` and what was captured.
BUILT_IN = ("run_id", "now_ms", "location")


class Reap(Settings):
    """How leftovers of walks that were cut off are found: `get` lists them, `each` picks their numbers.

    Those seen for longer than `older_than` are cleaned up by the journey's `cleanup`, one after another.
    """

    get: Template
    each: JsonPath
    older_than: Interval = 600.0
    auth: AuthSettings | None = None
    headers: Headers = Field(default_factory=dict)


class Identity(Settings):
    """How the shop recognises us. `header` goes to the shop's own origin only, and is never shown."""

    user_agent: HeaderValue = "shopwatch"
    header: dict[HeaderName, HeaderValue] = Field(default_factory=dict)


class JourneySettings(NetworkSettings):
    """A walk: `steps` in order, then `cleanup` whatever happened, within `reserve`, which is kept back from `timeout`.

    `level` is how far the walk may go: `browse` allows gets only, `cart` and `checkout` other requests too, and
    `sandbox-order` orders, which need `cleanup` to cancel them. URLs are relative to `url`. `with` names texts.
    """

    type: Literal["journey"] = "journey"
    every: Interval = 60.0
    timeout: Interval = 30.0
    url: Url
    degraded: Degraded | None = None
    level: Level = Level.BROWSE
    identity: Identity = Identity()
    tls: TlsSettings = DEFAULT_TLS
    with_: Annotated[dict[str, Any], AfterValidator(compiled)] = Field(default_factory=dict, alias="with")
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=50)]
    cleanup: Annotated[tuple[Cleanup, ...], Field(max_length=20)] = ()
    reserve: Duration | None = None
    reap: Reap | None = None

    @property
    def kept_back(self) -> float:
        """Seconds of the timeout that belong to cleaning up: a quarter, 10 s at most, unless `reserve` says."""
        if not self.cleanup:
            return 0.0
        return min(10.0, self.timeout / 4) if self.reserve is None else self.reserve

    @property
    def default_while_failing(self) -> float:
        """A walk that does more than browse never walks more often than it was told to: it leaves traces."""
        return super().default_while_failing if self.level == Level.BROWSE else self.every

    @property
    def reaped_name(self) -> str:
        """Under which name cleanup knows what reap finds: the first `when`."""
        return next((step.when for step in self.cleanup if step.when), "")

    @model_validator(mode="after")
    def _hangs_together(self) -> "JourneySettings":
        problems = [*self._names_twice(), *self._beyond_level(), *self._unknown_names(), *self._cannot_clean()]
        if problems:
            errors = [
                InitErrorDetails(
                    type=PydanticCustomError("value_error", "{sentence}", {"sentence": text}), loc=place, input=None
                )
                for place, text in problems
            ]
            raise ValidationError.from_exception_data("journey", errors)
        return self

    def _names_twice(self) -> Iterable["_Problem"]:
        seen: set[str] = set()
        for place, step in self._all_steps():
            if step.name in seen:
                yield (*place, "name"), f"two steps are named {step.name!r}; metrics and pages tell them apart by name"
            seen.add(step.name)

    def _beyond_level(self) -> Iterable["_Problem"]:
        for index, step in enumerate(self.steps):
            if step.reaches > self.level:
                yield (
                    ("steps", index),
                    f"step {step.name!r} ({step.verb}) goes as far as level {step.reaches.word},"
                    f" but this journey may only go to {self.level.word}",
                )
        if self.level >= Level.SANDBOX_ORDER and not self.cleanup:
            yield ("level",), f"level {self.level.word} places orders, so cleanup must say how they are cancelled"

    def _unknown_names(self) -> Iterable["_Problem"]:
        known = {*BUILT_IN}
        for name, value in self.with_.items():
            yield from _missing(("with", name), names_in(value), known, "with")
            known.add(name)
        for index, step in enumerate(self.steps):
            yield from _missing(("steps", index), step.names, known, f"step {step.name!r}")
            known |= step.capture.keys()
        for index, cleanup in enumerate(self.cleanup):
            yield from _missing(("cleanup", index), cleanup.names, known, f"cleanup step {cleanup.name!r}")
            yield from self._conditions(index, cleanup, known)
        if self.reap:
            yield from _missing(("reap",), names_in((self.reap.get, self.reap.headers)), self._always_known, "reap")

    @property
    def _always_known(self) -> set[str]:
        """The names that do not have to be captured first."""
        return {*BUILT_IN, *self.with_}

    def _conditions(self, index: int, step: Cleanup, known: set[str]) -> Iterable["_Problem"]:
        """A walk that ends early has not captured everything: what cleanup needs, it has to ask for."""
        captured = (step.names & known) - self._always_known
        if step.when is not None and step.when not in known:
            yield ("cleanup", index, "when"), f"no step captures {step.when!r}, so this would never run"
        elif captured and step.when is None:
            name = min(captured)
            yield ("cleanup", index), f"cleanup step {step.name!r} uses {{{{ {name} }}}}; add when: {name}"
        if self.reap and step.when == self.reaped_name and captured - {step.when}:
            name = min(captured - {step.when})
            yield ("cleanup", index), f"reap knows only {step.when!r} of an old walk, but this step uses {name!r} too"

    def _cannot_clean(self) -> Iterable["_Problem"]:
        if self.cleanup and self.kept_back >= self.timeout:
            yield ("reserve",), "reserve is taken from timeout, and leaves nothing for the walk itself"
        if self.reap and not self.reaped_name:
            yield (
                ("reap",),
                "reap cleans up by the steps of cleanup; one of them needs when: the name for what is found",
            )
        for index, step in enumerate(self.cleanup):
            if step.verb == "submit":
                yield ("cleanup", index, "submit"), "cleanup has no page before it; write post and the URL"

    def _all_steps(self) -> Iterable[tuple[tuple[str | int, ...], Request]]:
        yield from ((("steps", index), step) for index, step in enumerate(self.steps))
        yield from ((("cleanup", index), step) for index, step in enumerate(self.cleanup))


_Problem = tuple[tuple[str | int, ...], str]


def _missing(place: tuple[str | int, ...], wanted: Iterable[str], known: set[str], what: str) -> Iterable[_Problem]:
    for name in sorted(set(wanted) - known):
        yield (
            place,
            f"{what} uses {{{{ {name} }}}}, which nothing before it captures; known are {', '.join(sorted(known))}",
        )
