"""How long each leg of one request took, on the monotonic clock."""

from time import perf_counter

from probes.base import Outcome, Step

#: Decimals of measured seconds. Clocks are no better than a microsecond, and memory keeps decimals in a third of the
#: room that floats take.
DECIMALS = 6
#: The legs of a request in their order, as blackbox_exporter names them.
PHASES = ("resolve", "connect", "tls", "processing", "transfer")


class Phases:
    """A stopwatch with named legs: entering one ends the one before.

    `seconds` holds what each leg took, in whole microseconds; a leg that never began is absent. Entering a leg again
    adds to it.
    The event loop's own clock is not used: uvloop's stands still within a turn and has whole milliseconds only.
    """

    __slots__ = ("_since", "current", "seconds")

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.current = ""
        self._since = 0.0

    def enter(self, name: str, at: float | None = None) -> None:
        """End the current leg and begin `name`, now or at an earlier reading of `time.perf_counter`."""
        now = perf_counter() if at is None else at
        if self.current:
            self.seconds[self.current] = round(self.seconds.get(self.current, 0.0) + now - self._since, DECIMALS)
        self.current = name
        self._since = now

    def stop(self) -> None:
        """End the current leg; nothing is measured until the next `enter`."""
        self.enter("")

    @property
    def total(self) -> float:
        """The sum of all legs, in seconds."""
        return round(sum(self.seconds.values()), DECIMALS)

    def steps(
        self, failed: str = "", outcome: Outcome = Outcome.DOWN, detail: str = "", legs: tuple[str, ...] = PHASES
    ) -> tuple[Step, ...]:
        """The legs as evidence. `failed` names the one that went wrong; those that never began have no seconds."""
        if not failed:
            return tuple([Step(name, Outcome.UP, seconds) for name, seconds in self.seconds.items()])
        steps = []
        for name in legs:
            seconds = self.seconds.get(name)
            if name == failed:
                steps.append(Step(name, outcome, seconds, detail))
            elif seconds is not None:
                steps.append(Step(name, Outcome.UP, seconds))
            else:
                steps.append(Step(name, Outcome.UNKNOWN))
        return tuple(steps)
