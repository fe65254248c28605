"""The whole config, as everything else reads it: one frozen model, checked and complete."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SerializeAsAny, ValidationInfo

from alerts.calendar import Calendar
from alerts.escalation import Escalation
from alerts.inhibit import USUAL, Inhibition
from alerts.maintenance import Maintenance
from alerts.notifiers.base import NotifierSettings
from alerts.objective import Objective
from alerts.oncall import Override, Person, Roster, Rotation
from alerts.route import Route
from alerts.standby import PrometheusSettings
from monitor.config.shard import Shard, read_shard
from monitor.deadman import DeadmanSettings
from monitor.store.engine import StoreError, sqlite_path
from probes.backup.settings import BackupSettings
from probes.base import ProbeSettings
from probes.blackbox.settings import BlackboxSettings
from probes.settings import Secret, Settings


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


#: One name, or a list of them.
Names = Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])]


def check_listen(listen: str) -> str:
    """The address if it is one that can be listened on. Raises ValueError with a sentence."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port[:6]) <= 65535:
        raise ValueError(f"{listen!r} is no address to listen on; write host:port, such as 127.0.0.1:9469 or [::]:9469")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise ValueError(f"{listen!r} is ambiguous; put an IPv6 address in brackets, such as [::1]:9469")
    return listen


def _check_port_alone(listen: Any) -> Any:
    """Before it must be text: a bare port put into quotes would still be none."""
    return check_listen(str(listen)) if isinstance(listen, int | float) else listen


def _check_shard(shard: Any) -> Any:
    """Before it must be text, so that a number alone is told what is missing."""
    read_shard(str(shard))
    return shard


def _check_external_url(url: str) -> str:
    if url and not url.startswith(("http://", "https://")):
        raise ValueError("must be the address people open in a browser, such as https://watch.shop.example")
    return url.rstrip("/")


def _check_store(store: str, info: ValidationInfo) -> str:
    """A SQLite file's path becomes absolute, so that it does not depend on where Shopwatch is started."""
    if store.startswith("sqlite:"):
        try:
            path = sqlite_path(store)
        except StoreError as error:
            raise ValueError(str(error)) from None
        return f"sqlite://{Path((info.context or {}).get('folder', '.'), path).absolute()}"
    parts = urlsplit(store)
    if parts.scheme not in ("postgresql", "postgres"):
        kind = f"{parts.scheme!r} is no kind of store" if parts.scheme else "the kind of store is missing"
        raise ValueError(f"{kind}; write sqlite:///var/lib/shopwatch/state.db or postgresql://user@host/name")
    if not parts.hostname or not parts.path.strip("/"):
        raise ValueError("the host or the database is missing; write postgresql://user@host/name")
    return store


class OnCall(Settings):
    """The people, whose turn it is, and whom to tell next."""

    people: tuple[Person, ...] = Field(default=(), description="Those who can be paged.")
    rotations: tuple[Rotation, ...] = Field(default=(), description="Whose turn it is.")
    overrides: tuple[Override, ...] = Field(default=(), description="Who stands in for a rotation for a while.")
    escalations: tuple[Escalation, ...] = Field(default=(), description="Whom to tell, and whom next.")

    @property
    def roster(self) -> Roster:
        """People, rotations and overrides as one thing that can be asked who is on call."""
        return Roster(self.people, self.rotations, self.overrides)

    def escalation(self, name: str) -> Escalation | None:
        """The escalation of this name."""
        return next((escalation for escalation in self.escalations if escalation.name == name), None)


class Config(Settings):
    """Everything that Shopwatch was told. Times are seconds, paths absolute, names unique and references sound."""

    version: Literal[1] = Field(default=1, description="The version of this grammar.")
    location: str = Field(
        default="local", min_length=1, description="Where the prober stands: a label on all that it sees."
    )
    shard: Annotated[str, BeforeValidator(_check_shard)] = Field(
        default="1/1",
        description="Which of several machines at this location this is, such as 2/3: each looks at its part.",
        examples=["${SHARD}/3"],
    )
    listen: Annotated[str, BeforeValidator(_check_port_alone), AfterValidator(check_listen)] = Field(
        default="127.0.0.1:9469", description="The address of the operators' page, /metrics and the API."
    )
    external_url: Annotated[str, AfterValidator(_check_external_url)] = Field(
        default="", description="The address under which people open Shopwatch: links in pages begin with it."
    )
    store: Annotated[str, AfterValidator(_check_store)] = Field(
        default="sqlite:shopwatch.db",
        validate_default=True,
        description="Where incidents, pages and verifications are kept: sqlite:///path or postgresql://user@host/name.",
    )
    store_password: Secret | None = Field(default=None, description="The password of a PostgreSQL store.")
    canary: Names = Field(
        default=(),
        description="Probes of things that always answer: while all of these fail, our own network is to blame.",
    )
    probers: int = Field(default=1, ge=1, le=64, description="How many prober processes share the probes.")
    blackbox: BlackboxSettings | None = Field(
        default=None, description="/probe, answered as blackbox_exporter does; off where this is missing."
    )
    probes: tuple[SerializeAsAny[ProbeSettings], ...] = Field(default=(), description="What is looked at.")
    backups: tuple[SerializeAsAny[BackupSettings], ...] = Field(
        default=(), description="Backups that are restored and questioned."
    )
    rules: tuple[Path, ...] = Field(
        default=(),
        description="Prometheus rule files: globs, `builtin` for all packs that we ship, `builtin/web` for one.",
    )
    prometheus: PrometheusSettings | None = Field(
        default=None, description="A Prometheus in front evaluates the rules, and tells us; we stand by."
    )
    deadman: DeadmanSettings | None = Field(
        default=None, description="A dead man's switch outside, pinged while Shopwatch does its work."
    )
    objectives: tuple[Objective, ...] = Field(
        default=(), description="How often what has to work; an error budget that burns too fast is an alert."
    )
    openslo: tuple[Path, ...] = Field(default=(), description="Files of objectives written in OpenSLO: globs.")
    oncall: OnCall = Field(default_factory=OnCall, description="Who is paged, and who next.")
    notifiers: tuple[SerializeAsAny[NotifierSettings], ...] = Field(
        default=(), description="The channels that reach people."
    )
    routes: tuple[Route, ...] = Field(default=(), description="Which alert goes where; the first that fits wins.")

    inhibit: tuple[Inhibition, ...] = Field(
        default=USUAL, description="Which open alerts hold others back: causes wait while their symptom pages."
    )
    calendar: Calendar = Field(
        default_factory=Calendar, description="The shop's time zone and holidays: what is usual at which hour."
    )
    maintenance: tuple[Maintenance, ...] = Field(
        default=(), description="Announced work, during which matching alerts wake nobody."
    )

    _files: tuple[Path, ...] = PrivateAttr(default=())
    _runbooks: tuple[Path, ...] = PrivateAttr(default=())
    _elsewhere: Mapping[str, int] = PrivateAttr(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that this config was read from."""
        return self._files

    @property
    def runbooks(self) -> tuple[Path, ...]:
        """The folders of runbooks, NAME.md each: `runbooks` beside the config, then ours."""
        return self._runbooks

    @property
    def part(self) -> Shard:
        """Which machine of this location this is."""
        return read_shard(self.shard)

    @property
    def here(self) -> Mapping[str, str]:
        """The labels by which Prometheus tells what this machine sees from what others see."""
        return {"location": self.location, "shard": str(self.part.number)}

    @property
    def standpoint(self) -> str:
        """Which machine in the world this is: keeps apart what several write into one store."""
        return self.location if self.part.alone else f"{self.location} {self.part}"

    @property
    def elsewhere(self) -> Mapping[str, int]:
        """The probes that other machines of this location look at, and their numbers (see monitor.config.share)."""
        return self._elsewhere

    @property
    def address(self) -> tuple[str, int]:
        """The host and port to listen on."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def url(self) -> str:
        """Where people open Shopwatch: external_url, or the address it listens on."""
        return self.external_url or self._local_url

    @property
    def command_url(self) -> str:
        """What commands on this machine must be told to reach it; empty at the usual address, which they know."""
        return "" if self.listen == type(self).model_fields["listen"].default else self._local_url

    @property
    def _local_url(self) -> str:
        host, port = self.address
        here = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host)  # noqa: S104 - compared, not listened on
        return f"http://{here}:{port}" if here else f"http://{self.listen}"
