"""Whatever a config holds, it is either a Config or a ConfigError, soon; and no message looks like a crash."""

import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.config import Config, ConfigError, load

_WORDS = """
version location listen external_url store store_password store_password_file probers probes backups rules oncall
people rotations overrides escalations steps notifiers routes match notify escalation group_by include defaults
name type every timeout owner labels url expect status text within regex json css auth bearer bearer_file basic
address from to files verify restore handover timezone http tcp tls dns journey sqlite console get post form
capture after degraded builtin everyone page 30s 5m 1d 10MiB 99.5% https://shop.example/ ${HOME} ${X:-y} $${ *.yml
{{a}} =~( Mon%10:00 2026-12-24T00:00+08:00 on 010 1:30 ~ <<
"""
WORDS = st.sampled_from(_WORDS.split())
SCALARS: Any = st.one_of(
    WORDS, st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just("9" * 5000 + "s")
)
VALUES: Any = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.one_of(WORDS, st.text(max_size=5)), inner)),
    max_leaves=25,
)
KINDS = st.sampled_from(["http", "tcp", "tls", "dns", "heartbeat", "journey"])


def _load(path: Path) -> Config | ConfigError:
    try:
        return load(path, {"HOME": "/h0me"})
    except ConfigError as error:
        return error


def _outcome(text: str | bytes) -> Config | ConfigError:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        begun = time.monotonic()
        outcome = _load(path)
        assert time.monotonic() - begun < 20
    if isinstance(outcome, ConfigError):
        assert outcome.problems
        for problem in outcome.problems:
            assert problem.line >= 1
            assert problem.column >= 1
            assert problem.message
            assert "\n" not in str(problem)
            assert "bug in Shopwatch" not in problem.message, problem
    return outcome


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.binary(max_size=80), st.text(max_size=80)))
def test_any_text(text: str | bytes) -> None:
    _outcome(text)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(WORDS, VALUES, max_size=6))
def test_any_yaml(data: dict[str, Any]) -> None:
    _outcome(yaml.safe_dump(data, allow_unicode=True))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(KINDS, st.dictionaries(WORDS, VALUES, max_size=6), st.dictionaries(WORDS, VALUES, max_size=6))
def test_any_probe_and_route(kind: str, probe: dict[str, Any], route: dict[str, Any]) -> None:
    entry = {"url": "https://shop.example/", "address": "shop.example:443", **probe, "name": "x", "type": kind}
    _outcome(yaml.safe_dump({"probes": [entry], "routes": [route]}, allow_unicode=True))


def test_a_config_of_a_thousand_wrong_probes_is_explained_soon() -> None:
    probes = "".join(
        f"  - {{name: p{number}, type: http, url: 5, every: {number}, nope: 1}}\n" for number in range(1000)
    )
    error = _outcome("probes:\n" + probes)
    assert isinstance(error, ConfigError)
    assert len(error.problems) == 3000


def test_a_bomb_of_aliases_is_defused_soon() -> None:
    lines = ["x: &a0 {name: a, type: http, url: '${HOME}'}"]
    lines += [f"x{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 5)]
    assert isinstance(_outcome("\n".join([*lines, "probes: *a4"])), ConfigError)
