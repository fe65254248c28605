"""Connections that are kept open between requests, as a browser keeps them."""

from time import monotonic

from probes.net.address import Url
from probes.net.wire import Wire

#: So many are kept for one server (browsers keep six).
_PER_ORIGIN = 6
#: A request that must not be sent twice goes over a connection only if it was in use so many seconds ago: servers hang
#: up on idle ones after five seconds and more, and a request that crosses with that is lost without a trace.
_FRESH = 2.0
#: Asking again does no harm (RFC 9110, 9.2.2, without those that change something).
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class Pool:
    """Idle connections by server. One event loop only."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, str, int], list[tuple[float, Wire]]] = {}

    def take(self, url: Url, method: str) -> Wire | None:
        """A connection to this server on which nothing has come since, or None."""
        idle = self._idle.get(url.origin, [])
        while idle:
            since, wire = idle.pop()
            stale = method not in SAFE_METHODS and monotonic() - since > _FRESH
            ended = wire.session is not None and wire.session.ended
            if wire.is_quiet and not stale and not ended:
                return wire
            wire.close()
        return None

    def give_back(self, url: Url, wire: Wire) -> None:
        """Keep a connection whose answer has been read to its end."""
        idle = self._idle.setdefault(url.origin, [])
        idle.append((monotonic(), wire))
        if len(idle) > _PER_ORIGIN:
            idle.pop(0)[1].close()

    def close(self) -> None:
        """Hang up all of them."""
        for idle in self._idle.values():
            for _, wire in idle:
                wire.close()
        self._idle.clear()
