"""What our users write about a backup: where it is, when to restore it, what must be true inside."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from probes.cron import Cron
from probes.settings import LabelsByName, Name, Settings
from probes.units import Duration, Interval, Ratio

Scalar = bool | int | float | str | None


def _check_pattern(pattern: str) -> str:
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"{pattern!r} leads out of the folder; write a pattern such as orders-*.dump")
    return pattern


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(f"{name!r} is not a time zone; write one such as UTC or Asia/Taipei") from None
    return name


Zone = Annotated[str, AfterValidator(_check_zone)]


class TableExpectation(Settings):
    """What must be true of one table."""

    min: Annotated[int, Field(ge=0)] = Field(default=1, description="It has at least so many rows.")
    shrink: Ratio | None = Field(
        default=None,
        description="At most this part of its rows may be missing, against the record and the last good backup.",
    )
    newest: str | None = Field(default=None, description="The column that says when a row was made.")
    within: Interval | None = Field(default=None, description="Its newest row is at most so old.")

    @model_validator(mode="after")
    def _within_needs_a_column(self) -> Self:
        if self.within is not None and self.newest is None:
            raise ValueError("`within` needs `newest`, the column that says when a row was made")
        return self


class Expectation(Settings):
    """What must be true of the newest backup."""

    age: Interval | None = Field(default=None, description="It was made at most so long ago, by what is inside.")
    record: bool = Field(default=False, description="It has a record of what the live database held.")
    tables: dict[str, TableExpectation] = Field(default_factory=dict, description="Tables that it must have.")
    optional: tuple[str, ...] = Field(
        default=(),
        description="Tables (or patterns such as cache_*) that may be missing, empty or far smaller than they were in "
        "the last good backup.",
    )
    query: dict[str, Scalar] = Field(
        default_factory=dict, description="SQL of one row and one column, and what it must answer."
    )

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        for table in self.tables:
            if table in self.optional:
                raise ValueError(f"table {table!r} is both optional and expected; keep it in `tables` or in `optional`")
        return self

    @property
    def asks_nothing(self) -> bool:
        """Whether any file that opens would do, the first time: nothing is said of its age or of what is inside."""
        return self.age is None and not (self.record or self.tables or self.query)


class Verify(Settings):
    """When and how to restore it."""

    restore: Cron = Field(default="0 4 * * *", description="When, as in crontab, in UTC.")
    timeout: Interval = Field(default=3600.0, description="It must be done within this time.")
    scratch: Path | None = Field(default=None, description="Below which folder; the system's temporary one by default.")
    user: str = Field(default="nobody", description="As whom, where Shopwatch itself runs as root.")


class Targets(Settings):
    """What was promised; exported beside what was measured."""

    rpo: Interval | None = Field(default=None, description="At most so much time's data may be lost.")
    rto: Interval | None = Field(default=None, description="The shop is back within this time.")


class BackupSettings(Settings):
    """The settings of every kind of backup; a kind adds its own."""

    name: Name
    type: str
    folder: Path = Field(alias="from", description="The folder in which the backups lie.")
    files: Annotated[str, AfterValidator(_check_pattern)] = Field(description="Which files there are backups.")
    timezone: Zone = Field(default="UTC", description="Of times inside that do not name their own.")
    settle: Duration = Field(
        default=60.0, description="A file without a record that was written to this recently is not finished."
    )
    verify: Verify = Field(default_factory=Verify, description="When and how to restore it.")
    expect: Expectation = Field(default_factory=Expectation, description="What must be true of it.")
    targets: Targets = Field(default_factory=Targets, description="What was promised.")
    owner: str = Field(default="", description="Whose it is: a label on its metrics, and so on its alerts and routes.")
    labels: LabelsByName = Field(default_factory=dict, description="Labels on all its metrics.")

    @property
    def newest_columns(self) -> dict[str, str]:
        """The time column of each table that has one."""
        return {name: table.newest for name, table in self.expect.tables.items() if table.newest}
