"""One question on its way to a database: how long it may take, and whose fault it is when no answer comes."""

import asyncio
import importlib
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from probes.net.errors import NetError, TimedOut
from probes.net.phases import Phases
from probes.sql.dsn import Dsn

#: The first row of the answer, or None when it has none.
Row = tuple[object, ...] | None
#: The server is told to stop the query a little before we stop waiting, so that it can say so.
_SERVER_SHARE = 0.9
#: Timers of the loop may be early by so many seconds.
_TICK = 0.005


@dataclass(slots=True)
class Asking:
    """One question. `deadline` is a time of the running loop's clock; `thread` is for drivers that block."""

    dsn: Dsn
    query: str
    deadline: float
    thread: ThreadPoolExecutor
    ips: tuple[str, ...] = ()
    ip: str = ""
    server: str = ""
    phases: Phases = field(default_factory=Phases)
    patience: float = 0.0

    def __post_init__(self) -> None:
        self.patience = self.left

    @property
    def left(self) -> float:
        """Seconds until the deadline. To be asked on the loop's thread."""
        return self.deadline - asyncio.get_running_loop().time()

    @property
    def is_over(self) -> bool:
        """Whether the deadline has come, as far as the loop's timers can tell."""
        return self.left < _TICK

    @property
    def server_seconds(self) -> float:
        """How long the server may work on the query."""
        return max(0.01, self.left * _SERVER_SHARE)

    def timed_out(self) -> TimedOut:
        """The deadline came, in the current phase."""
        phase = self.phases.current or "connect"
        what = "had not let us in" if phase == "connect" else "had not answered the query"
        return TimedOut(f"{phase}: not done within {self.patience:.3g}s: {self.dsn.shown} {what}", phase)

    def ours(self, message: str) -> NetError:
        """Trouble of our own making, in the current phase."""
        return NetError(f"{self.phases.current}: {message}", self.phases.current, ours=True)

    def theirs(self, message: str) -> NetError:
        """Trouble of the database, in the current phase."""
        return NetError(f"{self.phases.current}: {message}", self.phases.current)


def load_driver(module: str, package: str, engine: str) -> Any:
    """A database's driver. Raises NetError, ours, when it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        remedy = f"run {sys.executable} -m pip install '{package}'"
        message = f"connect: {engine} needs the driver {module}, which is not installed; {remedy}"
        raise NetError(message, "connect", ours=True) from None


class Engine(NamedTuple):
    """One kind of database: `prepare` loads its driver, `ask` connects and asks. Both raise NetError."""

    prepare: Callable[[], Any]
    ask: Callable[[Asking], Awaitable[Row]]
