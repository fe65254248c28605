"""What a scrape of 100,000 series and the taking in of results cost in CPU; one JSON line a figure."""

import json
import statistics
import time

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from monitor.metrics import Exposition
from probes.base import Finding, Outcome, Probe, ProbeSettings, Result, Run, Sample
from probes.registry import Registry

SERIES, PER_PROBE, ROUNDS = 100_000, 50, 5
PHASES = ("resolve", "connect", "tls", "processing", "transfer")


class Fifty(Probe[ProbeSettings]):
    settings_model = ProbeSettings

    async def check(self, run: Run) -> Finding:
        return Finding(Outcome.UP)


class Kinds(Registry):
    def __init__(self) -> None:
        super().__init__("bench.none", {"fifty": f"{__name__}:Fifty"})


def result(number: int, shift: float) -> Result:
    phases = [Sample("probe_http_duration_seconds", shift + 0.001, (("phase", phase),)) for phase in PHASES]
    others = [Sample(f"probe_http_number_{n}", shift + n) for n in range(11)]
    finding = Finding(Outcome.UP, samples=(*phases, *others))
    run_id = f"a1b2c3d4{number:x}"
    return Result(f"probe {number}", "fifty", 1e9 + shift, 0.001, shift, finding, run_id=run_id)


def cpu(work: object, *arguments: object) -> float:
    began = time.process_time()
    work(*arguments)  # type: ignore[operator]
    return time.process_time() - began


def main() -> None:
    probes = [ProbeSettings(name=f"probe {number}", type="fifty") for number in range(SERIES // PER_PROBE)]
    exposition = Exposition("here", Kinds())
    exposition.configure(probes, 1e9)
    taking, scraping, peer, strict, strict_peer = [], [], [], [], []
    registry = CollectorRegistry()
    gauges = [Gauge(f"number_{n}", "A number.", ("probe",), registry=registry) for n in range(PER_PROBE)]
    for n, gauge in enumerate(gauges):
        for probe in probes:
            gauge.labels(probe.name).set(n + 0.1)
    for turn in range(ROUNDS):
        results = [result(number, turn + 0.123) for number in range(len(probes))]
        taking.append(cpu(lambda: [exposition.update(one, 1e9 + turn) for one in results]))  # noqa: B023 - called here
        scraping.append(cpu(exposition.text))
        peer.append(cpu(generate_latest, registry))
        strict.append(cpu(exposition.openmetrics))
        strict_peer.append(cpu(openmetrics.generate_latest, registry))
    series = sum(1 for line in exposition.text().splitlines() if not line.startswith(b"#"))
    ours, theirs = statistics.median(scraping), statistics.median(peer)
    strictly = statistics.median(strict) * SERIES / series
    figures = [
        ("scrape of 100,000 series, CPU seconds (peer: prometheus_client)", ours * SERIES / series, theirs),
        ("the same in OpenMetrics, with an exemplar a bucket, CPU seconds", strictly, statistics.median(strict_peer)),
        (f"taking in a result of {PER_PROBE} series, CPU seconds", statistics.median(taking) / len(probes), None),
    ]
    for figure, mine, other in figures:
        print(json.dumps({"figure": figure, "ours": mine, "peer": other, "ratio": other and mine / other}))


if __name__ == "__main__":
    main()
