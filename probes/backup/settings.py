"""What our users write about a backup: where it is, when to restore it, what must be true inside."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from probes.cron import Cron
from probes.settings import Name, Settings
from probes.units import Duration, Interval, Ratio

Scalar = bool | int | float | str | None


def _check_pattern(pattern: str) -> str:
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"{pattern!r} leads out of the folder; write a pattern such as orders-*.dump")
    return pattern


def _check_absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError(f"{str(path)!r} depends on where Shopwatch is started; write the whole path")
    return path


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(f"{name!r} is not a time zone; write one such as UTC or Asia/Taipei") from None
    return name


Folder = Annotated[Path, AfterValidator(_check_absolute)]
Zone = Annotated[str, AfterValidator(_check_zone)]


class TableExpectation(Settings):
    """What must be true of one table: at least so many rows, at most so much smaller than recorded or than last time,
    and a newest row (by its time column `newest`) no older than `within`."""

    min: Annotated[int, Field(ge=0)] = 1
    shrink: Ratio | None = None
    newest: str | None = None
    within: Interval | None = None

    @model_validator(mode="after")
    def _within_needs_a_column(self) -> Self:
        if self.within is not None and self.newest is None:
            raise ValueError("`within` needs `newest`, the column that says when a row was made")
        return self


class Expectation(Settings):
    """What must be true of the backup. `query` is SQL of one row and one column, and what it must answer."""

    age: Interval | None = None
    record: bool = False
    tables: dict[str, TableExpectation] = Field(default_factory=dict)
    query: dict[str, Scalar] = Field(default_factory=dict)


class Verify(Settings):
    """When and how to restore: at most `timeout`, below `scratch`, as `user` where Shopwatch itself runs as root."""

    restore: Cron = "0 4 * * *"
    timeout: Interval = 3600.0
    scratch: Folder | None = None
    user: str = "nobody"


class Targets(Settings):
    """What was promised: at most `rpo` of data lost, restored within `rto`. Exported beside what was measured."""

    rpo: Interval | None = None
    rto: Interval | None = None


class BackupSettings(Settings):
    """The settings of every kind of backup; a kind adds its own."""

    name: Name
    type: str
    folder: Folder = Field(alias="from")
    files: Annotated[str, AfterValidator(_check_pattern)]
    timezone: Zone = "UTC"
    settle: Duration = 60.0
    verify: Verify = Verify()
    expect: Expectation = Expectation()
    targets: Targets = Targets()
    owner: str = ""
    labels: dict[str, str] = Field(default_factory=dict)

    @property
    def newest_columns(self) -> dict[str, str]:
        """The time column of each table that has one."""
        return {name: table.newest for name, table in self.expect.tables.items() if table.newest}
