"""What this machine's own files say about names: /etc/hosts and /etc/resolv.conf, read again when they change."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")

#: How often, in seconds, we look whether one of the files has changed.
_LOOK_EVERY = 5.0
_MAX_SERVERS = 3
RESOLV_CONF = Path("/etc/resolv.conf")
HOSTS = Path("/etc/hosts")


@dataclass(frozen=True, slots=True)
class ResolverConfig:
    """resolv.conf(5): whom to ask (address, port), what to append to short names, how many dots make a name long."""

    servers: tuple[tuple[str, int], ...] = (("127.0.0.1", 53),)
    search: tuple[str, ...] = ()
    ndots: int = 1


def parse_hosts(text: str) -> dict[str, tuple[str, ...]]:
    """hosts(5): each name, in lower case, with its addresses in the file's order."""
    names: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        address, *aliases = line.partition("#")[0].split() or [""]
        try:
            ipaddress.ip_address(address)
        except ValueError:
            continue
        for alias in aliases:
            known = names.get(alias.lower(), ())
            names[alias.lower()] = known if address in known else (*known, address)
    return names


def parse_resolv_conf(text: str) -> ResolverConfig:
    """resolv.conf(5), of which nameserver, search, domain and `options ndots` matter; the last search wins."""
    servers: list[tuple[str, int]] = []
    search: tuple[str, ...] = ()
    ndots = 1
    for line in text.splitlines():
        word, *rest = line.split() or [""]
        if word == "nameserver" and rest and len(servers) < _MAX_SERVERS:
            servers.append((rest[0], 53))
        elif word in ("search", "domain"):
            search = tuple(name.strip(".").lower() for name in rest if name.strip("."))
        elif word == "options":
            dots = [option[6:] for option in rest if option.startswith("ndots:") and option[6:].isdigit()]
            ndots = min(int(dots[-1]), 15) if dots else ndots
    return ResolverConfig(tuple(servers) or ResolverConfig().servers, search, ndots)


class Watched(Generic[T]):
    """A parsed file that follows its file: stat'ed at most every few seconds, parsed only when it changed.

    A missing or unreadable file reads as empty text, as the C library has it.
    """

    def __init__(self, path: Path, parse: Callable[[str], T], clock: Callable[[], float] = monotonic) -> None:
        self._path = path
        self._parse = parse
        self._clock = clock
        self._looked = float("-inf")
        self._stamp: tuple[int, int] | None = None
        self._value = parse("")

    def read(self) -> T:
        """The file's content as of now, or as of a few seconds ago."""
        now = self._clock()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            self._refresh()
        return self._value

    def _refresh(self) -> None:
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_ino)
            if stamp != self._stamp:
                self._value = self._parse(self._path.read_text(errors="replace"))
                self._stamp = stamp
        except OSError:
            self._value, self._stamp = self._parse(""), None
