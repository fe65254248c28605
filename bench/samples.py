"""What a sample costs in memory, and what appending and asking cost: 40,000 series of 2,000 probes every 15 s.

    python -m bench.samples [--probes 2000] [--hours 3]

The values are those of http probes: latencies in whole microseconds, states, counters, constants, times of runs with
milliseconds of jitter. CPU times are this process' own; memory is what it grew by, labels and index included. Ends
with one JSON line a figure.
"""

import argparse
import gc
import json
import random
import time
from pathlib import Path
from threading import Thread

import psutil
import yaml

from alerts.promql import Engine, Limits, parse
from monitor.garbage import collector_waits
from monitor.samples import Samples
from monitor.web.query import Queries

_STEP_MS = 15_000
_PHASES = ("connect", "processing", "transfer")
_SLOTS = ("run", "late")
_OUTCOMES = ("up", "degraded", "down", "blocked", "unknown")
_RULES = (
    "probe_success == 0",
    "probe_duration_seconds > 2",
    "sum by (location) (probe_success)",
    "rate(probe_results_total[5m])",
    'sum by (probe) (rate(probe_results_total{outcome="down"}[5m])) / sum by (probe) (rate(probe_results_total[5m]))',
    "avg_over_time(probe_duration_seconds[10m]) > 1",
    "max by (probe) (probe_http_duration_seconds) > 5",
    "probe_success == 0 and on(probe) probe_interval_seconds > 1",
    "time() - probe_last_run_timestamp_seconds > 300",
    "absent(probe_success)",
)
_CHARTS = (
    "probe_duration_seconds",
    "sum by (probe) (rate(probe_results_total[5m]))",
    "probe_results_total * on(probe) group_left() probe_success",
)


def series_of(number: int) -> list[tuple[tuple[str, str], ...]]:
    """The label sets of one probe's 20 series."""
    base = {"probe": f"page-{number}", "type": "http", "location": "taipei-1", "shop": f"shop-{number % 20}"}
    names = [
        {"__name__": "probe_success"},
        {"__name__": "probe_duration_seconds"},
        {"__name__": "probe_last_run_timestamp_seconds"},
        {"__name__": "probe_interval_seconds"},
        {"__name__": "probe_http_status_code"},
        *({"__name__": "probe_http_duration_seconds", "phase": phase} for phase in _PHASES),
        *({"__name__": "probe_outcome", "outcome": outcome} for outcome in _OUTCOMES),
        *({"__name__": "probe_results_total", "outcome": outcome} for outcome in _OUTCOMES),
        *({"__name__": "probe_slots_total", "outcome": outcome} for outcome in _SLOTS),
    ]
    return [tuple(sorted((base | own).items())) for own in names]


def values_at(tick: int, at_ms: int, up: bool) -> list[float]:
    latencies = [round(random.lognormvariate(-4, 0.5), 6) for _ in _PHASES]
    states = [1.0, 0, 0, 0, 0] if up else [0, 0, 1.0, 0, 0]
    counts = [float(tick), 0, float(tick // 500), 0, 0]
    took, last_run = round(sum(latencies), 6), (at_ms - random.randrange(2)) / 1000
    return [float(up), took, last_run, 15.0, 200.0 if up else 500.0, *latencies, *states, *counts, tick, 0.0]


def shipped_rules() -> list[dict[str, str]]:
    files = sorted(Path("alerts/rules").glob("*.yml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def longest_stop(samples: Samples, text: str, now_ms: int) -> float:
    """How long another thread was kept from running while Grafana's query was answered, in milliseconds."""
    queries = Queries(samples, lambda: now_ms / 1000, lambda: (), Limits(), time.monotonic)
    start, end = str(now_ms / 1000 - 1800), str(now_ms / 1000)

    def ask() -> None:
        with collector_waits():
            queries.range([("query", text), ("start", start), ("end", end), ("step", "60")])

    asking = Thread(target=ask)
    asking.start()
    worst = 0.0
    while asking.is_alive():
        begun = time.perf_counter()
        time.sleep(0.001)
        worst = max(worst, time.perf_counter() - begun - 0.001)
    return round(worst * 1000, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--probes", type=int, default=2000)
    parser.add_argument("--hours", type=float, default=3.0)
    arguments = parser.parse_args()
    random.seed(7)
    ticks = round(arguments.hours * 3600 * 1000 / _STEP_MS)
    probes = [series_of(number) for number in range(arguments.probes)]
    gc.collect()
    process = psutil.Process()
    before = process.memory_info().rss
    samples = Samples(max_age=arguments.hours * 3600 + 3600)
    appending = 0.0
    for tick in range(ticks):
        for number, labels in enumerate(probes):
            at = 1_700_000_000_000 + tick * _STEP_MS + number * 7 + random.randrange(4)
            values = values_at(tick, at, random.random() > 0.002)
            begun = time.process_time()
            for one, value in zip(labels, values, strict=True):
                samples.append(one, at, value)
            appending += time.process_time() - begun
    gc.collect()
    grown = process.memory_info().rss - before
    count = samples.sample_count
    figures: dict[str, float] = {
        "series": samples.series_count,
        "samples": count,
        "bytes a sample": round(grown / count, 2),
        "append, µs": round(appending / count * 1e6, 2),
        "append, CPU share at 15 s, %": round(appending / ticks / 15 * 100, 2),
    }
    engine, now = Engine(samples), at + 1000
    total = 0.0
    for text in _RULES:
        expr = parse(text)
        engine.instant(expr, now)
        begun = time.process_time()
        engine.instant(expr, now)
        spent = time.process_time() - begun
        total += spent
        figures[f"{text}, ms"] = round(spent * 1000, 1)
    figures["these queries, CPU share at 15 s, %"] = round(total / 15 * 100, 2)
    shipped = [parse(rule["expr"]) for rule in shipped_rules()]
    for expr in shipped:
        engine.instant(expr, now)
    begun = time.process_time()
    for expr in shipped:
        engine.instant(expr, now)
    figures["shipped rules"] = len(shipped)
    figures["shipped rules, CPU share at 15 s, %"] = round((time.process_time() - begun) / 15 * 100, 2)
    for text in _CHARTS:
        figures[f"longest stop of others during a 30 min chart of {text}, ms"] = longest_stop(samples, text, now)
    for figure, ours in figures.items():
        print(json.dumps({"figure": figure, "ours": ours}, ensure_ascii=False))


if __name__ == "__main__":
    main()
