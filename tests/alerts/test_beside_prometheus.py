"""A real Prometheus scrapes and evaluates for half a minute; then we evaluate the same rules over the same samples.

Its raw samples come from its API; where a series ends, the stale marker that it wrote (its API hides them) is put back
at the time of the scrape that missed it. Groups that were evaluated within moments of a scrape are left out: whether
that scrape was stored in time is chance.
"""

import random
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.promql import Engine
from alerts.rulefile import read_rules
from alerts.rulegroup import GroupRun
from alerts.rulequery import query_of
from alerts.rulestate import Surroundings
from alerts.ruletest.samples import TestSamples
from probes.base import Labels
from tests.alerts.comparison import EXPRESSIONS, rule_file
from tests.prometheus import Prometheus, prometheus

#: How long Prometheus runs and how often it evaluates (seconds); what is too near to be sure about (milliseconds).
_SECONDS, _EVALUATED, _NEAR = 28.0, 2, 60
_TWINS = "abcd"
_DURATION = re.compile(r"(?:(\d+)m)?(?:(\d+)s)?(?:500ms)?")


def _quicker(expr: str) -> str:
    """The same expression at a fifteenth of its durations, and on `ok`, because `up` is Prometheus' own."""

    def shorten(match: re.Match[str]) -> str:
        minutes, seconds = int(match[2] or 0), int(match[3] or 0)
        return f"{match[1]}{(minutes * 60 + seconds) // 15}s{'500ms' if match[1] == '[' else ''}"

    shortened = re.sub(r"(\[|offset )(?:(\d+)m)?(?:(\d+)s)?(?:500ms)?(?=\]|:|\s|$)", shorten, expr)
    return re.sub(r"\bup\b", "ok", shortened.replace(":30s]", ":2s]"))


def _rules() -> str:
    """The rules of the comparison several times, so that some are evaluated well apart from the scrapes."""
    groups = []
    for twin in _TWINS:
        for group in yaml.safe_load(rule_file())["groups"]:
            rules = [{"record": f"stamp:{group['name']}:{twin}", "expr": "vector(1)"}]
            for rule in group["rules"]:
                rule["labels"] = rule.get("labels", {}) | {"twin": twin}
                rule["expr"] = _own(_quicker(rule["expr"]), twin)
                for key in ("for", "keep_firing_for"):
                    if key in rule:
                        rule[key] = _shorter(rule[key])
                if "record" in rule:
                    rule["record"] = _quicker(rule["record"])
                rules.append(rule)
            groups.append({"name": f"{group['name']}-{twin}", "interval": f"{_EVALUATED}s", "rules": rules})
    return yaml.safe_dump({"groups": groups}, width=1000)


def _own(expr: str, twin: str) -> str:
    """Recorded series and ALERTS of one's own twin only."""
    expr = re.sub(r"\b(job:\w+:\w+)", rf'\1{{twin="{twin}"}}', expr)
    return expr.replace("{alertstate", f'{{twin="{twin}",alertstate').replace(
        "{alertname", f'{{twin="{twin}",alertname'
    )


def _shorter(duration: str) -> str:
    match = _DURATION.fullmatch(duration)
    assert match is not None
    return f"{(int(match[1] or 0) * 60 + int(match[2] or 0)) // 15}s"


class _Shop(BaseHTTPRequestHandler):
    """A target whose series flap, end, come back and are reset, by the second since the start."""

    pages: list[str]
    started: float

    def do_GET(self) -> None:
        second = int(time.monotonic() - self.started)
        body = self.pages[min(second, len(self.pages) - 1)].encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


def _pages(seed: int) -> list[str]:
    draw = random.Random(seed)
    pages: list[list[str]] = [[] for _ in range(90)]
    for i in range(1, 5):
        labels = f'{{i="{i}",job="{"shop" if i < 4 else "pay"}"}}'
        for name, choose in (("ok", lambda: draw.randint(0, 1)), ("v", lambda: draw.randint(-40, 100) / 10)):
            _stretches(draw, pages, f"{name}{labels}", choose, gaps=True, shift=i * 0.00123456789 if name == "v" else 0)
    for i in range(1, 3):
        for name in ("c_total", "d_total"):
            value = 0
            for page in pages:
                value = 0 if draw.random() < 0.05 else value + draw.randint(0, 4)
                if name == "c_total" or draw.random() < 0.9:
                    page.append(f'{name}{{i="{i}",job="shop"}} {value}')
    below = [0] * len(pages)
    for bound in ("0.1", "0.5", "1", "+Inf"):
        total, counts = 0, []
        for _ in pages:
            total += draw.randint(0, 3)
            counts.append(total)
        below = [count + more for count, more in zip(below, counts, strict=True)]
        for page, count in zip(pages, below, strict=True):
            page.append(f'h_bucket{{le="{bound}"}} {count}')
    return ["\n".join(page) + "\n" for page in pages]


def _stretches(
    draw: random.Random, pages: list[list[str]], series: str, choose: Any, *, gaps: bool, shift: float
) -> None:
    second = 0
    while second < len(pages):
        value, missing = choose() + shift, gaps and draw.random() < 0.25
        for page in pages[second : second + draw.randint(1, 8)]:
            second += 1
            if not missing:
                page.append(f"{series} {value}")


@contextmanager
def _shop(seed: int) -> Iterator[int]:
    handler = type("Shop", (_Shop,), {"pages": _pages(seed), "started": time.monotonic()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


Samples = dict[Labels, list[tuple[int, float]]]


def _raw(running: Prometheus, selector: str) -> Samples:
    return {
        tuple(sorted(series["metric"].items())): [(round(at * 1000), float(value)) for at, value in series["values"]]
        for series in running.query(f"{selector}[10m]")
    }


def _with_ends(series: Samples, scrapes: list[int]) -> list[tuple[int, Labels, float | None]]:
    """Every sample and stale marker, in the order of time."""
    found: list[tuple[int, Labels, float | None]] = []
    for labels, points in series.items():
        found += [(at, labels, value) for at, value in points]
        times = {at for at, _ in points}
        for before, scrape in pairwise(scrapes):
            if before in times and scrape not in times:
                found.append((scrape, labels, None))
    return sorted(found, key=lambda sample: sample[0])


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_the_same_alerts_in_the_same_state_as_a_real_prometheus(tmp_path: Path):
    rules = _rules()
    assert rules.count("alert: ") == len(_TWINS) * len(EXPRESSIONS)
    (tmp_path / "rules.yml").write_text(rules)
    files = [tmp_path / "rules.yml"]
    with _shop(seed=7) as port, prometheus(tmp_path / "prometheus", [f"127.0.0.1:{port}"], files) as running:
        time.sleep(_SECONDS)
        stamped = _raw(running, '{__name__=~"stamp:.*"}')
        time.sleep(1)  # the newest of these evaluations may still be under way
        theirs = _raw(running, '{__name__=~"ALERTS|ALERTS_FOR_STATE"}')
        source = _raw(running, '{__name__=~"ok|v|c_total|d_total|h_bucket"}')
        [took] = _raw(running, "scrape_duration_seconds").values()
    times = {dict(labels)["__name__"]: [at for at, _ in points] for labels, points in stamped.items()}
    samples = _with_ends(source, [at for at, _ in took])
    compared = firing = 0
    for twin in _TWINS:
        moments = sorted((at, kind) for kind in ("first", "alerts") for at in times[f"stamp:{kind}:{twin}"])
        if _is_apart(moments, took):
            more, fired = _compare(rules, samples, theirs, moments, twin)
            compared, firing = compared + more, firing + fired
    assert compared >= 8, "hardly any evaluation was apart from the scrapes"
    assert firing >= 200


def _compare(
    rules: str,
    samples: list[tuple[int, Labels, float | None]],
    theirs: Samples,
    moments: list[tuple[int, str]],
    twin: str,
) -> tuple[int, int]:
    """How many evaluations of one twin were compared, and how many firing alerts they had."""
    read = read_rules(rules, "r.yml")
    assert read.problems == ()
    groups = [group for group in read.groups if group.name.endswith(f"-{twin}")]
    runs = {group.name: GroupRun(group, Surroundings(), lambda: 0.0) for group in groups}
    memory, waiting = TestSamples(), iter([*samples, (1 << 60, (), None)])
    upcoming = next(waiting)
    query = query_of(Engine(memory, subquery_step=1.0))
    own = {labels: dict(points) for labels, points in theirs.items() if ("twin", twin) in labels}
    compared = firing = 0
    for number, (at, kind) in enumerate(moments):
        while upcoming[0] <= at:
            memory.append(upcoming[1], upcoming[0], upcoming[2])
            upcoming = next(waiting)
        run = runs[f"{kind}-{twin}"]
        assert run.evaluate(at, query, memory.append) == []
        if kind == "first" or number < 8:  # Prometheus writes ALERTS once it has tried to restore
            continue
        ours = {labels: value for rule in run.rules if rule.states for labels, value in rule.states.series()}
        assert ours == {labels: points[at] for labels, points in own.items() if at in points}, at
        compared += 1
        firing += sum(dict(labels).get("alertstate") == "firing" for labels in ours)
    return compared, firing


def _is_apart(moments: list[tuple[int, str]], took: list[tuple[int, float]]) -> bool:
    """Whether no evaluation fell into a scrape or right behind another one: what it saw of them would be chance.

    One that saw another sample would show in the states of all later ones.
    """
    scraped = all(not -5 <= at - start <= seconds * 1000 + _NEAR for at, _ in moments for start, seconds in took)
    return scraped and all(later - earlier > _NEAR for (earlier, _), (later, _) in pairwise(moments))
