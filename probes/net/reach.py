"""What every network probe shares: its words in the config, its deadline, and the metrics of how it got there."""

import ipaddress
from functools import lru_cache
from time import monotonic
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, model_validator

from probes.base import Metric, ProbeSettings, Run, Sample
from probes.net.address import Address, NameServer
from probes.net.resolver import Family, Resolver
from probes.net.source import Source
from probes.settings import Settings
from probes.units import Interval

#: blackbox_exporter's names.
REACH_METRICS: tuple[Metric, ...] = (
    Metric("probe_dns_lookup_time_seconds", "gauge", "How long resolving the target's name took."),
    Metric("probe_ip_protocol", "gauge", "4 or 6: the family of the address that was used."),
    Metric("probe_ip_addr_hash", "gauge", "A hash of the address that was used, to see when it changes."),
)

#: The prober cuts a look off at its deadline, and its findings with it. We stop a little before: this part of the
#: time left, at most so many seconds.
_MARGIN_RATIO, _MARGIN = 0.05, 0.1


def family_word(value: Any) -> Any:
    """YAML's 4 and 6 are numbers."""
    return str(value) if value in (4, 6) and not isinstance(value, bool) else value


#: `any`, `4` or `6` in YAML.
IpFamily = Annotated[Family, BeforeValidator(family_word, json_schema_input_type=int | str)]


class Degraded(Settings):
    """When a good answer is still not good enough: `after` so long a look is degraded."""

    after: Interval


class ResolvedSettings(ProbeSettings):
    """What every probe that resolves a name can be told: `ip` is the family to use, `resolver` lists the name servers
    (by address) to ask instead of this machine's own.
    """

    ip: IpFamily = "any"
    resolver: tuple[NameServer, ...] = ()

    def make_resolver(self) -> Resolver:
        """The resolver that these settings ask for; those who ask for the same one share it."""
        return _shared(self.resolver)


class NetworkSettings(ResolvedSettings):
    """What every network probe can be told, and `source`: the address of this machine that its connections go out
    from, where there are several lines out.
    """

    source: Source = ""

    @model_validator(mode="after")
    def _source_of_that_family(self) -> Self:
        if self.source and self.ip not in ("any", "6" if ":" in self.source else "4"):
            version = 6 if ":" in self.source else 4
            raise ValueError(f"source: {self.source} reaches IPv{version} only, which does not go with ip: {self.ip}")
        return self

    def make_resolver(self) -> Resolver:
        """The resolver that these settings ask for; what it resolves is reached from `source`."""
        return _shared(self.resolver, self.source)


@lru_cache(maxsize=1024)
def _shared(servers: tuple[Address, ...], source: str = "") -> Resolver:
    return Resolver(servers, source=source)


def before(run: Run) -> float:
    """The deadline at which a probe itself gives up, so that it can say what it was waiting for."""
    left = run.deadline - monotonic()  # the clock of event loops, without asking for the loop
    return run.deadline - min(_MARGIN, max(0.0, left) * _MARGIN_RATIO)


@lru_cache(maxsize=65536)
def address_samples(ip: str) -> tuple[Sample, ...]:
    """Its family, and its hash as blackbox_exporter computes it."""
    packed = ipaddress.ip_address(ip.partition("%")[0]).packed
    digest = 2166136261  # FNV-1a 32, as blackbox_exporter hashes it
    for byte in packed:
        digest = ((digest ^ byte) * 16777619) & 0xFFFFFFFF
    return (
        Sample("probe_ip_protocol", 6.0 if ":" in ip else 4.0),
        Sample("probe_ip_addr_hash", float(digest)),
    )


def reach_samples(ip: str, resolve: float | None) -> list[Sample]:
    """How we got there: nothing is said of what was not reached. `resolve` is in seconds."""
    samples = [] if resolve is None else [Sample("probe_dns_lookup_time_seconds", resolve)]
    if ip:
        samples += address_samples(ip)
    return samples
