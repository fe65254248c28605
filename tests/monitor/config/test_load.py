"""What a good config becomes: files merged, defaults filled in, variables filled in, references kept."""

from pathlib import Path
from typing import Any

import pytest

from alerts.route import Route
from monitor.config import Config, ConfigError, load

FIVE_LINES = """\
probes:
  - name: home
    type: http
    url: https://shop.example/
    every: 1s
"""


def config(folder: Path, text: str, environ: dict[str, str] | None = None, **files: str) -> Config:
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(content)
    (folder / "config.yaml").write_text(text)
    return load(folder / "config.yaml", environ or {})


def test_five_lines_are_enough(tmp_path: Path) -> None:
    loaded = config(tmp_path, FIVE_LINES)
    (probe,) = loaded.probes
    assert (probe.name, probe.every, probe.timeout) == ("home", 1.0, 1.0)
    assert [notifier.name for notifier in loaded.notifiers] == ["console"]  # type: ignore[attr-defined]  # kinds' own
    assert loaded.routes == (Route(notify=("console",)),)
    assert loaded.address == ("127.0.0.1", 9469)
    assert loaded.url == "http://127.0.0.1:9469"
    assert loaded.store == f"sqlite://{tmp_path}/shopwatch.db"
    assert {path.stem for path in loaded.rules} >= {"web", "host", "checkout", "backups"}
    assert loaded.files == (tmp_path / "config.yaml",)
    assert loaded.runbooks[0] == tmp_path / "runbooks"
    assert (loaded.runbooks[1] / "SiteDown.md").is_file()


def test_a_folder_is_one_config(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("version: 1\nlocation: taipei-1\ndefaults: {every: 30s}\n" + FIVE_LINES)
    (tmp_path / "b.yaml").write_text("version: 1\nprobes: [{name: cart, type: http, url: https://shop.example/cart}]\n")
    (tmp_path / ".hidden.yaml").write_text("nonsense: 1\n")
    (tmp_path / "notes.txt").write_text("nonsense")
    loaded = load(tmp_path, {})
    assert [(probe.name, probe.every) for probe in loaded.probes] == [("home", 1.0), ("cart", 30.0)]
    assert loaded.location == "taipei-1"
    assert loaded.files == (tmp_path / "a.yml", tmp_path / "b.yaml")


def test_files_include_files_and_paths_are_relative_to_their_own_file(tmp_path: Path) -> None:
    loaded = config(
        tmp_path,
        "include: [shops/*.yml, config.yaml]\nrules: [builtin/web]\noncall: {people: [{name: mei}]}\n" + FIVE_LINES,
        shops__main_yml="",
        **{
            "shops__a.yml": "include: [../more.yml]\nrules: [rules/*.yml]\nstore: sqlite:state.db\n",
            "more.yml": "oncall: {people: [{name: ana}]}\nprobes: [{name: b, type: http, url: http://b.example, "
            "auth: {bearer_file: key}}]\n",
            "key": "s3cret",
            "shops__rules__own.yml": "groups: []\n",
        },
    )
    assert [person.name for person in loaded.oncall.people] == ["mei", "ana"]
    assert [path.name for path in loaded.rules] == ["web.yml", "own.yml"]
    assert loaded.store == f"sqlite://{tmp_path}/shops/state.db"
    assert loaded.probes[1].auth.bearer.file.resolve() == tmp_path / "key"  # type: ignore[attr-defined]  # http's own setting
    assert len(loaded.files) == 3


def test_defaults_go_to_the_probes_that_have_such_a_setting(tmp_path: Path) -> None:
    text = """\
defaults: {every: 10s, timeout: 20s, owner: web, labels: {shop: main, tier: front}, user_agent: probe}
probes:
  - {name: a, type: http, url: http://a.example, labels: {tier: back}}
  - {name: b, type: http, url: http://b.example, every: 1m, owner: ops}
  - {name: c, type: tcp, address: "c.example:25"}
"""
    a, b, c = config(tmp_path, text).probes
    assert (a.every, a.timeout, a.owner, a.labels) == (10.0, 10.0, "web", {"shop": "main", "tier": "back"})
    assert (b.every, b.timeout, b.owner) == (60.0, 20.0, "ops")
    assert a.user_agent == "probe"  # type: ignore[attr-defined]  # http's own setting
    assert not hasattr(c, "user_agent")


def test_variables_are_filled_into_values_only(tmp_path: Path) -> None:
    text = """\
location: "${WHERE}"
external_url: https://${HOST:-watch.example}
probers: ${COUNT}
probes:
  - name: home
    type: http
    url: https://shop.example/?c=$d&e=${EMPTY:-filled}
    labels: {shop: "${WHERE}-${WHERE}"}
    expect: {regex: "${yes: on}"}
"""
    environ = {"WHERE": "taipei: [1]", "COUNT": "3", "EMPTY": ""}
    with pytest.raises(ConfigError, match=r"\$\{ begins no variable here"):
        config(tmp_path, text, environ)
    loaded = config(tmp_path, text.replace("${yes: on}", "$${yes: on}"), environ)
    assert loaded.location == "taipei: [1]"
    assert loaded.external_url == "https://watch.example"
    assert loaded.probers == 3
    probe: Any = loaded.probes[0]
    assert str(probe.url).endswith("/?c=$d&e=filled")
    assert probe.labels == {"shop": "taipei: [1]-taipei: [1]"}
    assert probe.expect.regex == ("${yes: on}",)


@pytest.mark.parametrize(
    ("store", "becomes"),
    [
        ("sqlite:///var/lib/x.db", "sqlite:///var/lib/x.db"),
        ("sqlite:////var/lib/x.db", "sqlite:///var/lib/x.db"),
        ("sqlite:state/x.db", "sqlite://{folder}/state/x.db"),
        ("postgresql://me@db:5432/shopwatch", "postgresql://me@db:5432/shopwatch"),
    ],
)
def test_where_the_store_is_does_not_depend_on_where_we_are_started(tmp_path: Path, store: str, becomes: str) -> None:
    assert config(tmp_path, f"store: {store}\n{FIVE_LINES}").store == becomes.format(folder=tmp_path)


def test_on_call_names_are_kept(tmp_path: Path) -> None:
    text = """\
oncall:
  people: [{name: mei}, {name: ana}]
  rotations: [{name: primary, people: [mei, ana]}]
  overrides: [{rotation: primary, person: ana, from: 2026-12-24T00:00+08:00, to: 2026-12-26T00:00+08:00}]
  escalations:
    - name: page
      steps: [{notify: [primary], by: [console], within: 5m}, {notify: [everyone, mei], by: [console]}]
routes:
  - {match: {severity: page, shop: "=~main|outlet"}, escalation: page}
  - {notify: [console]}
"""
    loaded = config(tmp_path, FIVE_LINES + text)
    assert loaded.oncall.roster.who(["everyone"], 0.0)[1].name == "ana"
    escalation = loaded.oncall.escalation("page")
    assert escalation is not None
    assert escalation.steps[0].within == 300.0
    assert loaded.oncall.escalation("none") is None


def test_headings_with_nothing_under_them_are_left_out(tmp_path: Path) -> None:
    loaded = config(tmp_path, FIVE_LINES + "backups:\nnotifiers:\nroutes:\noncall:\nrules:\ninclude:\ndefaults:\n")
    assert not loaded.backups
    assert loaded.routes == (Route(notify=("console",)),)


@pytest.mark.parametrize(
    ("path", "said"), [("nothing.yaml", "there is no such file or folder"), ("empty", "the folder holds no")]
)
def test_a_config_that_is_not_there(tmp_path: Path, path: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=said):
        load(tmp_path / path, {})


def test_values_of_included_files_say_where_they_stand(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config(
            tmp_path,
            "include: [a.yml]\r\nprobes:\r\n  - {name: home, owner: '店', type: http, url: x}\r\n",
            **{"a.yml": "# Grüße\nprobes:\n  - {name: b,\ttype: http, url: y}\n"},
        )
    places = [problem.place for problem in caught.value.problems]
    assert places == [(str(tmp_path / "a.yml"), 3, 32), (str(tmp_path / "config.yaml"), 3, 47)]
