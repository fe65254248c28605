"""A secret is never shown: not in a dump, not in a message, not in a traceback."""

import json
import pickle
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config import ConfigError, load
from monitor.config.problems import Problems
from probes.settings import Secret, Settings
from probes.yamlfile import Place
from tests.monitor.config.models import all_models

CANARY = "c4n4ry-s3cret"

SHOWS_MANY = """\
store: postgresql://me:${CANARY}@db.example/shopwatch
external_url: https://me:${CANARY}@watch.example
location: at-${CANARY}
probes:
  - name: home
    type: http
    url: https://shop.example/${CANARY}
    headers: {X-Key: "Bearer ${CANARY}"}
    body: "${CANARY}"
    labels: {key: "${CANARY}"}
    expect: {text: "${CANARY}", json: {"$.key": "${CANARY}"}}
    auth: {bearer: "${CANARY}"}
  - {name: bearer-file, type: http, url: https://shop.example/, auth: {bearer_file: secret}}
  - {name: basic, type: http, url: https://shop.example/, auth: {basic: {user: me, password: "${CANARY}"}}}
"""


def test_a_dumped_config_shows_no_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(CANARY)
    (tmp_path / "config.yaml").write_text(SHOWS_MANY)
    config = load(tmp_path / "config.yaml", {"CANARY": CANARY})
    probe: Any = config.probes[0]
    assert probe.auth.bearer.read() == CANARY
    assert CANARY in str(probe.url)
    again = pickle.loads(pickle.dumps(config))
    assert again == config
    for shown in (repr(config), str(config), repr(again), repr(probe), str(config.model_dump()), repr([probe.auth])):
        assert CANARY not in shown
    assert CANARY not in config.model_dump_json()
    assert CANARY not in json.dumps(config.model_dump(mode="json"))
    assert "${CANARY}" in repr(probe)


def test_every_field_that_may_hold_a_secret_hides_it() -> None:
    """Each secret field of each model, wrongly and rightly filled, shows nothing in error or dump."""
    filled = [(model, name) for model in all_models() for name in model.secret_fields()]
    assert len(filled) >= 5
    for model, name in filled:
        for value in (CANARY, [CANARY], {CANARY: CANARY}):
            assert CANARY not in _shown(model, {name: value}), f"{model.__name__}.{name}"
        kept: Any = model.model_construct(**{name: Secret(CANARY)})
        assert getattr(kept, name).read() == CANARY
        assert CANARY not in repr(kept) + str(kept.model_dump()) + kept.model_dump_json()


def _shown(model: type[Settings], data: dict[str, Any]) -> str:
    try:
        made = model.model_validate(data)
    except ValueError as error:
        return "".join(traceback.format_exception(error))
    return repr(made) + str(made.model_dump())


WRONG = """\
listen: "${CANARY}"
external_url: "${CANARY}"
location: ["${CANARY}"]
store: "${CANARY}"
probers: "${CANARY}"
defaults: {timeout: "${CANARY}"}
probes:
  - {name: "a/${CANARY}", type: http, url: "${CANARY}", every: "${CANARY}", expect: {within: "${CANARY}"}}
  - {name: b, type: "${CANARY}"}
  - {name: c, type: http, url: "https://me:${CANARY}@:x/", headers: "${CANARY}", auth: {bearer: ["${CANARY}"]}}
  - {name: d, type: http, url: "https://s.example:${CANARY}/", expect: {status: "${CANARY}", regex: "[${CANARY}"}}
  - {name: e, type: tcp, address: "${CANARY}", labels: {"a-b": "${CANARY}"}}
  - {name: e, type: http, url: https://s.example, auth: {bearer_file: "${CANARY}"}}
backups:
  - {name: b, type: sqlite, from: "${CANARY}", files: "../${CANARY}", verify: {restore: "${CANARY}"}}
notifiers:
  - {name: "${CANARY}", type: "${CANARY}"}
oncall:
  people: [{name: "p/${CANARY}", timezone: "${CANARY}", slack: "${CANARY}"}]
  rotations: [{name: r, people: ["${CANARY}"], handover: "${CANARY}"}]
  overrides: [{rotation: "${CANARY}", person: "${CANARY}", from: "${CANARY}", to: "${CANARY}"}]
  escalations: [{name: "${CANARY}", steps: [{notify: ["${CANARY}"], by: ["${CANARY}"], within: "${CANARY}"}]}]
routes:
  - {match: {a: "=~[${CANARY}"}, escalation: "${CANARY}", notify: ["${CANARY}"]}
rules: ["${CANARY}", "builtin/${CANARY}"]
include: ["${CANARY}.yml"]
"""


def _complaints(folder: Path, text: str, value: str) -> str:
    (folder / "config.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(folder / "config.yaml", {"CANARY": value})
    assert value not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


@pytest.mark.parametrize(
    "value",
    [CANARY, "p@ss:w0rd/wi'th#odd", "UPPER-and-lower", "multi\nline-passw0rd", "[brackets", "\\back\\slash"],
)
def test_no_message_shows_what_came_through_a_variable(tmp_path: Path, value: str) -> None:
    said = _complaints(tmp_path, WRONG, value).lower()
    assert len(said.splitlines()) >= 20
    for start in range(len(value) - 5):
        piece = value[start : start + 6].lower()
        assert piece not in said or "\n" in piece
    assert "this is a bug" not in said


@settings(max_examples=100)
@given(
    secret=st.text(alphabet="abcXYZ089@:/'\"\\ %", min_size=6, max_size=20),
    before=st.text(alphabet=" abc'", max_size=9),
)
def test_a_message_that_quotes_a_secret_in_any_form_is_replaced(secret: str, before: str) -> None:
    for quoted in (secret, repr(secret), secret.lower(), secret[2:], secret.partition("@")[2] or secret):
        problems = Problems()
        problems.keep_secret(secret, "${KEY}", Place("f"))
        problems.add(Place("f"), f"{before}{quoted}")
        message = str(problems.error())
        for start in range(len(secret) - 3):
            piece = secret[start : start + 4].lower()
            assert piece.split() != [piece] or piece not in message.lower()


def test_a_secret_written_into_the_file_is_not_quoted_either(tmp_path: Path) -> None:
    text = (
        f"probes:\n  - {{name: a, type: http, url: 'https://me:{CANARY}@s.example:x/', auth: {{bearer: [{CANARY}]}}}}\n"
    )
    said = _complaints(tmp_path, text, "unused")
    assert CANARY not in said
    assert len(said.splitlines()) == 2
