"""blackbox.yml with its prometheus.yml: how often, for how long, and what is said to be lost."""

import pytest

from probes.carry.blackbox import carry
from probes.yamlfile import YamlInvalid

MODULES = "modules: {ping: {prober: icmp%s}, any: {prober: dns, dns: {query_name: a.example}}}"
JOB = (
    "{job_name: far, metrics_path: /probe, %s params: {module: [ping]}, static_configs: [{targets: [gw.shop.example]}]}"
)


@pytest.mark.parametrize(
    ("usual", "job", "module", "every", "timeout"),
    [
        ("", "", "", "1m", "9s500ms"),
        ("global: {scrape_interval: 20s}", "", "", "20s", "9s500ms"),
        ("global: {scrape_interval: 20s}", "scrape_interval: 2m,", "", "2m", "9s500ms"),
        ("global: {scrape_interval: 5s}", "", "", "5s", "4s500ms"),
        ("global: {scrape_timeout: 20s}", "", "", "1m", "19s500ms"),
        ("global: {scrape_timeout: 20s}", "scrape_timeout: 8s,", "", "1m", "7s500ms"),
        ("", "", ", timeout: 3s", "1m", "3s"),
        ("", "", ", timeout: 30s", "1m", "9s500ms"),
        ("global:", "", "", "1m", "9s500ms"),
    ],
)
def test_how_often_and_how_long(usual: str, job: str, module: str, every: str, timeout: str) -> None:
    carried = carry(MODULES % module, "blackbox.yml", f"{usual}\nscrape_configs: [{JOB % job}]")
    [probe] = carried.probes
    assert (probe["every"], probe["timeout"], carried.lost) == (every, timeout, [])


def test_an_interval_that_is_none() -> None:
    with pytest.raises(YamlInvalid, match=r"prometheus.yml:1:27: scrape_interval: 'often' is not a duration"):
        carry(MODULES % "", "blackbox.yml", "global: {scrape_interval: often}\nscrape_configs: []")


def test_a_word_of_prometheus_is_text() -> None:
    job = (JOB % "").replace("far", "off")
    carried = carry(MODULES % "", "blackbox.yml", f"scrape_configs: [{job}]")
    assert [probe["name"] for probe in carried.probes] == ["off gw.shop.example"]


def test_what_a_job_says_beside_its_targets() -> None:
    group = "{targets: [192.0.2.53], labels: {__param_module: any, __scheme__: https, tier: 1}}"
    job = f"{{job_name: j, metrics_path: /probe, params: {{hostname: [a]}}, static_configs: [{group}]}}"
    carried = carry(MODULES % "", "blackbox.yml", f"scrape_configs: [{job}]")
    [probe] = carried.probes
    assert (probe["type"], probe["labels"]) == ("dns", {"tier": "1"})
    assert carried.lost == [
        "job j: its params.hostname, for which a probe has no word of that name",
        "job j: __scheme__: https; it is no label of a probe",
        "module any: query_type: ANY, which name servers need not answer (RFC 8482); A is asked for",
    ]


@pytest.mark.parametrize(
    "jobs",
    [
        "",
        "text",
        "[text]",
        "[{metrics_path: /probe, params: text, static_configs: text}]",
        "[{metrics_path: /probe, params: [a], static_configs: [text, {targets: text}, {targets: [], labels: text}]}]",
    ],
)
def test_jobs_that_prometheus_would_refuse_name_no_target(jobs: str) -> None:
    carried = carry(MODULES % "", "blackbox.yml", f"global: text\nscrape_configs: {jobs}")
    assert (carried.probes, carried.lost) == ([], [])


def test_a_ping_of_a_size() -> None:
    carried = carry(MODULES % ", icmp: {payload_size: 1000, dont_fragment: true}", "blackbox.yml")
    assert carried.probes[0]["size"] == 1000
    assert "module ping: dont_fragment, for which a probe has no word; scrape /probe for it" in carried.lost
