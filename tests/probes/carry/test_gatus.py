"""Gatus' endpoints: what comes out is a config that we take, and means what Gatus meant."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config import load
from probes.carry.gatus import carry

WORDS = ["name", "url", "dns", "conditions", "client", "headers", "interval", "enabled", "heartbeat", "extra-labels"]
TOKEN = {"JOBS_IMPORT_TOKEN": "x", "NIGHTLY_TOKEN": "x"}


def carried(tmp_path: Path, text: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The probes as our config takes them, and what was lost."""
    came, out = carry(text, "gatus.yaml"), tmp_path / "config.yaml"
    out.write_text(came.text())
    load(out, TOKEN)
    probes = yaml.safe_load(out.read_text())["probes"]
    return probes, came.lost


def only(tmp_path: Path, endpoint: str) -> tuple[dict[str, Any], list[str]]:
    probes, lost = carried(tmp_path, f"endpoints: [{endpoint}]")
    [probe] = probes
    return probe, lost


DNS = '{name: dns, url: "8.8.8.8", dns: {query-name: example.com, query-type: A}, conditions: ["[BODY] == %s"]}'


def test_the_record_that_a_name_server_should_know(tmp_path: Path) -> None:
    probe, lost = only(tmp_path, DNS % "93.184.215.14")
    assert probe == {
        "name": "dns",
        "type": "dns",
        "query": "example.com",
        "record": "A",
        "server": "8.8.8.8",
        "expect": {"records": ["93.184.215.14"]},
        "every": "1m",
        "timeout": "10s",
    }
    assert lost == []
    probe, lost = only(tmp_path, DNS % "pat(*.example.com)")
    assert "expect" not in probe
    assert lost == ["dns, the condition '[BODY] == pat(*.example.com)': has no word in `expect`"]


def test_a_name_server_that_may_say_anything(tmp_path: Path) -> None:
    probe, lost = only(
        tmp_path, '{name: a, url: 8.8.8.8, dns: {query-name: a.example}, conditions: ["[CONNECTED] == true"]}'
    )
    assert probe["query"] == "a.example"
    assert lost == [
        "a, that any DNS answer is fine: NOERROR is expected, with a record; write expect: {code: …}",
    ]


@pytest.mark.parametrize(
    ("words", "every", "timeout", "said"),
    [
        ("", "1m", "10s", ""),
        ("interval: 5m", "5m", "10s", ""),
        ("interval: 5s", "5s", "5s", ""),
        ("interval: 1.5h, client: {timeout: 3s}", "1h30m", "3s", ""),
        ("interval: often", "1m", "10s", "a, the interval 'often': is no duration such as 30s; 1m is taken"),
        ("interval: 30", "1m", "10s", "a, the interval '30': is no duration such as 30s; 1m is taken"),
    ],
)
def test_how_often(tmp_path: Path, words: str, every: str, timeout: str, said: str) -> None:
    probe, lost = only(tmp_path, f"{{name: a, url: 'tcp://a.example:1', {words}}}")
    assert (probe["every"], probe["timeout"]) == (every, timeout)
    assert lost == [said] * bool(said)


@pytest.mark.parametrize("name", ["off", "no", "12:30", "0755", "1_000", "1e3"])
def test_a_name_is_text_to_gatus(tmp_path: Path, name: str) -> None:
    probe, lost = only(tmp_path, f"{{name: {name}, url: 'tcp://a.example:1'}}")
    assert probe["name"] == name.replace(":", "-")
    assert lost == []


@pytest.mark.parametrize("word", ["off", "no", "false", "False"])
def test_not_enabled(tmp_path: Path, word: str) -> None:
    came = carry(f"endpoints: [{{name: a, url: 'tcp://a.example:1', enabled: {word}}}]", "gatus.yaml")
    assert (came.probes, came.lost) == ([], ["a, the endpoint: is not enabled"])


def test_a_domain_that_expires(tmp_path: Path) -> None:
    probes, lost = carried(
        tmp_path,
        "endpoints: [{name: d, url: 'https://www.shop.example/', interval: 1h, "
        "conditions: ['[DOMAIN_EXPIRATION] > 720h', '[STATUS] == 200']}]",
    )
    assert probes[1] == {
        "name": "d domain",
        "type": "domain",
        "domain": "shop.example",
        "every": "12h",
        "expect": {"valid_for": "30d"},
    }
    assert lost == []
    probes, lost = carried(
        tmp_path, "endpoints: [{name: d, url: 'icmp://a.shop.example', conditions: ['[DOMAIN_EXPIRATION] > 720h']}]"
    )
    assert probes[1]["domain"] == "a.shop.example"
    assert lost == [
        "d, that a.shop.example was registered: which is not known here; write the registered name as `domain`"
    ]
    probes, lost = carried(
        tmp_path, "endpoints: [{name: d, url: 'tcp://192.0.2.1:80', conditions: ['[DOMAIN_EXPIRATION] > 720h']}]"
    )
    assert len(probes) == 1
    assert lost == ["d, [DOMAIN_EXPIRATION]: 192.0.2.1 is no domain that is registered"]


def test_what_reports_by_itself(tmp_path: Path) -> None:
    probes, lost = carried(
        tmp_path,
        """
external-endpoints:
  - {name: import, group: jobs, token: s3cret, heartbeat: {interval: 30m}, alerts: [{type: slack}]}
  - {name: nightly, token: s3cret}
  - {name: gone, token: s3cret, enabled: false}
""",
    )
    assert probes == [
        {
            "name": "jobs import",
            "type": "heartbeat",
            "every": "30m",
            "grace": "30m",
            "token": "${JOBS_IMPORT_TOKEN}",
        },
        {"name": "nightly", "type": "heartbeat", "every": "1d", "token": "${NIGHTLY_TOKEN}"},
    ]
    assert lost == [
        "jobs import, alerts: has no word in a probe; alerting is done by rules and routes",
        "jobs import, its token: is a secret; set the variable JOBS_IMPORT_TOKEN, or write token_file, "
        "and let the job report to /heartbeat/NAME",
        "nightly, its token: is a secret; set the variable NIGHTLY_TOKEN, or write token_file, "
        "and let the job report to /heartbeat/NAME",
        "nightly, heartbeat.interval: is 0, so that Gatus minds no silence; here a day is too long",
        "gone, the endpoint: is not enabled",
    ]


def test_a_query_of_graphql(tmp_path: Path) -> None:
    probe, lost = only(
        tmp_path,
        "{name: q, url: 'https://a.example/', method: POST, graphql: true, body: '{ shop { [ENDPOINT_NAME] } }'}",
    )
    assert probe["body"] == '{"query": "{ shop { q } }"}'
    assert probe["headers"] == {"Content-Type": "application/json"}
    assert lost == []


def test_no_credentials_are_copied(tmp_path: Path) -> None:
    came = carry(
        "endpoints: [{name: a, url: 'https://mei:s3cret@a.example/x', "
        "headers: {Authorization: Bearer s3cret, X-Api-Key: 'Key ${API_KEY}', Accept: text/html}}]",
        "gatus.yaml",
    )
    out = tmp_path / "config.yaml"
    out.write_text(came.text())
    load(out, {"A_PASSWORD": "x", "A_AUTHORIZATION": "Bearer x", "API_KEY": "x"})
    [probe] = came.probes
    assert "s3cret" not in came.text()
    assert probe["url"] == "https://a.example/x"
    assert probe["auth"] == {"basic": {"user": "mei", "password": "${A_PASSWORD}"}}
    assert probe["headers"] == {
        "Authorization": "${A_AUTHORIZATION}",
        "X-Api-Key": "Key ${API_KEY}",
        "Accept": "text/html",
    }
    assert came.lost == [
        "a, the header Authorization: its value may be a secret; set the variable A_AUTHORIZATION",
        "a, its password: is a secret; set the variable A_PASSWORD, or write password_file",
    ]


def test_a_websocket(tmp_path: Path) -> None:
    probe, lost = only(
        tmp_path, "{name: w, url: 'wss://a.example/', body: ping, conditions: ['[BODY] == pat(*pong*)']}"
    )
    assert (probe["type"], probe["send"], probe["expect"]) == ("websocket", "ping", {"message": "(?s)^.*pong.*$"})
    assert lost == []


def test_what_has_no_word_gets_its_own_sentence(tmp_path: Path) -> None:
    probe, lost = only(
        tmp_path,
        "{name: a, url: 'https://a.example/', ui: {hide-url: true}, maintenance-windows: [], ssh: {username: u}, "
        "client: {oauth2: {client-id: x}, proxy-url: 'http://u:p@proxy.example:3128'}, extra-labels: {tier: 1}}",
    )
    assert (probe["labels"], "proxy" in probe) == ({"tier": "1"}, False)
    assert lost == [
        "a, maintenance-windows: has no word in a probe; see maintenance in config.example.yaml",
        "a, ssh: has no word in a probe; we do not sign in by ssh",
        "a, ui: has no word in a probe; it is about the page of Gatus",
        "a, client.proxy-url: holds a password, which is not copied; write proxy: {url, user, password}",
        "a, client.oauth2: has no word in such a probe, or one of its own; see config.example.yaml",
    ]
    came = carry("suites: []\nendpoints: [{name: b, url: 'sctp://b.example:1', body: x}]", "gatus.yaml")
    assert came.lost == [
        "suites: several looks in a row are one probe here, of type journey; write it anew",
        "b, sctp://b.example:1: cannot be looked at by any of our probes",
    ]


def test_a_certificate_of_an_insecure_endpoint(tmp_path: Path) -> None:
    probes, lost = carried(
        tmp_path,
        "endpoints: [{name: a, url: 'https://[::1]:8443/', client: {insecure: true}, "
        "conditions: ['[CERTIFICATE_EXPIRATION] > 48h']}]",
    )
    assert (probes[1]["address"], probes[1]["tls"]) == ("[::1]:8443", {"verify": False})
    assert lost == []


@pytest.mark.parametrize("port", [587, 2525])
def test_starttls_is_that_of_mail(tmp_path: Path, port: int) -> None:
    probe, _ = only(tmp_path, f"{{name: m, url: 'starttls://mail.shop.example:{port}'}}")
    assert probe["starttls"] == "smtp"


def test_what_is_written_wrong_is_said() -> None:
    came = carry("endpoints: [{name: a, url: 'https://[::1', client: x, conditions: 5}]", "gatus.yaml")
    assert came.lost == [
        "a, client: is 'x', and Gatus has a mapping there",
        "a, the condition '5': has no word in `expect`",
    ]


ODD = st.recursive(
    st.none()
    | st.text("ab[]./:*()=<> 0", max_size=12)
    | st.sampled_from(["https://a.example/", "tls://a", "[STATUS] == any()"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(WORDS), ODD, max_size=8), max_size=3))
def test_an_endpoint_of_an_odd_shape_is_carried_or_said_to_be_lost(endpoints: list[dict[str, Any]]) -> None:
    came = carry(yaml.safe_dump({"endpoints": endpoints, "external-endpoints": endpoints}), "gatus.yaml")
    assert len(came.probes) + len(came.lost) >= len(endpoints)
    assert len(yaml.safe_load(came.text())["probes"]) == len(came.probes)
