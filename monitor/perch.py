"""The canary's perch: failed looks wait here for the canary's word, a moment only, before the service takes them in."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from alerts.canary import Canary, Whose
from probes import KINDS
from probes.base import Outcome, ProbeSettings, Result
from probes.registry import Registry


class Perch:
    """Stands between the prober and the intake, on the event loop. Without a canary everything passes at once.

    A look that went down over the network asks for a look at the canary, which usually answers within milliseconds,
    and passes after it: as it is, or as unknown. While it waits, so do later results of the same probe, in order.
    """

    def __init__(
        self, take: Callable[[list[Result]], None], look: Callable[[str], None], kinds: Registry = KINDS
    ) -> None:
        self._take, self._look, self._kinds = take, look, kinds
        self._canary = Canary(())
        self._remote: set[str] = set()
        self._waiting: dict[str, deque[Result]] = {}
        #: Failed looks that were our own network's fault.
        self.excused = 0

    def apply(self, names: Iterable[str], probes: Iterable[ProbeSettings]) -> None:
        """Let the probes of these names be the canaries; what waits for others passes as it is."""
        every = {probe.name: probe.every for probe in probes}
        self._remote = {probe.name for probe in probes if self._kinds.get(probe.type).remote} - set(names)
        birds = [(name, every[name]) for name in names]
        if dict(birds) != {name: every.get(name) for name in self._canary.names}:
            self._canary = Canary(birds)
        self._pass([result for name in list(self._waiting) for result in self._waiting.pop(name)])

    def take(self, results: list[Result]) -> None:
        """Results came from the prober."""
        if not self._canary.names:
            self._take(results)
            return
        heard = [result for result in results if result.probe in self._canary.names]
        for result in heard:
            self._canary.hear(result)
        ready = self._settled() if heard else []
        ready += [decided for result in results for decided in self._decide(result)]
        self._pass(ready)

    def alive(self) -> Iterator[tuple[str, bool]]:
        """Each canary, and whether it answered when it was last looked at."""
        for name in self._canary.names:
            yield name, self._canary.alive(name)

    def _decide(self, result: Result) -> list[Result]:
        waiting = self._waiting.get(result.probe)
        if waiting is not None:
            waiting.append(result)
            return []
        decided = self._decided(result)
        if decided is not None:
            return [decided]
        self._waiting[result.probe] = queue = deque([result])
        loop = asyncio.get_running_loop()
        loop.call_later(self._canary.patience, self._give_up, result.probe, queue)
        self._ask()
        return []

    def _decided(self, result: Result) -> Result | None:
        """The result as the service shall take it in; None while that is open."""
        if result.outcome is not Outcome.DOWN or result.probe not in self._remote:
            return result
        whose = self._canary.whose(result)
        if whose is Whose.OURS:
            self.excused += 1
            return self._canary.excuse(result)
        return result if whose is Whose.SHOP else None

    def _settled(self) -> list[Result]:
        """What need not wait any longer, now that a canary was heard."""
        settled = []
        for name, queue in list(self._waiting.items()):
            while queue and (decided := self._decided(queue[0])) is not None:
                queue.popleft()
                settled.append(decided)
            if not queue:
                del self._waiting[name]
        if self._waiting:
            self._ask()
        return settled

    def _give_up(self, probe: str, queue: "deque[Result]") -> None:
        """No canary has said a word for too long: better a page for our own trouble than silence."""
        if self._waiting.get(probe) is queue:
            self._pass(list(self._waiting.pop(probe)))

    def _ask(self) -> None:
        for name in self._canary.names:
            self._look(name)

    def _pass(self, results: list[Result]) -> None:
        if results:
            self._take(results)
