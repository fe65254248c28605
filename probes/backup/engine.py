"""What every kind of backup is made of: it can be started, restored and questioned in a scratch room."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from probes.backup.isolation import Cell
from probes.backup.judge import Found
from probes.backup.record import Record
from probes.backup.settings import BackupSettings

S = TypeVar("S", bound=BackupSettings)


@dataclass(slots=True)
class Log:
    """What an engine tells while it works, for the evidence: facts by name, the programs' own words, and the bytes
    that the restored database takes up."""

    facts: dict[str, str] = field(default_factory=dict)
    excerpt: str = ""
    restored_size: int | None = None


class Engine(ABC, Generic[S]):
    """One kind of backup. Its methods raise Broken when the backup is bad and CouldNotLook when we could not find out;
    any other exception counts as our own bug, and makes the verdict inconclusive."""

    #: The model of this kind's settings.
    settings_model: ClassVar[type[BackupSettings]]
    #: Suffixes of files that belong to a backup and lie beside it.
    companions: ClassVar[tuple[str, ...]] = ()

    def __init__(self, settings: S) -> None:
        self.settings = settings
        self.log = Log()

    @abstractmethod
    def taken_at(self, head: bytes) -> float | None:
        """When the backup was made, by its first 4 KiB; None where the format does not say. Raises Broken."""

    @abstractmethod
    def needed_bytes(self, size: int, record: Record | None) -> int:
        """The disk space to ask for before a backup of this size is restored."""

    @abstractmethod
    def start(self, cell: Cell) -> None:
        """Start an empty scratch database."""

    @abstractmethod
    def restore(self, cell: Cell, file: Path) -> None:
        """Restore the backup in full."""

    @abstractmethod
    def question(self, cell: Cell, answered: Callable[[], None]) -> Found:
        """Ask the restored database; call `answered` when it has answered for the first time."""

    @abstractmethod
    def record(self, live: str | None, target: Path, make: bool) -> Record:
        """Write the record of a backup from the live database; with `make`, make the backup first, in the same
        moment. Raises CouldNotLook and OSError."""

    def stop(self) -> None:
        """End what `start` began. Must not raise; called in every case."""
