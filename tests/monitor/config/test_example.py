"""config.example.yaml is the reference: it is right as it stands, and it shows every setting that there is."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.config import Config, load
from monitor.config.sentences import known_keys
from probes.settings import Settings
from tests.monitor.config.models import SECTIONS, kinds, models_in

EXAMPLE = Path(__file__).parents[3] / "config.example.yaml"
#: Words that only steer how a config is read.
READING = {"include", "defaults"}


def _shown(model: type[Settings], values: list[Any], shown: dict[type[Settings], set[str]]) -> None:
    """Collect which keys of a model, and of the models below it, these values show."""
    mappings = [value for value in _flat(values) if isinstance(value, dict)]
    keys = {key for mapping in mappings for key in mapping}
    shown.setdefault(model, set()).update(keys)
    for name, field in model.model_fields.items():
        below = [mapping[key] for mapping in mappings for key in {field.alias or name} & mapping.keys()]
        for inner in models_in(field.annotation):
            assert issubclass(inner, Settings)
            if re.search(r"\bdict\b", str(field.annotation)):
                below = [entry for value in below if isinstance(value, dict) for entry in value.values()]
            if below or inner not in shown:
                _shown(inner, below, shown)


def _flat(values: list[Any]) -> list[Any]:
    return [item for value in values for item in (_flat(value) if isinstance(value, list) else [value])]


def test_the_example_is_right_as_it_stands(tmp_path: Path) -> None:
    config = load(EXAMPLE, {})
    assert isinstance(config, Config)
    assert config.oncall.escalation("page") is not None


def test_every_setting_of_every_model_is_shown() -> None:
    data = yaml.load(EXAMPLE.read_text(), yaml.BaseLoader)
    shown: dict[type[Settings], set[str]] = {}
    for (section, kind), model in kinds().items():
        entries = [entry for entry in data[section] if entry["type"] == kind]
        assert entries, f"config.example.yaml shows no {kind} under {section}"
        _shown(model, entries, shown)
    _shown(Config, [data], shown)
    assert set(data) >= READING
    missing = {
        f"{model.__name__}.{field.alias or name}"
        for model in shown
        for name, field in model.model_fields.items()
        if not _is_shown(model, name, field.alias or name, shown)
    }
    assert not missing


def _is_shown(model: type[Settings], name: str, key: str, shown: dict[type[Settings], set[str]]) -> bool:
    """What several models inherit (every, owner, labels …) needs to be shown in one of them only."""
    owner = [base for base in model.__mro__ if issubclass(base, Settings) and name in base.model_fields][-1]
    return any({key, f"{key}_file"} & keys for other, keys in shown.items() if issubclass(other, owner))


@pytest.mark.parametrize("word", ["every", "degraded", "spares"])
def test_the_search_for_missing_settings_finds_them(word: str) -> None:
    """The check above is only worth something if it sees a setting that the example does not show."""

    class Inner(Settings):
        every: str = ""
        degraded: str = ""
        spares: str = ""

    class Outer(Settings):
        parts: tuple[Inner, ...] = ()

    shown: dict[type[Settings], set[str]] = {}
    data = {"parts": [{key: "x"} for key in ("every", "degraded", "spares") if key != word]}
    _shown(Outer, [data], shown)
    assert set(known_keys(Inner)) - shown[Inner] == {word}


def test_every_kind_has_an_example_and_nothing_else_is_there() -> None:
    data = yaml.load(EXAMPLE.read_text(), yaml.BaseLoader)
    for section, registry in SECTIONS.items():
        assert {entry["type"] for entry in data[section]} == set(registry.names())


def test_lines_can_be_read_without_scrolling() -> None:
    assert max(map(len, EXAMPLE.read_text().splitlines())) <= 125
