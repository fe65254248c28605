"""The ledger of slots: whatever happens to a prober, each slot that fell due is accounted for."""

from monitor.prober.slots import Cadence


class _Account:
    __slots__ = ("accounted", "cadence", "first")

    def __init__(self, cadence: Cadence, first: int) -> None:
        self.cadence = cadence
        self.first = first
        self.accounted = 0


class Ledger:
    """How many slots of each probe fell due since it was first scheduled, and how many of them were accounted for."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}

    def open(self, probe: str, cadence: Cadence, first_due: float) -> int:
        """A prober will serve this probe's slots from `first_due` on.

        Answers how many slots before that nobody served: they ended with the prober that had them.
        """
        account = self._accounts.get(probe)
        if account is None or account.cadence != cadence:
            self._accounts[probe] = _Account(cadence, cadence.latest(first_due))
            return 0
        return self._settle(account, cadence.latest(first_due))

    def knows(self, probe: str) -> bool:
        """Whether this probe's slots are being counted."""
        return probe in self._accounts

    def account(self, probe: str, count: int = 1, due: float | None = None) -> None:
        """So many slots ended; `due` is when, if it was one of those still open under an older cadence."""
        account = self._accounts.get(probe)
        if account is not None and (due is None or due >= account.cadence.due(account.first)):
            account.accounted += count

    def settle(self, probe: str, now: float) -> int:
        """Close every slot that is due by now, because no prober runs; answers how many were open."""
        account = self._accounts.get(probe)
        return 0 if account is None else self._settle(account, account.cadence.latest(now) + 1)

    def close(self, probe: str) -> None:
        """The probe is no longer in the config."""
        self._accounts.pop(probe, None)

    def _settle(self, account: _Account, end: int) -> int:
        unserved = max(0, end - account.first - account.accounted)
        account.accounted += unserved
        return unserved
