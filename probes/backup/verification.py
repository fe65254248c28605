"""One verification of one backup: what was restored, what was found inside, and whether it would save the shop."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Self


class Verdict(StrEnum):
    """Whether the shop could be rebuilt from this backup. INCONCLUSIVE: we could not look, and say why."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class Broken(Exception):
    """The backup is bad; the message says what is wrong with it."""


class CouldNotLook(Exception):
    """We could not find out: a missing program, a full disk, our own limit. The message says what to do about it."""


#: The phases of a verification, in order.
PHASES = ("find", "fetch", "start", "restore", "question", "cleanup")


@dataclass(frozen=True, slots=True)
class Verification:
    """The whole answer, as it is stored and shown. Times are wall-clock seconds (UTC), durations monotonic seconds.

    `reasons` say why it is no pass; `notes` what a reader should know anyway. `taken_at` is when the data in the backup
    was read, by its record or by what is inside, never by the file's mtime. `rto` runs from the start of the fetch to
    the first question answered. `rows` and `newest` are by table; `recorded` is what the record promised.
    `sha256` is of the file as it was fetched, "" if it was not; `last_good` says what became of the last good backup.
    """

    backup: str
    type: str
    verdict: Verdict
    started_at: float
    finished_at: float
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    file: str = ""
    taken_at: float | None = None
    size: int | None = None
    restored_size: int | None = None
    rto: float | None = None
    phases: Mapping[str, float] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    recorded: Mapping[str, int] = field(default_factory=dict)
    newest: Mapping[str, float] = field(default_factory=dict)
    facts: tuple[tuple[str, str], ...] = ()
    excerpt: str = ""
    sha256: str = ""
    last_good: str = ""

    def to_json(self) -> str:
        """The whole as JSON, for the store and for `backup verify --json`."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """What `to_json` wrote, also by an older version. Raises ValueError, TypeError or KeyError."""
        data: dict[str, Any] = json.loads(text)
        known = {entry.name for entry in fields(cls)}
        data = {name: value for name, value in data.items() if name in known}
        data["verdict"] = Verdict(data["verdict"])
        for name in ("reasons", "notes"):
            data[name] = tuple(data.get(name, ()))
        data["facts"] = tuple((name, value) for name, value in data.get("facts", ()))
        return cls(**data)
