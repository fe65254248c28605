"""Kinds by name: the built-in ones are there and can be imported; unknown ones are refused."""

import pytest

from alerts.notifiers import CHANNELS, IMPLIED
from alerts.notifiers.base import Notifier, NotifierSettings
from probes import KINDS
from probes.backup import ENGINES
from probes.backup.settings import BackupSettings
from probes.base import Probe, ProbeSettings
from probes.registry import Registry, UnknownKind


@pytest.mark.parametrize("kind", KINDS.names())
def test_every_kind_of_probe_can_be_used(kind: str) -> None:
    assert issubclass(KINDS.get(kind), Probe)
    assert issubclass(KINDS.get(kind).settings_model, ProbeSettings)


@pytest.mark.parametrize("kind", ENGINES.names())
def test_every_kind_of_backup_can_be_used(kind: str) -> None:
    assert issubclass(ENGINES.get(kind).settings_model, BackupSettings)


@pytest.mark.parametrize("kind", CHANNELS.names())
def test_every_kind_of_notifier_can_be_used(kind: str) -> None:
    assert issubclass(CHANNELS.get(kind), Notifier)
    assert issubclass(CHANNELS.get(kind).settings_model, NotifierSettings)


def test_the_implied_notifier_exists() -> None:
    assert IMPLIED in CHANNELS.names()


def test_an_unknown_kind_is_refused() -> None:
    registry = Registry("shopwatch.none", {"b": "probes.base:Probe", "a": "probes.base:Probe"})
    assert registry.names() == ["a", "b"]
    assert registry.get("a") is Probe
    with pytest.raises(UnknownKind, match="c"):
        registry.get("c")
