"""blackbox.yml: what is read, and what is refused by name and place."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from probes.blackbox.modules import load_modules
from probes.blackbox.prober import patience
from probes.blackbox.settings import BlackboxSettings
from probes.yamlfile import YamlInvalid
from tests.programs import require_program

GOOD = """
modules:
  shop:
    prober: http
    timeout: 5s
    http:
      valid_status_codes: [200, 204]
      headers: {Host: shop.example}
      basic_auth: {username: mei, password_file: /run/secret}
      tls_config: {ca_file: /ca.pem, min_version: TLS13}
      fail_if_body_not_matches_regexp: ["cart"]
  mail:
    prober: tcp
    tcp: {query_response: [{expect: "^220"}, {send: "QUIT"}]}
"""


def test_a_good_file() -> None:
    modules = load_modules(GOOD, "blackbox.yml")
    assert sorted(modules) == ["mail", "shop"]
    http = modules["shop"].http
    assert http.auth
    assert http.auth.basic
    assert http.auth.basic.password.file == Path("/run/secret")
    assert http.tls_config.settings().min_version == "1.3"
    assert modules["shop"].for_host("Other.example").http.headers == {"Host": "other.example"}


def test_the_files_that_come_with_blackbox_exporter() -> None:
    """Debian's own config and its examples."""
    require_program("prometheus-blackbox-exporter")
    shipped = [Path("/etc/prometheus/blackbox.yml"), *Path("/usr/share/doc").glob("prometheus-blackbox-e*/*/*.yml")]
    for file in filter(Path.exists, shipped):
        assert load_modules(file.read_text(), str(file))
    names = BlackboxSettings(modules=shipped[0]).names if shipped[0].exists() else ["grpc"]
    assert "grpc" in names


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "modules:\n  a: {prober: unix}",
            "b.yml:2:15: modules.a.prober: Input should be 'http', 'tcp', 'dns', 'icmp' or 'grpc'",
        ),
        ("modules:\n  a: {prober: grpc, grpc: {method: List}}", "b.yml:2:28: modules.a.grpc.method is not supported"),
        (
            "modules:\n  a: {prober: tcp, tcp: {source_ip_address: eth1}}",
            "b.yml:2:45: modules.a.tcp.source_ip_address: 'eth1' is not an IP address; write one that this machine has",
        ),
        (
            "modules:\n  a: {prober: dns, dns: {query_name: a, dns_over_tls: true}}",
            "b.yml:2:25: modules.a.dns: dns_over_tls needs transport_protocol: tcp; by udp it never succeeds",
        ),
        (
            "modules:\n  a: {prober: http, http: {compression: zstd}}",
            "b.yml:2:41: modules.a.http.compression: Input should be '', 'gzip', 'deflate', 'br' or 'identity'",
        ),
        ("modules:\n  a: {prober: http, http: {bogus: 1}}", "b.yml:2:28: modules.a.http.bogus is not supported"),
        ("modules:\n  a: {prober: dns}", "b.yml:2:6: modules.a: a module of the prober dns needs dns: {query_name: …}"),
        (
            "modules:\n  a:\n    prober: http\n    http:\n      fail_if_body_matches_regexp: ['a(']",
            "b.yml:5:37: modules.a.http.fail_if_body_matches_regexp.0: 'a(' is not a regular expression (RE2 syntax):"
            " missing ): a(",
        ),
        ("modules:\n  a: {prober: http, timeout: 5}", "b.yml:2:30: modules.a.timeout: 5 is not a duration"),
        ("modules: {", "b.yml:1:"),
    ],
)
def test_a_bad_file(text: str, problem: str) -> None:
    with pytest.raises(YamlInvalid) as invalid:
        load_modules(text, "b.yml")
    assert str(invalid.value).startswith(problem)


def test_the_settings_read_their_file_and_say_what_is_wrong(tmp_path: Path) -> None:
    assert BlackboxSettings().names == ["http_2xx", "http_post_2xx", "icmp", "tcp_connect"]
    file = tmp_path / "blackbox.yml"
    file.write_text(GOOD)
    assert BlackboxSettings(modules=file).module("mail")
    with pytest.raises(ValidationError, match="cannot read"):
        BlackboxSettings(modules=tmp_path / "none.yml")
    file.write_text("modules:\n  a: {prober: unix}")
    with pytest.raises(ValidationError, match=r"blackbox\.yml:2:15: modules.a.prober: Input should be"):
        BlackboxSettings(modules=file)
    with pytest.raises(ValidationError, match=r"allow: 10\.0\.0\.1/8 has host bits set"):
        BlackboxSettings.model_validate({"allow": "10.0.0.1/8"})


def test_the_timeout_is_the_modules_and_a_little_less_than_the_scrapes() -> None:
    modules = load_modules("modules:\n  a: {prober: http, timeout: 5s}\n  b: {prober: http}", "b.yml")
    assert patience(modules["a"], None) == 5
    assert patience(modules["a"], 10.0) == 5
    assert patience(modules["a"], 3.0) == 2.5
    assert patience(modules["a"], 0.4) == 0.4
    assert patience(modules["b"], 10.0) == 9.5
    assert patience(modules["b"], float("nan")) == patience(modules["b"], -1.0) == 120
