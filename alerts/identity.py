"""Which incident an alert belongs to: the same one whichever way the alert came to us."""

import hashlib
import json
from collections.abc import Iterable

from probes.base import Labels

#: Labels that say who told, not what is wrong: Prometheus' usual external labels.
EXTERNAL = frozenset({"prometheus", "prometheus_replica", "monitor", "replica", "__replica__"})
#: Labels that Prometheus adds to what it scrapes. What we measured names its probe or backup already.
_SCRAPE = frozenset({"job", "instance"})
#: Grouping by this is grouping by every label, as in Alertmanager.
ALL = "..."


def core(labels: Labels, external: Iterable[str] = EXTERNAL) -> Labels:
    """The labels that make an alert this alert: without external ones and, for our own samples, without the scrape's.

    A node_exporter's alert keeps job and instance: there they tell one machine from another.
    """
    names = {name for name, _ in labels}
    dropped = set(external)
    if names & {"probe", "backup"} or ("job", "shopwatch") in labels:
        dropped |= _SCRAPE
    return tuple((name, value) for name, value in sorted(labels) if name not in dropped)


def identity(group: Labels, scope: str = "") -> str:
    """32 hex digits for one incident: a digest of its group's labels. `scope` keeps two routes' groups apart."""
    text = json.dumps([scope, group])  # unambiguous, and pure ASCII whatever a label holds
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def group(labels: Labels, by: tuple[str, ...] | None, external: Iterable[str] = EXTERNAL) -> Labels:
    """The labels that an incident's alerts share: those named in `by`, or all when there is no `by`."""
    own = core(labels, external)
    if by is None or ALL in by:
        return own
    values = dict(own)
    return tuple((name, values.get(name, "")) for name in sorted(set(by)))
