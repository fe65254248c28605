"""The switches that break the shop in the ways real shops break, and mend it again."""

from collections.abc import Callable
from dataclasses import dataclass

#: Every switch, and what it does to the shop.
NAMES: dict[str, str] = {
    "slow": "every page takes three seconds longer",
    "error": "every page answers 500",
    "declined": "the payment provider declines every card, and the page still answers 200",
    "stock": "the warehouse import wrote zero for every tea, so nothing can be bought",
    "backup": "backups are cut off half-way; the newest one now, and each one after it",
}


class UnknownSwitch(Exception):
    """No switch has this name; the message lists those there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no switch {name!r}; the switches are {', '.join(NAMES)}")


@dataclass(frozen=True, slots=True)
class Effect:
    """What else has to happen at once when a switch is turned, beside remembering it."""

    on_break: Callable[[], None]
    on_mend: Callable[[], None]


class Switches:
    """Which parts of the shop are broken now."""

    def __init__(self) -> None:
        self._broken: set[str] = set()
        self._effects: dict[str, Effect] = {}

    def add_effect(self, name: str, effect: Effect) -> None:
        """Let a room of the shop act when its switch is turned."""
        self._effects[name] = effect

    def broken(self, name: str) -> bool:
        """Whether this part is broken now."""
        return name in self._broken

    def state(self) -> dict[str, bool]:
        """Every switch, and whether it is broken now."""
        return {name: name in self._broken for name in NAMES}

    def set_broken(self, name: str) -> None:
        """Break one part of the shop. Raises UnknownSwitch."""
        if name not in NAMES:
            raise UnknownSwitch(name)
        self._broken.add(name)
        if name in self._effects:
            self._effects[name].on_break()

    def mend(self, name: str | None = None) -> None:
        """Mend one part of the shop, or all that is broken. Raises UnknownSwitch."""
        if name is not None and name not in NAMES:
            raise UnknownSwitch(name)
        for broken in sorted(self._broken) if name is None else [name]:
            self._broken.discard(broken)
            if broken in self._effects:
                self._effects[broken].on_mend()
