"""`shopwatch import`: what comes out is a config that we take, and what was lost is said."""

import argparse
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.cli.importing import carry, run
from monitor.config import load
from probes.yamlfile import YamlInvalid

BLACKBOX = """
modules:
  http_2xx:
    prober: http
    timeout: 5s
    http:
      preferred_ip_protocol: ip4
      ip_protocol_fallback: false
      method: POST
      headers: {X-Probe: "yes"}
      body: a=1
      valid_status_codes: [200, 204]
      valid_http_versions: ["HTTP/2.0"]
      follow_redirects: false
      fail_if_not_ssl: true
      fail_if_body_matches_regexp: ["(?i)error"]
      fail_if_body_not_matches_regexp: [cart]
      fail_if_header_matches: [{header: Set-Cookie, allow_missing: true, regexp: ".*"}]
      fail_if_header_not_matches: [{header: Content-Type, regexp: text/html}, {header: X-A, regexp: "^(a|b)$"}]
      basic_auth: {username: mei, password: s3cret}
      tls_config: {insecure_skip_verify: true, min_version: TLS13}
      body_size_limit: 1MB
  smtp:
    prober: tcp
    tcp: {query_response: [{expect: "^220 (\\\\S+)", send: "EHLO ${1}"}, {starttls: true}]}
  resolver:
    prober: dns
    dns:
      query_name: shop.example
      query_type: MX
      valid_rcodes: [NOERROR, NXDOMAIN]
      validate_answer_rrs: {fail_if_matches_regexp: [x]}
  ping: {prober: icmp, icmp: {ttl: 5}}
  secret:
    prober: dns
    dns:
      query_name: shop.example
      query_type: A
      transport_protocol: tcp
      dns_over_tls: true
      tls_config: {server_name: dns.shop.example}
      source_ip_address: 10.0.0.5
  health: {prober: grpc, grpc: {service: cart, tls: true}}
"""
PROMETHEUS = """
scrape_configs:
  - job_name: shop
    metrics_path: /probe
    scrape_interval: 30s
    params: {module: [http_2xx]}
    static_configs: [{targets: ["https://shop.example/", shop.example], labels: {tier: front}}]
    relabel_configs: [{source_labels: [__address__], target_label: __param_target}]
  - job_name: mail
    metrics_path: /probe
    params: {module: [smtp]}
    static_configs: [{targets: ["mail.shop.example:25"]}]
  - {job_name: names, metrics_path: /probe, params: {module: [resolver]}, static_configs: [{targets: [192.0.2.53]}]}
  - {job_name: far, metrics_path: /probe, params: {module: [ping]}, static_configs: [{targets: [gw.shop.example]}]}
  - {job_name: gone, metrics_path: /probe, params: {module: [nope]}, static_configs: [{targets: [x]}]}
  - {job_name: found, metrics_path: /probe, params: {module: [ping]}, kubernetes_sd_configs: [{role: pod}]}
  - {job_name: node, static_configs: [{targets: ["10.0.0.1:9100"]}]}
"""
GATUS = """
alerting: {slack: {webhook-url: https://x.example}}
endpoints:
  - name: front
    group: shop
    url: https://shop.example/health
    interval: 1m30s
    headers: {X-Probe: "1"}
    client: {timeout: 3s, insecure: true, ignore-redirect: true}
    alerts: [{type: slack}]
    conditions:
      - "[STATUS] == any(200, 204)"
      - "[RESPONSE_TIME] < 300"
      - "[BODY].status == UP"
      - "[BODY].items[0].count == 3"
      - "[BODY] == pat(*cart*)"
      - "[CERTIFICATE_EXPIRATION] > 48h"
      - "len([BODY].items) > 2"
  - {name: cache, url: "tcp://redis.shop.example:6379", conditions: ["[CONNECTED] == true"]}
  - {name: mail, url: "starttls://mail.shop.example:587", conditions: ["[CERTIFICATE_EXPIRATION] > 7d"]}
  - {name: gw, url: "icmp://gw.shop.example", conditions: ["[RESPONSE_TIME] < 50"]}
  - name: names
    url: 192.0.2.53
    dns: {query-name: shop.example, query-type: A}
    conditions: ["[DNS_RCODE] == NOERROR"]
  - {name: shell, url: "ssh://host:22"}
  - {name: retired, enabled: false, url: "https://old.example/"}
"""


def settings(tmp_path: Path, text: str, *more: str) -> tuple[dict[str, Any], list[str]]:
    """The probes as our config has them, after it took them; and what was lost."""
    files = [tmp_path / f"{number}.yml" for number in range(1 + len(more))]
    for file, content in zip(files, (text, *more), strict=True):
        file.write_text(content)
    carried = carry(*files)
    out = tmp_path / "config.yaml"
    out.write_text(carried.text())
    load(out, {"HTTP_2XX_PASSWORD": "x"})
    return {probe.pop("name"): probe for probe in yaml.safe_load(out.read_text())["probes"]}, carried.lost


def test_blackbox_with_its_targets(tmp_path: Path) -> None:
    probes, lost = settings(tmp_path, BLACKBOX, PROMETHEUS)
    assert sorted(probes) == [
        "far gw.shop.example",
        "mail mail.shop.example-25",
        "names 192.0.2.53",
        "shop https-shop.example",
        "shop shop.example",
    ]
    assert probes["shop https-shop.example"] == {
        "type": "http",
        "url": "https://shop.example/",
        "method": "POST",
        "headers": {"X-Probe": "yes"},
        "body": "a=1",
        "redirects": 0,
        "http2": True,
        "max_body": "1000000B",
        "auth": {"basic": {"user": "mei", "password": "${HTTP_2XX_PASSWORD}"}},
        "tls": {"verify": False, "min_version": "1.3"},
        "expect": {
            "status": [200, 204],
            "regex": ["cart"],
            "absent_regex": ["(?i)error"],
            "headers": {"Content-Type": "text/html", "Set-Cookie": None},
            "http": "2",
            "tls": "1.2",
        },
        "ip": 4,
        "every": "30s",
        "timeout": "5s",
        "labels": {"tier": "front"},
    }
    assert probes["shop shop.example"]["url"] == "http://shop.example"
    assert probes["mail mail.shop.example-25"]["dialogue"] == [
        {"expect": r"^220 (\S+)"},
        {"send": "EHLO \\1\n"},
        {"starttls": True},
    ]
    assert probes["names 192.0.2.53"]["expect"] == {"code": "NOERROR"}
    assert [line.partition(":")[0] for line in lost] == [
        "job found",
        "module http_2xx",
        "module http_2xx",
        "module resolver",
        "module resolver",
        "module ping",
        "job gone",
    ]
    assert not any("s3cret" in line for line in lost)


def test_a_password_in_a_target_is_not_copied(tmp_path: Path) -> None:
    blackbox, prometheus, out = tmp_path / "b.yml", tmp_path / "p.yml", tmp_path / "config.yaml"
    blackbox.write_text("modules: {http_2xx: {prober: http}}")
    targets = "static_configs: [{targets: ['https://mei:s3c%20ret@shop.example/a']}]"
    prometheus.write_text(f"scrape_configs: [{{job_name: private, metrics_path: /probe, {targets}}}]")
    carried = carry(blackbox, prometheus)
    out.write_text(carried.text())
    load(out, {"PRIVATE_PASSWORD": "x"})
    assert "s3c" not in out.read_text()
    [probe] = carried.probes
    assert probe["url"] == "https://shop.example/a"
    assert probe["auth"] == {"basic": {"user": "mei", "password": "${PRIVATE_PASSWORD}"}}
    assert carried.lost == [
        "job private: its password, which is a secret; set the variable PRIVATE_PASSWORD, or write password_file"
    ]


def test_blackbox_alone_has_no_targets(tmp_path: Path) -> None:
    probes, lost = settings(tmp_path, BLACKBOX)
    assert sorted(probes) == ["http_2xx", "ping", "resolver", "secret", "smtp"]
    assert lost[0].startswith("targets: a blackbox.yml has none; give the prometheus.yml too")
    assert probes["secret"] == {
        "type": "dns",
        "server": "192.0.2.53",
        "query": "shop.example",
        "record": "A",
        "transport": "tls",
        "tls": {"name": "dns.shop.example"},
        "source": "10.0.0.5",
        "every": "1m",
        "timeout": "9s500ms",
    }
    assert lost[-1] == (
        "module health: that shop.example:443 is asked for its health by gRPC; scrape /probe for it, or look by tcp"
    )


def test_gatus(tmp_path: Path) -> None:
    probes, lost = settings(tmp_path, GATUS)
    assert probes["shop front"] == {
        "type": "http",
        "url": "https://shop.example/health",
        "headers": {"X-Probe": "1"},
        "redirects": 0,
        "tls": {"verify": False},
        "expect": {
            "status": [200, 204],
            "within": "300ms",
            "json": {"$.status": "UP", "$.items[0].count": 3},
            "text": ["cart"],
        },
        "every": "1m30s",
        "timeout": "3s",
    }
    assert probes["shop front certificate"]["expect"] == {"valid_for": "2d"}
    assert probes["cache"] == {
        "type": "tcp",
        "address": "redis.shop.example:6379",
        "every": "1m",
        "timeout": "10s",
    }
    assert (probes["mail"]["starttls"], probes["mail"]["expect"]) == ("smtp", {"valid_for": "7d"})
    assert probes["gw"]["expect"] == {"within": "50ms"}
    assert (probes["names"]["query"], probes["names"]["server"]) == ("shop.example", "192.0.2.53")
    assert lost == [
        "alerting: is no probe; see the sections of the same purpose in config.example.yaml",
        "shop front, alerts: has no word in a probe; alerting is done by rules and routes",
        "shop front, the condition 'len([BODY].items) > 2': has no word in `expect`",
        "shell, ssh://host:22: is looked at by ssh, for which there is no probe; one of type tcp with "
        'dialogue: [{expect: "^SSH-"}] sees whether it greets, and a heartbeat hears from a command that runs there',
        "retired, the endpoint: is not enabled",
    ]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gatus.yaml"
    file.write_text("endpoints: [{name: a, url: 'https://a.example/'}]")
    assert run(argparse.Namespace(file=file, prometheus=None)) == 0
    assert yaml.safe_load(capsys.readouterr().out) == {
        "probes": [{"name": "a", "type": "http", "url": "https://a.example/", "every": "1m", "timeout": "10s"}]
    }
    file.write_text("endpoints: [{name: a, url: 'ssh://a.example/'}]")
    assert run(argparse.Namespace(file=file, prometheus=None)) == 1
    assert capsys.readouterr().out.startswith("# Not carried over:\n#   a, ssh://a.example/: is looked at by ssh")
    file.write_text("modules: {")
    assert run(argparse.Namespace(file=file, prometheus=None)) == 2
    assert run(argparse.Namespace(file=tmp_path / "none.yml", prometheus=None)) == 2
    with pytest.raises(YamlInvalid):
        carry(file)


SWAPPED = """
global: {scrape_interval: 20s}
scrape_configs:
  - job_name: shop
    metrics_path: /probe
    params: {module: [ping]}
    static_configs: [{targets: [gw.shop.example]}]
"""


def test_files_are_recognised_in_any_order(tmp_path: Path) -> None:
    modules, jobs = tmp_path / "one.yml", tmp_path / "two.yml"
    modules.write_text("modules: {ping: {prober: icmp}}")
    jobs.write_text(SWAPPED)
    assert carry(modules, jobs) == carry(jobs, modules)
    assert [probe["every"] for probe in carry(jobs, modules).probes] == ["20s"]


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (SWAPPED, None, "one.yml:1:1: this file is a prometheus.yml, which says nothing of what the modules look for"),
        (SWAPPED, SWAPPED, "two.yml:1:1: this file is a prometheus.yml, as "),
        ("modules: {}", "modules: {}", "two.yml:1:1: this file is a blackbox.yml, as "),
        ("endpoints: []", SWAPPED, "two.yml:1:1: this file stands beside a Gatus config, which is imported alone"),
        ("probes: []", None, "one.yml:1:1: this file is none that can be imported: it has no modules, scrape_configs"),
        ("", None, "one.yml:1:1: this file is none that can be imported"),
        ("endpoints: {a: b}", None, "one.yml:1:12: endpoints: this is a mapping; Gatus has a list of endpoints here"),
        ("endpoints: [a]", None, "one.yml:1:13: endpoints: this is text; an endpoint of Gatus is a mapping"),
    ],
)
def test_files_that_do_not_go_together(tmp_path: Path, first: str, second: str | None, said: str) -> None:
    paths = [tmp_path / "one.yml", tmp_path / "two.yml"]
    for path, text in zip(paths, (first, second), strict=True):
        path.write_text(text or "")
    with pytest.raises(YamlInvalid) as refused:
        carry(paths[0], paths[1] if second else None)
    assert said in str(refused.value)
