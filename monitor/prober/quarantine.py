"""When a probe that hangs its process is set aside, and for how long: decided here, done in `isolation`."""

#: Once may be bad luck; who hangs its process a second time is set aside.
_STRIKES = 2
#: For so long at first, twice as long after each further time, and never longer than an hour. In seconds.
_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 3600.0
#: After so many looks that did not hang all is forgotten.
_FORGIVEN = 10


class _Case:
    __slots__ = ("hung_at", "strikes", "until", "well")

    def __init__(self) -> None:
        self.strikes = self.well = 0
        self.hung_at = 0.0
        self.until: float | None = None


class Quarantine:
    """What each probe has done to its process. The caller passes the time in, in seconds of a clock of its choice."""

    def __init__(self) -> None:
        self._cases: dict[str, _Case] = {}

    def __bool__(self) -> bool:
        """Whether there is any case at all."""
        return bool(self._cases)

    def hung(self, probe: str, now: float) -> float:
        """A probe hung its process; answers for how many seconds it is set aside, 0 if not yet."""
        case = self._cases.setdefault(probe, _Case())
        case.strikes += 1
        case.well = 0
        case.hung_at = now
        if case.strikes < _STRIKES:
            return 0.0
        pause = min(_FIRST_PAUSE * 2.0 ** min(case.strikes - _STRIKES, 20), _LONGEST_PAUSE)
        case.until = now + pause
        return pause

    def strikes(self, probe: str) -> int:
        """How many times it hung its process without ten good looks in between."""
        case = self._cases.get(probe)
        return case.strikes if case else 0

    def hung_at(self, probe: str) -> float:
        """When it hung its process last."""
        return self._cases[probe].hung_at

    def looked(self, probe: str) -> bool:
        """A look of this probe ended, however; answers whether it was set aside until now."""
        case = self._cases.get(probe)
        if case is None:
            return False
        was_aside, case.until = case.until is not None, None
        case.well += 1
        if case.well >= _FORGIVEN:
            del self._cases[probe]
        return was_aside

    def aside(self) -> dict[str, float]:
        """Until when each probe that is set aside is; one that is being tried again is still among them."""
        return {probe: case.until for probe, case in self._cases.items() if case.until is not None}

    def holds(self, probe: str) -> bool:
        """Whether this probe is set aside."""
        case = self._cases.get(probe)
        return case is not None and case.until is not None

    def free(self, probe: str) -> None:
        """Forget what a probe did: it is another one now, or gone."""
        self._cases.pop(probe, None)
