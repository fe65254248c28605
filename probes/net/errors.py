"""What can go wrong on the way to a server, and whether it is the server's trouble or our own."""

import errno

from probes.base import Outcome

#: Errors of the operating system that mean: we could not even try. They say nothing about the target.
_OURS = {
    errno.EMFILE: "this process has no file descriptor left (raise its limit: ulimit -n)",
    errno.ENFILE: "this machine has no file descriptor left",
    errno.ENOMEM: "this machine has no memory left",
    errno.ENOBUFS: "this machine has no network buffers left",
    errno.EADDRNOTAVAIL: "this machine has no free local address or port for it",
    errno.ENETUNREACH: "this machine has no route there",
    errno.ENETDOWN: "this machine's network is down",
    errno.EACCES: "this machine may not connect there (a local firewall or policy)",
    errno.EPERM: "this machine may not connect there (a local firewall or policy)",
    errno.EAFNOSUPPORT: "this machine does not speak that address family",
}
_THEIRS = {
    errno.ECONNREFUSED: "refused the connection",
    errno.ECONNRESET: "reset the connection",
    errno.EPIPE: "closed the connection while we were writing",
    errno.ETIMEDOUT: "never answered the connection attempt",
    errno.EHOSTUNREACH: "is unreachable (a router on the way, or its own network, says so)",
    errno.ECONNABORTED: "aborted the connection",
}


class NetError(Exception):
    """We got no answer that can be judged. `str()` is the sentence; `phase` says where on the way it happened.

    `ours` says that the trouble is on this side (no route, no descriptor, no resolver): the outcome is then unknown,
    and nobody is woken for the shop.
    """

    def __init__(self, message: str, phase: str, *, ours: bool = False) -> None:
        super().__init__(message)
        self.phase = phase
        self.ours = ours

    @property
    def outcome(self) -> Outcome:
        """UNKNOWN when the trouble is ours, else DOWN."""
        return Outcome.UNKNOWN if self.ours else Outcome.DOWN


class TimedOut(NetError):
    """The run's deadline came while we waited; `phase` says for what."""


def from_os_error(error: OSError, where: str, phase: str) -> NetError:
    """The NetError of an operating system's error; `where` is the address that we talked to."""
    number = error.errno or 0
    if number in _OURS:
        return NetError(f"{phase}: cannot reach {where}: {_OURS[number]}", phase, ours=True)
    what = _THEIRS.get(number)
    if what is None:
        what = "reset the connection" if isinstance(error, ConnectionResetError) else f"cannot be used: {error}"
    return NetError(f"{phase}: {where} {what}", phase)
