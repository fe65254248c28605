"""Every metric that a room of Shopwatch registers is one that rules are checked against, with the same type."""

from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from alerts.duty import Duty
from alerts.oncall import Roster
from monitor.desk import Desk
from monitor.metrics import Exposition
from monitor.ownmetrics import SERVICE, own_metrics
from monitor.pager import Pager
from monitor.prober.vitals import ProberVitals
from monitor.store import Store


def _name(family: Metric) -> str:
    return family.name + "_total" if family.type == "counter" else family.name


def test_every_registered_metric_is_known(tmp_path: Path):
    registry: CollectorRegistry = Exposition("here").registry
    store = Store(f"sqlite:{tmp_path}/state.db")
    Pager(store, (), roster=Roster, external_url="", clock=lambda: 0.0, registry=registry)
    Desk(store, Duty(roster=Roster(), routes=(), escalations=(), notifiers=()), clock=lambda: 0.0, registry=registry)
    registry.register(ProberVitals([]))
    registered = {_name(family): family.type for family in registry.collect()}
    registered |= {metric.name: metric.type for metric in SERVICE}
    store.close()
    known = {metric.name: metric.type for metric in own_metrics()}
    assert {name: known.get(name) for name in registered} == registered
