"""What evaluating the shipped rule packs costs: 2,000 probes with 40,000 series, every 15 s, a tenth of them down.

    python -m bench.rules [--probes 2000] [--down 0.1]

CPU time of this process for whole evaluations: queries, the state of alerts, templates, ALERTS series, what is told and
kept. Beside it a glance, the extra look when a probe's outcome changes. Ends with one JSON line a figure.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

from alerts.promql import Engine
from alerts.promql.stale import STALE
from alerts.rulefile import load
from alerts.rulegroup import GroupRun
from alerts.rulequery import query_of
from alerts.rulestate import Surroundings
from bench.samples import series_of, values_at
from monitor.samples import Samples

_STEP, _TICKS, _INTERVAL = 15_000, 60, 15.0


def main() -> None:
    parser = argparse.ArgumentParser(description="The CPU that rule evaluation costs.")
    parser.add_argument("--probes", type=int, default=2000)
    parser.add_argument("--down", type=float, default=0.1)
    args = parser.parse_args()
    samples = Samples()
    probes = [series_of(number) for number in range(args.probes)]
    for tick in range(_TICKS):
        for number, series in enumerate(probes):
            for labels, value in zip(
                series, values_at(tick, tick * _STEP, number >= args.down * args.probes), strict=True
            ):
                samples.append(labels, tick * _STEP, value)
    query = query_of(Engine(samples))
    groups = load(sorted(Path("alerts/rules").glob("*.yml")), _INTERVAL)
    runs = [GroupRun(group, Surroundings(), time.perf_counter) for group in groups]

    def append(labels: tuple[tuple[str, str], ...], at: int, value: float | None) -> bool:
        return samples.append(labels, at, STALE if value is None else value)

    clock, glances, alerts = [], [], 0
    for round_ in range(7):
        at = _TICKS * _STEP + round_ * round(_INTERVAL * 1000)
        begun = time.process_time()
        for run in runs:
            failures = run.evaluate(at, query, append)
            assert failures == [], failures
            run.telling(at)
            list(run.keepsakes(at))
        clock.append(time.process_time() - begun)
        begun = time.process_time()
        for run in runs:
            run.glance(at + 100, query, run.rules)
        glances.append(time.process_time() - begun)
        alerts = sum(1 for run in runs for _ in run.alerts())
    series = sum(map(len, probes))
    share = statistics.median(clock[1:]) / _INTERVAL
    figures = {
        "rule evaluation, share of one core": round(share, 4),
        "one glance over all rules, CPU seconds": round(statistics.median(glances), 3),
    }
    print(f"{sum(len(group.rules) for group in groups)} rules, {series} series, {alerts} alerts stand")
    for figure, value in figures.items():
        print(json.dumps({"figure": figure, "ours": value, "series": series, "alerts": alerts}))


if __name__ == "__main__":
    main()
